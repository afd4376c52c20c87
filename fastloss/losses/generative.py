"""Losses of generative models: adversarial networks, and autoencoders whose codes are random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _arrays, _core, errors
from .._core import GRADIENT, VALUE, WEIGHT, Inputs, Kernel, Output, Sums, execute, kinds_of
from .._types import Reduction, Total
from ..domains import NOT_NEGATIVE, brief, number_in, parameter
from ..links import Mixin
from ..loss import Loss, LossOfInputs, LossOfSeveral, bind
from ..signature import Signature, composed
from .distribution import GaussianKL
from .regression import SquaredError


def _check_kind(loss: Loss, kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        *others, last = (f'"{name}"' for name in kinds)
        raise ValueError(f"{type(loss).__name__}: kind must be {', '.join(others)} or {last}; got {brief(kind)}.")


@dataclass(frozen=True, slots=True)
class GANDiscriminator(LossOfSeveral):
    r"""Loss of a discriminator, or critic, of a generative adversarial network: ``loss(real_scores, fake_scores)``.

    Both inputs are raw scores, logits, of one shape: those of real samples, which should be high, and of generated ones, which
    should be low. One loss for each pair.

    Parameters
    ----------
    kind : {"minimax", "wasserstein", "hinge", "least_squares"}, default="minimax"
        ``"minimax"`` is the cross-entropy of real and generated, ``"wasserstein"`` the difference of the scores of a critic
        that is kept smooth by other means (`GradientPenalty`), ``"hinge"`` pays for scores on the wrong side of the margins 1
        and -1, and ``"least_squares"`` half the squared distances of the scores from 1 and 0.

    Notes
    -----
    With the scores r of a real and f of a generated sample, and the logistic function :math:`\sigma`:

    .. math::

        \operatorname{softplus}(x) = \log\left(1 + e^x\right), \qquad \operatorname{softplus}'(x) = \sigma(x)

    ================= ======================================================== =================== ===================== =======
    kind              loss                                                     by r                by f                  Hessian
    ================= ======================================================== =================== ===================== =======
    ``minimax``       :math:`\operatorname{softplus}(-r) +                     :math:`-\sigma(-r)` :math:`\sigma(f)`     \*
                      \operatorname{softplus}(f)`
    ``wasserstein``   :math:`f - r`                                            -1                  1                     0
    ``hinge``         :math:`\max(0, 1 - r) + \max(0, 1 + f)`                  -1, 0 from r = 1 on 1, 0 up to f = -1     0
    ``least_squares`` :math:`\frac12 \left((r - 1)^2 + f^2\right)`             :math:`r - 1`       :math:`f`             1
    ================= ======================================================== =================== ===================== =======

    \* :math:`\sigma(x) \sigma(-x)` of each score. Gradients and Hessians are tuples, for ``real_scores`` and ``fake_scores``.
    No sigmoid is formed whose logarithm is taken: losses and gradients are exact for scores of any size.

    The sum of ``"wasserstein"`` is the exact sum of all f less that of all r, rounded once, and the mean is that divided once:
    it keeps its digits where large scores cancel, which are lost in the rounded losses of ``reduction="none"``.

    See Also
    --------
    GANGenerator : the loss of the other player.
    GradientPenalty : what keeps a critic smooth.

    References
    ----------
    I. Goodfellow et al., Generative adversarial nets, NeurIPS (2014). arXiv:1406.2661

    M. Arjovsky, S. Chintala, L. Bottou, Wasserstein generative adversarial networks, ICML (2017). arXiv:1701.07875

    J. H. Lim, J. C. Ye, Geometric GAN (2017), arXiv:1705.02894, and T. Miyato et al., Spectral normalization for generative
    adversarial networks, ICLR (2018), arXiv:1802.05957: the hinge loss.

    X. Mao et al., Least squares generative adversarial networks, ICCV (2017). arXiv:1611.04076

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gan_discriminator([0.0, 2.0], [0.0, -2.0], reduction="none")
    array([1.38629436, 0.25385602])
    >>> fl.gan_discriminator.gradient([0.0, 2.0], [0.0, -2.0], reduction="none")
    (array([-0.5       , -0.11920292]), array([0.5       , 0.11920292]))
    >>> fl.GANDiscriminator("wasserstein")([1e16, 0.0], [1.0, 1e16])
    0.5
    """

    kind: str = "minimax"

    formula = "gan_discriminator_minimax"
    numpy_value = "np.mean(np.logaddexp(0, -real_scores) + np.logaddexp(0, fake_scores))"
    numpy_gradient = "(-1 / (1 + np.exp(real_scores)) / n, 1 / (1 + np.exp(-fake_scores)) / n)"

    def __post_init__(self) -> None:
        _check_kind(self, self.kind, ("minimax", "wasserstein", "hinge", "least_squares"))
        super(GANDiscriminator, self).__post_init__()

    def _kernel_name(self) -> str:
        return f"gan_discriminator_{self.kind}"

    def _rest_name(self) -> tuple[str, ...]:
        return ("gan_discriminator_wasserstein_rest",) if self.kind == "wasserstein" else ()


@dataclass(frozen=True, slots=True)
class GANGenerator(LossOfInputs):
    r"""Loss of the generator of a generative adversarial network: ``loss(fake_scores)``.

    The scores are the discriminator's, raw ones (logits), of generated samples; the generator wants them to be high. An array
    of any shape, one loss for each score.

    Parameters
    ----------
    kind : {"non_saturating", "minimax", "wasserstein", "hinge", "least_squares"}, default="non_saturating"
        The loss of the discriminator, of which ``"minimax"`` has two generators: that of the original game, whose gradient
        vanishes where the discriminator is sure, and the one that does not saturate. Those of ``"wasserstein"`` and
        ``"hinge"`` are the same.

    Notes
    -----
    With the score f and the logistic function :math:`\sigma`:

    .. math::

        \operatorname{softplus}(x) = \log\left(1 + e^x\right), \qquad \operatorname{softplus}'(x) = \sigma(x)

    ===================== ======================================= =================== ===============================
    kind                  loss                                    gradient            Hessian
    ===================== ======================================= =================== ===============================
    ``non_saturating``    :math:`\operatorname{softplus}(-f)`     :math:`-\sigma(-f)` :math:`\sigma(f) \sigma(-f)`
    ``minimax``           :math:`-\operatorname{softplus}(f)`     :math:`-\sigma(f)`  :math:`-\sigma(f) \sigma(-f)`
    ``wasserstein``       :math:`-f`                              -1                  0
    ``hinge``             :math:`-f`                              -1                  0
    ``least_squares``     :math:`\frac12 (f - 1)^2`               :math:`f - 1`       1
    ===================== ======================================= =================== ===============================

    See Also
    --------
    GANDiscriminator : the loss of the other player.

    References
    ----------
    I. Goodfellow et al., Generative adversarial nets, NeurIPS (2014). arXiv:1406.2661

    M. Arjovsky, S. Chintala, L. Bottou, Wasserstein generative adversarial networks, ICML (2017). arXiv:1701.07875

    J. H. Lim, J. C. Ye, Geometric GAN (2017). arXiv:1705.02894

    X. Mao et al., Least squares generative adversarial networks, ICCV (2017). arXiv:1611.04076

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gan_generator([0.0, 2.0], reduction="none")
    array([0.69314718, 0.12692801])
    >>> fl.gan_generator.gradient([0.0, 2.0], reduction="none")
    array([-0.5       , -0.11920292])
    >>> fl.GANGenerator("minimax").gradient([-1000.0])
    array([-0.])
    """

    kind: str = "non_saturating"

    formula = "gan_generator_non_saturating"
    numpy_value = "np.mean(np.logaddexp(0, -fake_scores))"
    numpy_gradient = "-1 / (1 + np.exp(fake_scores)) / n"

    def __post_init__(self) -> None:
        _check_kind(self, self.kind, ("non_saturating", "minimax", "wasserstein", "hinge", "least_squares"))
        super(GANGenerator, self).__post_init__()

    def _kernel_name(self) -> str:
        return f"gan_generator_{'wasserstein' if self.kind == 'hinge' else self.kind}"


@dataclass(frozen=True, slots=True)
class GradientPenalty(LossOfInputs):
    r"""Penalty on gradients whose norm is not the target, of the critics of Wasserstein networks: ``loss(gradients)``.

    ``gradients`` has the shape (n, ...): for each sample, the gradient of the critic's score by the sample, which the caller
    has found, mostly at points between real and generated samples. One loss for each sample, of the norm over all its numbers.
    An array of one axis is a single gradient.

    Parameters
    ----------
    target : float, default=1.0
        The norm that costs nothing, >= 0.
    weight : float, default=10.0
        What the penalty is multiplied by, >= 0.
    one_sided : bool, default=False
        Whether norms below the target cost nothing, too.

    Notes
    -----
    With t the target and w the weight:

    .. math::

        \ell = w \left(\lVert g \rVert - t\right)^2, \qquad
        \frac{\partial \ell}{\partial g_i} = 2 w \left(\lVert g \rVert - t\right) \frac{g_i}{\lVert g \rVert}

    The gradient, which is that by the gradients given, is 0 for a gradient of zeros, which has no direction; one-sided, loss
    and gradient are 0 up to the target. Squares neither over- nor underflow where the norm is a number. With ``sample_weight``
    of the shape of ``gradients``, squares are weighted, and so is the norm. There is no Hessian.

    References
    ----------
    I. Gulrajani et al., Improved training of Wasserstein GANs, NeurIPS (2017). arXiv:1704.00028

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gradient_penalty([[0.6, 0.8], [3.0, 4.0]], reduction="none")
    array([  0., 160.])
    >>> fl.gradient_penalty.gradient([[0.6, 0.8], [3.0, 4.0]], reduction="none")
    array([[ 0.,  0.],
           [48., 64.]])
    """

    target: float = parameter(1.0, NOT_NEGATIVE)
    weight: float = parameter(10.0, NOT_NEGATIVE)
    one_sided: bool = False

    numpy_value = "weight * np.mean((np.linalg.norm(gradients, axis=-1) - target) ** 2)"

    def _parameter_calls(self, inputs: Inputs, reduction: str) -> dict[str, tuple[Kernel, ...]]:
        # the penalty is linear in its weight
        own = Kernel(self.formula, {**self._parameters(), "weight": 1.0})
        return {**Loss._parameter_calls(self, inputs, reduction), "weight": (own,)}

    no_hessian = "all numbers of a gradient act on each other's derivatives. Use the gradient."


@dataclass(frozen=True, slots=True)
class VAE(LossOfSeveral):
    r"""Loss of a variational autoencoder: ``loss(x, x_reconstructed, mean, log_var)``.

    ``x`` and ``x_reconstructed`` have the shape (n, ...), ``mean`` and ``log_var``, those of the distributions of codes, the
    shape (n, ...) of their own: one loss for each sample. Arrays of one axis are those of a single sample.

    Parameters
    ----------
    beta : float, default=1.0
        What the divergence is multiplied by, >= 0. Codes are pressed more than 1 does by what is larger (beta-VAE).
    reconstruction : Loss, default=SquaredError()
        The loss of the numbers of ``x_reconstructed``, with ``x`` as labels: any one of single numbers, such as
        ``BinaryCrossEntropy(from_logits=True)``.

    Notes
    -----
    With the loss r of a number, the means :math:`\mu` and the logarithms s of the variances of a code:

    .. math::

        \ell = \sum_i r(x_i, \hat x_i) + \beta \, \frac12 \sum_k \left(\mu_k^2 + e^{s_k} - 1 - s_k\right), \qquad
        g_{\hat x} = r'(x, \hat x), \quad g_\mu = \beta \mu, \quad g_s = \frac{\beta}2 (e^s - 1)

    The losses of the numbers of a sample are summed up, not averaged: this is the negative evidence lower bound but for a
    constant where r is a negative log-likelihood (`HalfSquaredError` is that of a Gaussian of variance 1). Gradients and
    Hessians are tuples, for ``x_reconstructed``, ``mean`` and ``log_var``.

    The sum over the numbers of a sample is rounded once, to float32 where ``x_reconstructed`` is: it is exact for samples of
    more than 1024 numbers (512 of double precision), and has all digits but for squares of rounding errors for shorter ones.
    That over its code is the one of `GaussianKL`. With weights, both are multiplied by them in double precision. What
    ``reduction="sum"`` returns is the exact sum of the losses of samples.

    See Also
    --------
    GaussianKL : the divergence alone.

    References
    ----------
    D. P. Kingma, M. Welling, Auto-encoding variational Bayes, ICLR (2014). arXiv:1312.6114

    I. Higgins et al., beta-VAE: learning basic visual concepts with a constrained variational framework, ICLR (2017).

    Examples
    --------
    >>> import fastloss as fl
    >>> x, x_reconstructed, mean, log_var = [[1.0, 0.0]], [[0.5, 0.0]], [[2.0]], [[0.0]]
    >>> fl.vae(x, x_reconstructed, mean, log_var)
    2.25
    >>> fl.VAE(beta=0.5).gradient(x, x_reconstructed, mean, log_var)
    (array([[-1.,  0.]]), array([[1.]]), array([[0.]]))
    >>> fl.VAE(beta=0.5).parts(x, x_reconstructed, mean, log_var)
    (0.25, 2.0)
    """

    beta: float = parameter(1.0, NOT_NEGATIVE)
    reconstruction: Loss = field(default=SquaredError())

    listed: ClassVar[bool] = False
    labels: ClassVar[int] = 1
    by_numbers: ClassVar[bool] = False
    inputs: ClassVar[tuple[str, ...]] = ("x", "x_reconstructed", "mean", "log_var")
    signature: ClassVar[Signature] = composed("x(m...), x_reconstructed(m...)*, mean(m...)*, log_var(m...)*", "generative")
    numpy_value = (
        "np.mean(np.sum((x - x_reconstructed) ** 2, axis=1)"
        " + beta * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=1) / 2)"
    )

    def __post_init__(self) -> None:
        loss = self.reconstruction
        if not isinstance(loss, Loss):
            hint = " Make an instance." if isinstance(loss, type) and issubclass(loss, Loss) else ""
            raise TypeError(f"VAE: reconstruction must be a loss; got {brief(loss)}.{hint}")
        if not loss.by_numbers or (loss.labels, len(loss.inputs)) != (1, 2):
            raise ValueError(f"VAE: reconstruction must be a loss of a label and a prediction, single numbers; got {loss!r}.")
        super(VAE, self).__post_init__()

    def _kernel_name(self) -> str:
        return "vae_divergence"

    def parts(self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", **named: Any) -> tuple[Any, Any]:
        """Compute the two terms: the loss of the reconstruction, and the divergence, of which the loss has beta times as much.

        Parameters
        ----------
        *inputs, **named : array_like
            The inputs of the loss, in their order or by name.
        sample_weight : array_like of shape (n,), default=None
            One weight for each sample.
        reduction : {"mean", "sum", "none"}, default="mean"
            As for the loss.

        Returns
        -------
        tuple of two floats, or of two arrays of shape (n,)
        """
        self._check_reduction(reduction)
        values = bind(self, inputs, named)
        whole, *parts = self._read_terms(values)
        weights = None if sample_weight is None else _arrays.read_weights(sample_weight, whole.shape)
        found = []
        for kernel, part in zip((self.reconstruction._kernel, _DIVERGENCE), parts, strict=True):
            losses, sums = self._run(kernel, part, weights, (), False, True)
            empty = np.empty(whole.shape, _arrays.result_dtype(whole.operands[1], values[1]))
            found.append(_written(losses, empty)[()] if reduction == "none" else self._reduced(losses, sums, whole, reduction))
        return found[0], found[1]

    def _parameter_gradient(self, values: tuple[Any, ...], sample_weight: Any, reduction: Total) -> dict[str, float]:
        return {"beta": self.parts(*values, sample_weight=sample_weight, reduction=reduction)[1]}

    def _read(self, values: tuple[Any, ...]) -> Inputs:
        return self._read_terms(values)[0]

    def _read_terms(self, values: tuple[Any, ...]) -> tuple[Inputs, Inputs, Inputs]:
        """Read all inputs, and those of either term."""
        pictures = _arrays.read_alike(values[:2], self.inputs[:2], 1)
        codes = _arrays.read_alike(values[2:], self.inputs[2:], 0)
        shape, other = pictures.shape, codes.shape
        units = 1 if len(shape) > 1 else 0
        if not (shape and other) or (len(other) > 1) != units or shape[:units] != other[:units]:
            wanted = "the shapes (n, ...) and (n, ...), of the same n samples, or one axis each, of a single one"
            raise ValueError(f"x and mean must have {wanted}; got {shape} and {other}.")
        if not all((*shape[units:], *other[units:])):
            raise ValueError(f"x and mean must have at least one number for each sample; got shapes {shape} and {other}.")
        whole = Inputs((*pictures.operands, *codes.operands), shape[:units], pictures.single and codes.single)
        one, two = (Inputs(part.operands, shape[:units], part.single, len(part.shape) - units) for part in (pictures, codes))
        return whole, one, two

    def _run(
        self, kernel: Kernel, part: Inputs, weights: Any, derivatives: tuple[Output, ...], mean: bool, values: bool
    ) -> tuple[np.ndarray, Sums]:
        """Compute what a term is for each sample, times its weight, with room for the sum and the sum of the weights."""
        losses, sums = np.empty(part.shape), Sums(2)
        outputs = (Output(VALUE, _arrays.write(losses)), Output(WEIGHT, sums, place=1)) if values else ()
        found = execute((kernel,), part, weights, outputs + derivatives, mean)
        if found.fault:
            self._explain(found.fault, part, weights, mean)
        return losses, sums

    def _reduced(self, losses: np.ndarray, sums: Sums, whole: Inputs, reduction: str) -> float:
        """Sum up the losses of samples; divide by what is the sum of their weights."""
        _deposit(losses, sums)
        if reduction == "sum":
            return sums.rounded(0)
        if sums.rounded(1) == 0.0:
            raise ValueError(self._no_weight(whole, None))
        return sums.mean(0, 1)

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        self._check_reduction(reduction)
        if want != VALUE:
            self.reconstruction._check_differentiable(want)
        whole, *parts = self._read_terms(values)
        weights = None if sample_weight is None else _arrays.read_weights(sample_weight, whole.shape)
        summed = want & VALUE and reduction != "none"
        kinds = kinds_of(want & ~VALUE if summed else want, _BY[0], len(_BY))
        given, overwrites = _arrays.read_outputs(out, kinds, whole, weights, self.inputs) if out is not None else ((), False)
        arrays = _arrays_for(kinds, given, whole, values)
        # what one term overwrites, the other may have to read
        targets = [np.empty(array.shape, array.dtype) for array in arrays] if overwrites else arrays
        terms = tuple(zip((self.reconstruction._kernel, self._kernel), parts, (1, 2), strict=True))
        losses, sums = np.zeros(whole.shape), Sums(2)
        for kernel, part, first in terms:
            outputs = tuple(
                Output(kind, _arrays.write(array), i - first)
                for (kind, i), array in zip(kinds, targets, strict=True)
                if kind != VALUE and (i > 1) == (first > 1)
            )
            term, weight = self._run(kernel, part, weights, outputs, reduction == "mean", bool(want & VALUE))
            losses = losses + term
            sums = weight if first == 1 else sums
        losses = self._rounded(losses, whole, weights)
        if want & VALUE and not summed:
            _written(losses, targets[0])
        if overwrites:
            for array, target in zip(arrays, targets, strict=True):
                np.copyto(array, target)
        arrays = [array[()] for array in arrays] if whole.shape == () and out is None else arrays
        results: list[Any] = [self._reduced(losses, sums, whole, reduction)] if summed else arrays[:1] if want & VALUE else []
        derivatives = arrays[len(results) - bool(summed) :]
        results += [tuple(derivatives[i : i + len(_BY)]) for i in range(0, len(derivatives), len(_BY))]
        return results[0] if len(results) == 1 else tuple(results)

    def _sums_of(self, values: tuple[Any, ...], sample_weight: Any) -> Sums:
        whole, *parts = self._read_terms(values)
        weights = None if sample_weight is None else _arrays.read_weights(sample_weight, whole.shape)
        kernels = self.reconstruction._kernel, self._kernel
        (losses, sums), (divergence, _) = (
            self._run(kernel, part, weights, (), False, True) for kernel, part in zip(kernels, parts, strict=True)
        )
        _deposit(self._rounded(losses + divergence, whole, weights), sums)
        return sums

    @staticmethod
    def _rounded(losses: np.ndarray, whole: Inputs, weights: Any) -> np.ndarray:
        """Round the losses of samples to the precision that all inputs have; products with weights are double."""
        return _written(losses, np.empty(whole.shape, np.float32)) if whole.single and weights is None else losses

    def _no_weight(self, inputs: Inputs, weights: Any) -> str:
        return errors.NO_WEIGHTS if math.prod(inputs.shape) else errors.NO_SAMPLES

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        domains = self.reconstruction._domains()
        for operand, of, name in zip(inputs.operands, self.reconstruction.inputs, self.inputs[:2], strict=True):
            if of in domains:
                self._explain_domain(domains[of], operand, name, weights, inputs.single)


#: The places of the inputs that a VAE has derivatives by.
_BY = range(1, 4)
_DIVERGENCE = GaussianKL()._kernel


def _arrays_for(
    kinds: Sequence[tuple[int, int]], given: Sequence[np.ndarray | None], whole: Inputs, originals: Sequence[Any]
) -> list[np.ndarray]:
    """Return the arrays for what is computed: those that are given, new ones for all others."""
    arrays = []
    for place, (kind, i) in enumerate(kinds):
        array = given[place] if given else None
        if array is None:
            shape = whole.shape if kind == VALUE else whole.operands[i][0].shape
            array = np.empty(shape, _arrays.result_dtype(whole.operands[i], originals[i]))
        arrays.append(array)
    return arrays


def _deposit(losses: np.ndarray, sums: Sums) -> None:
    """Add numbers to an exact sum."""
    losses = np.asarray(losses)
    execute((None,), Inputs((_arrays.write(losses),), losses.shape, losses.dtype == np.float32), None, (Output(VALUE, sums),))


def _written(numbers: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Round numbers to the dtype of an array."""
    with np.errstate(over="ignore"):
        np.copyto(to, numbers, casting="same_kind")
    return to


class _OfMaps(Mixin):
    """What losses of feature maps share: lists of them, one map for each layer of a network, and a weight for each layer."""

    __slots__ = ()

    listed: ClassVar[bool] = False
    by_numbers: ClassVar[bool] = False
    labels: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("maps_true", "maps_pred")
    signature: ClassVar[Signature] = composed("maps_true(c...), maps_pred(c...)*", "generative")
    no_hessian: ClassVar[str] = "all numbers of a map act on each other's derivatives. Use the gradient."
    #: The fewest axes of a map.
    axes: ClassVar[int] = 1

    weights: tuple[float, ...] | None

    def _prepared(self, layer: Inputs) -> Any:
        """Return what losses and gradients of a layer are computed from."""
        raise NotImplementedError

    def _losses(self, prepared: Any, /) -> np.ndarray:
        """Compute the loss of each sample."""
        raise NotImplementedError

    def _write_gradient(self, prepared: Any, factor: np.ndarray, target: np.ndarray, /) -> None:
        """Write the gradient of a layer, times a factor for each sample."""
        raise NotImplementedError

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        name = f"{type(self).__name__}: weights"
        if isinstance(self.weights, str) or not np.iterable(self.weights):
            raise ValueError(f"{name} must be a sequence of numbers, one for each layer, or None; got {brief(self.weights)}.")
        found = tuple(number_in(weight, NOT_NEGATIVE, f"{name}[{i}]") for i, weight in enumerate(self.weights))
        object.__setattr__(self, "weights", found)

    def _read(self, values: tuple[Any, ...]) -> Inputs:
        # asked for by what is made of losses, which has arrays rather than lists of them
        raise TypeError(f"{type(self).__name__} takes lists of maps: it writes to out= on its own only, without a penalty.")

    def _read_maps(self, values: tuple[Any, ...]) -> tuple[list[Inputs], Inputs]:
        """Read the two maps of each layer, and all predicted maps, then all true ones, as the inputs of a loss of samples."""
        for maps, name in zip(values, self.inputs, strict=True):
            if not isinstance(maps, list | tuple):
                raise TypeError(
                    f"{name} must be a list of feature maps, one for each layer; got {type(maps).__name__}. Pass [{name}]."
                )
        true, predicted = values
        if len(true) != len(predicted) or not true:
            raise ValueError(
                f"maps_true and maps_pred must hold as many maps, at least one; got {len(true)} and {len(predicted)}."
            )
        if self.weights is not None and len(self.weights) != len(true):
            raise ValueError(f"weights of {len(self.weights)} layers do not fit {len(true)} maps.")
        layers: list[Inputs] = []
        for i, pair in enumerate(zip(true, predicted, strict=True)):
            names = (f"maps_true[{i}]", f"maps_pred[{i}]")
            layer = _arrays.read_alike(pair, names, 1)
            shape = layer.shape
            if len(shape) < self.axes or not all(shape[1:]):
                wanted = ("(n, ...)", "(n, channels, ...)", "(n, channels, height, width)")[self.axes - 1]
                raise ValueError(f"{_arrays.listed(names)} must have the shape {wanted}, with numbers in them; got {shape}.")
            if layers and shape[0] != layers[0].shape[0]:
                raise ValueError(f"{_arrays.listed(names)} must have as many samples as the maps before; got shape {shape}.")
            if len(shape) == 1:
                layer = Inputs(tuple((array[:, None], code) for array, code in layer.operands), (*shape, 1), layer.single)
            layers.append(layer)
        operands = tuple(layer.operands[k] for k in (1, 0) for layer in layers)
        return layers, Inputs(operands, layers[0].shape[:1], all(layer.single for layer in layers))

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        self._check_reduction(reduction)
        if want != VALUE:
            self._check_differentiable(want)
        layers, whole = self._read_maps(values)
        sums = Sums(2)
        given = np.ones(whole.shape)
        if sample_weight is not None:
            operand = _arrays.read_weights(sample_weight, whole.shape)
            bad = _arrays.bad_weight(operand)
            if bad is not None:
                raise errors.bad_weight(*bad)
            given = _arrays.decode(operand).astype(np.float64)
        execute((None,), Inputs((_arrays.write(given),), whole.shape, False), None, (Output(VALUE, sums, place=1),))
        weight = sums.rounded(1)
        if reduction == "mean" and not 0.0 < weight < math.inf:
            raise ValueError(errors.TOO_HEAVY if weight else errors.NO_WEIGHTS if whole.shape[0] else errors.NO_SAMPLES)
        summed = want & VALUE and reduction != "none"
        kinds = (((VALUE, 0),) if want & VALUE and not summed else ()) + (
            tuple((GRADIENT, i) for i in range(len(layers))) if want & GRADIENT else ()
        )
        into: Sequence[np.ndarray | None] = ()
        overwrites = False
        if out is not None:
            names = [f"{name}[{i}]" for name in reversed(self.inputs) for i in range(len(layers))]
            into, overwrites = _arrays.read_outputs(out, kinds, whole, None, names)
        arrays = _arrays_for(kinds, into, whole, values[1])
        # what is written for one layer, another one may have to read
        targets = [np.empty(array.shape, array.dtype) for array in arrays] if overwrites else arrays
        ready = [self._prepared(layer) for layer in layers]
        shares = self.weights or [1.0] * len(layers)
        results: list[Any] = []
        if want & VALUE:
            losses = np.zeros(whole.shape)
            for layer, share in zip(ready, shares, strict=True):
                # a layer of no weight is left out, whatever it holds
                losses += share * self._losses(layer) if share else 0.0
            if sample_weight is not None:
                losses = np.multiply(given, losses, where=given > 0, out=np.zeros(whole.shape))
            elif whole.single:
                losses = _written(losses, np.empty(whole.shape, np.float32))
            if summed:
                _deposit(losses, sums)
                results.append(sums.rounded(0) if reduction == "sum" else sums.mean(0, 1))
            else:
                results.append(arrays[0])
                _written(losses, targets[0])
        if want & GRADIENT:
            factor = given / weight if reduction == "mean" else given
            for layer, share, target in zip(ready, shares, targets[len(targets) - len(layers) :], strict=True):
                self._write_gradient(layer, share * factor, target)
            results.append(tuple(arrays[len(arrays) - len(layers) :]))
        if overwrites:
            for array, target in zip(arrays, targets, strict=True):
                np.copyto(array, target)
        return results[0] if len(results) == 1 else tuple(results)

    def _sums_of(self, values: tuple[Any, ...], sample_weight: Any) -> Sums:
        raise TypeError(f"{type(self).__name__} takes lists of maps, which an Evaluation does not. Call it for each batch.")


def _sums_of_samples(kernel: Kernel | None, operands: Any, shape: tuple[int, ...], single: bool) -> np.ndarray:
    """Add up, for each sample, the losses of its numbers, or, without a kernel, these themselves."""
    losses = np.empty(shape[:1])
    inputs = Inputs(operands, shape[:1], single, len(shape) - 1)
    execute((kernel,), inputs, None, (Output(VALUE, _arrays.write(losses)),))
    return losses


@dataclass(frozen=True, slots=True)
class Perceptual(_OfMaps, LossOfSeveral):
    r"""Perceptual loss: how far apart the feature maps are that a network makes of two pictures.

    Called as ``loss(maps_true, maps_pred)``, lists of as many arrays, one for each layer that is looked at, of the shape
    (n, ...); of two lists, the maps of a layer have one shape, and all have as many samples. One loss for each sample.

    Parameters
    ----------
    weights : sequence of float, default=None
        What the layers are multiplied by, >= 0; 1 by default.
    distance : {"squared", "absolute"}, default="squared"
        What is averaged over the numbers of a map: squared or absolute differences.
    normalize : bool, default=False
        Whether the vectors of channels, along the axis after that of the samples, are divided by their lengths first, as LPIPS
        does.

    Notes
    -----
    With the maps y of a layer l, predicted ones :math:`\hat y`, and the number :math:`m_l` of numbers of a map:

    .. math::

        \ell = \sum_l \frac{w_l}{m_l} \sum_i \left(\hat y_{li} - y_{li}\right)^2, \qquad
        \frac{\partial \ell}{\partial \hat y_{li}} = \frac{2 w_l}{m_l} \left(\hat y_{li} - y_{li}\right)

    or the same of absolute differences. Normalised, each vector b of channels is replaced by :math:`b / |b|`, and the gradient
    is the exact one by b: with that by the normalised vector, G, :math:`(G - (G \cdot b) b / |b|^2) / |b|`. The squared
    distance of two directions is :math:`2 (1 - \cos)`, and computed as that: nothing cancels where they are nearly the same. A
    vector of zeros stays one, with a gradient of 0. (LPIPS sums over the channels: their number times this loss.)

    Gradients are tuples, of an array for each predicted map. There is no Hessian.

    See Also
    --------
    GramStyle : compares which features go together, wherever they are.

    References
    ----------
    J. Johnson, A. Alahi, L. Fei-Fei, Perceptual losses for real-time style transfer and super-resolution, ECCV (2016).
    arXiv:1603.08155

    R. Zhang, P. Isola, A. A. Efros, E. Shechtman, O. Wang, The unreasonable effectiveness of deep features as a perceptual
    metric, CVPR (2018). arXiv:1801.03924

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> true, predicted = [np.zeros((1, 2, 3)), np.ones((1, 4))], [np.ones((1, 2, 3)), np.full((1, 4), 3.0)]
    >>> fl.perceptual(true, predicted)
    5.0
    >>> fl.Perceptual(weights=[0.0, 2.0]).gradient(true, predicted)[1]
    array([[2., 2., 2., 2.]])
    >>> fl.Perceptual(normalize=True)([np.array([[3.0, 4.0]])], [np.array([[6.0, 8.0]])])
    0.0
    """

    weights: Any = None
    distance: str = "squared"
    normalize: bool = False

    def __post_init__(self) -> None:
        self._check_weights()
        if self.distance not in ("squared", "absolute"):
            raise ValueError(f'Perceptual: distance must be "squared" or "absolute"; got {brief(self.distance)}.')
        super(Perceptual, self).__post_init__()

    def _kernel_name(self) -> str:
        return f"perceptual_{self.distance}_direction" if self.normalize else f"{self.distance}_error"

    @property
    def axes(self) -> int:  # type: ignore[override] # follows from the parameters
        """The fewest axes of a map."""
        return 2 if self.normalize else 1

    def _prepared(self, layer: Inputs) -> Inputs:
        return layer

    def _directions(self, layer: Inputs) -> Inputs:
        """Make a unit of each vector of channels."""
        shape = layer.shape
        operands = tuple((np.moveaxis(array, 1, -1), code) for array, code in layer.operands)
        return Inputs(operands, (shape[0], *shape[2:]), layer.single, 1)

    def _losses(self, layer: Inputs) -> np.ndarray:
        shape, count = layer.shape, math.prod(layer.shape[1:])
        if not self.normalize:
            return _sums_of_samples(self._kernel, layer.operands, shape, layer.single) / count
        inputs = self._directions(layer)
        losses = np.empty(inputs.shape)
        execute((self._kernel,), inputs, None, (Output(VALUE, _arrays.write(losses)),))
        return (_sums_of_samples(None, (_arrays.write(losses),), losses.shape, False) if losses.ndim > 1 else losses) / count

    def _write_gradient(self, layer: Inputs, factor: np.ndarray, target: np.ndarray) -> None:
        weights = factor / math.prod(layer.shape[1:])
        inputs = Inputs(layer.operands, layer.shape[:1], layer.single, len(layer.shape) - 1)
        target = target.reshape(layer.shape) if target.ndim == 1 else target
        if self.normalize:
            inputs, target = self._directions(layer), np.moveaxis(target, 1, -1)
            weights = np.broadcast_to(_arrays.spread(weights, len(inputs.shape)), inputs.shape)
        execute((self._kernel,), inputs, _arrays.write(weights), (Output(GRADIENT, _arrays.write(target)),))


@dataclass(frozen=True, slots=True)
class GramStyle(_OfMaps, LossOfSeveral):
    r"""Style loss: how far apart the Gram matrices of two lists of feature maps are.

    Called as ``loss(maps_true, maps_pred)``, lists of as many arrays, one for each layer that is looked at, of the shape
    (n, channels, height, width), or with any other number of axes after that of the channels; of two lists, the maps of a layer
    have one shape, and all have as many samples. One loss for each sample.

    Parameters
    ----------
    weights : sequence of float, default=None
        What the layers are multiplied by, >= 0; 1 by default.

    Notes
    -----
    A map of c channels of m places is a matrix F, whose Gram matrix says which features go together, wherever they are. With
    the Gram matrices G of a layer l, predicted ones :math:`\hat G`:

    .. math::

        G = \frac{F F^\top}{c m}, \qquad
        \ell = \sum_l \frac{w_l}{c_l^2} \sum_{jk} \left(\hat G_{ljk} - G_{ljk}\right)^2, \qquad
        \frac{\partial \ell}{\partial \hat F_l} = \frac{4 w_l}{c_l^3 m_l} \left(\hat G_l - G_l\right) \hat F_l

    Gradients are tuples, of an array for each predicted map. Products are summed in an order that the shapes alone decide, so
    that they have the same bits everywhere. There is no Hessian.

    See Also
    --------
    Perceptual : compares features where they are.

    References
    ----------
    L. A. Gatys, A. S. Ecker, M. Bethge, Image style transfer using convolutional neural networks, CVPR (2016).
    doi:10.1109/CVPR.2016.265

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> true, predicted = [np.zeros((1, 2, 1, 2))], [np.ones((1, 2, 1, 2))]
    >>> fl.gram_style(true, predicted)
    0.25
    >>> fl.gram_style.gradient(true, predicted)
    (array([[[[0.25, 0.25]],
    <BLANKLINE>
            [[0.25, 0.25]]]]),)
    """

    weights: Any = None

    axes: ClassVar[int] = 3

    def __post_init__(self) -> None:
        self._check_weights()
        super(GramStyle, self).__post_init__()

    def _kernel_name(self) -> str:
        return "squared_error"

    def _prepared(self, layer: Inputs) -> tuple[Inputs, np.ndarray, list[Any]]:
        """Return the predicted map as a matrix, in the precision of the layer, and the Gram matrices of both."""
        n, channels = layer.shape[:2]
        dtype = np.float32 if layer.single else np.float64
        grams, matrix = [], np.empty((0, 0, 0), dtype)
        for operand in layer.operands:
            numbers = np.ascontiguousarray(_arrays.decode(operand), dtype)
            matrix = numbers.reshape(n, channels, math.prod(layer.shape[2:]))
            gram = np.empty((n, channels, channels), dtype)
            _core.products_of_rows(matrix, gram, float(math.prod(layer.shape[1:])))
            grams.append(_arrays.write(gram))
        return layer, matrix, grams

    def _losses(self, prepared: tuple[Inputs, np.ndarray, list[Any]]) -> np.ndarray:
        layer, _, grams = prepared
        return _sums_of_samples(self._kernel, tuple(grams), grams[0][0].shape, layer.single) / layer.shape[1] ** 2

    def _write_gradient(self, prepared: tuple[Inputs, np.ndarray, list[Any]], factor: np.ndarray, target: np.ndarray) -> None:
        layer, matrix, grams = prepared
        # the derivatives by a Gram matrix, which are symmetric, and those of it
        weights = factor * (2 / (layer.shape[1] ** 2 * math.prod(layer.shape[1:])))
        slopes, found = np.empty_like(grams[1][0]), np.empty_like(matrix)
        inputs = Inputs(tuple(grams), layer.shape[:1], layer.single, 2)
        execute((self._kernel,), inputs, _arrays.write(weights), (Output(GRADIENT, _arrays.write(slopes)),))
        _core.products_of_stacks(slopes, matrix, found)
        # nothing is left of a sample of no weight, even of NaN
        found[factor == 0] = 0
        _written(found.reshape(layer.shape), target)
