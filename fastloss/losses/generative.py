"""Losses of generative models: adversarial networks, and autoencoders whose codes are random."""

from __future__ import annotations

from dataclasses import dataclass

from ..domains import NOT_NEGATIVE, brief, parameter
from ..loss import Loss


def _check_kind(loss: Loss, kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        *others, last = (f'"{name}"' for name in kinds)
        raise ValueError(f"{type(loss).__name__}: kind must be {', '.join(others)} or {last}; got {brief(kind)}.")


@dataclass(frozen=True, slots=True)
class GANDiscriminator(Loss):
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
class GANGenerator(Loss):
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
class GradientPenalty(Loss):
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
    no_hessian = "all numbers of a gradient act on each other's derivatives. Use the gradient."
