"""Losses of embeddings: which vectors are to be near each other, and which far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arrays, errors
from .._core import ClassOptions, Inputs
from ..classes import OfClasses, explain_index
from ..domains import ANY, AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, UNIT, Choice, Domain, Interval, parameter
from ..links import Mixin
from ..loss import LossOfInputs, LossOfSeveral

_COSINES = Interval(-1.0, 1.0)
_NO_HESSIAN = "all numbers of a vector act on each other's derivatives. Use the gradient."


@dataclass(frozen=True, slots=True)
class TripletMargin(LossOfSeveral):
    r"""Triplet loss: an anchor should be nearer to a positive than to a negative, by a margin.

    Called as ``loss(anchor, positive, negative)``, all of the shape (..., d): one loss for each vector of the last axis.

    Parameters
    ----------
    margin : float, default=1.0
        By how much nearer.
    p : float, default=2.0
        The norm that measures distances, >= 1.
    swap : bool, default=False
        Whether the distance of the positive to the negative counts where it is smaller than that of the anchor.
    squared : bool, default=False
        Whether distances are squared.

    Notes
    -----
    .. math::

        \ell = \max(0, d(a, p) - d(a, n) + m), \qquad d(x, y) = \left(\sum_i |x_i - y_i|^p\right)^{1/p}

    with :math:`\min(d(a, n), d(p, n))` in place of :math:`d(a, n)` for ``swap``. Where the loss is positive, the gradient is
    made of the directions of the distances,

    .. math::

        \frac{\partial d(x, y)}{\partial x_i} = \operatorname{sign}(x_i - y_i) \left(\frac{|x_i - y_i|}{d(x, y)}\right)^{p-1}

    and 0 for vectors that coincide. Gradients are tuples, for ``anchor``, ``positive`` and ``negative``. Unlike torch's,
    distances have nothing added to the differences (there ``eps=1e-6``). Sums neither over- nor underflow where the distance is
    a number; the gradient of a component whose difference to the power of p - 1 underflows is 0. There is no Hessian.

    The derivative by ``margin`` is 1 where the loss is positive, else 0. `parameter_gradient` has none by ``p``, in which
    the loss is smooth only while no difference of coordinates is 0 and whose sums no other result needs.

    References
    ----------
    V. Balntas, E. Riba, D. Ponsa, K. Mikolajczyk, Learning local feature descriptors with triplets and shallow convolutional
    neural networks, BMVC (2016). doi:10.5244/C.30.119

    F. Schroff, D. Kalenichenko, J. Philbin, FaceNet: a unified embedding for face recognition and clustering, CVPR (2015), has
    squared distances. arXiv:1503.03832

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.triplet_margin([0.0, 0.0], [3.0, 4.0], [6.0, 8.0], reduction="sum")
    0.0
    >>> fl.TripletMargin(margin=6.0).value_and_gradient([0.0, 0.0], [3.0, 4.0], [0.0, 5.0])
    (6.0, (array([-0.6,  0.2]), array([0.6, 0.8]), array([ 0., -1.])))
    """

    margin: float = parameter(1.0, ANY)
    p: float = parameter(2.0, AT_LEAST_ONE)
    swap: bool = False
    squared: bool = False

    numpy_value = (
        "np.mean(np.maximum(0, np.linalg.norm(anchor - positive, axis=-1)"
        " - np.linalg.norm(anchor - negative, axis=-1) + margin))"
    )
    no_hessian = _NO_HESSIAN

    def _kernel_name(self) -> str:
        return f"triplet_margin{'' if self.p == 2.0 else '_lp'}{'_swap' if self.swap else ''}"


@dataclass(frozen=True, slots=True)
class CosineSimilarity(LossOfSeveral):
    r"""One minus the cosine of the angle between two vectors: ``loss(a, b)``.

    Both inputs have the shape (..., d): one loss, between 0 and 2, for each vector of the last axis.

    Notes
    -----
    .. math::

        \ell = 1 - c, \quad c = \frac{a \cdot b}{|a| |b|}, \qquad
        \frac{\partial \ell}{\partial a} = \frac1{|a|} \left(c \frac{a}{|a|} - \frac{b}{|b|}\right), \qquad
        \frac{\partial \ell}{\partial b} = \frac1{|b|} \left(c \frac{b}{|b|} - \frac{a}{|a|}\right)

    Gradients are tuples, for ``a`` and ``b``. The cosine of a vector of zeros is taken to be 0, with gradients of 0. Loss and
    gradients of vectors that are nearly parallel keep their digits, down to angles of a rounding error: the loss is then half
    the squared length of :math:`a/|a| - b/|b|`. Vectors are scaled where their squares over- or underflow. There is no Hessian.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.cosine_similarity([[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, -1.0]], reduction="none")
    array([0., 2.])
    >>> fl.cosine_similarity.gradient([2.0, 0.0], [0.0, 4.0], reduction="sum")
    (array([ 0. , -0.5]), array([-0.25,  0.  ]))
    """

    numpy_value = "1 - np.mean(np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)))"
    no_hessian = _NO_HESSIAN


@dataclass(frozen=True, slots=True)
class CosineEmbedding(LossOfSeveral):
    r"""Cosine loss of pairs that are to point in one direction, or not to: ``loss(a, b, target)``.

    ``a`` and ``b`` have the shape (..., d), ``target`` has one number, 1 or -1, for each pair: the shape (...,).

    Parameters
    ----------
    margin : float, default=0.0
        The cosine up to which vectors of the target -1 cost nothing, in [-1, 1].

    Notes
    -----
    With the cosine c of ``a`` and ``b``,

    .. math::

        \ell = \begin{cases} 1 - c & t = 1 \\ \max(0, c - m) & t = -1 \end{cases}

    as torch's ``cosine_embedding_loss``. The gradients, a tuple for ``a`` and ``b``, are those of `CosineSimilarity` for the
    target 1, their negative for -1 where c > m, and 0 elsewhere. The cosine of a vector of zeros is taken to be 0, with
    gradients of 0. There is no Hessian.

    The derivative by ``margin`` is -1 for the target -1 where c > m, else 0.

    Examples
    --------
    >>> import fastloss as fl
    >>> a, b = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [3.0, 4.0]]
    >>> fl.cosine_embedding(a, b, [1, -1], reduction="none")
    array([1. , 0.6])
    >>> fl.CosineEmbedding(margin=-0.5).value_and_gradient([2.0, 0.0], [0.0, 4.0], -1)
    (0.5, (array([0. , 0.5]), array([0.25, 0.  ])))
    """

    margin: float = parameter(0.0, _COSINES)

    numpy_value = (
        "np.mean(np.where(target > 0,"
        " 1 - np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)),"
        " np.maximum(0, np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)) - margin)))"
    )
    no_hessian = _NO_HESSIAN

    def _domains(self) -> dict[str, Domain]:
        return {"target": Choice((-1.0, 1.0), hint="1 is for pairs that are alike.")}


@dataclass(frozen=True, slots=True)
class Contrastive(LossOfSeveral):
    r"""Contrastive loss: similar vectors should be near each other, others apart by a margin: ``loss(a, b, similar)``.

    ``a`` and ``b`` have the shape (..., d), ``similar`` has one number, 1 or 0, for each pair: the shape (...,).

    Parameters
    ----------
    margin : float, default=1.0
        The distance from which on vectors that are not similar cost nothing, >= 0.

    Notes
    -----
    With the distance :math:`d = |a - b|`,

    .. math::

        \ell = \begin{cases} \frac12 d^2 \\ \frac12 \max(0, m - d)^2 \end{cases} \qquad
        \frac{\partial \ell}{\partial a} = -\frac{\partial \ell}{\partial b} =
        \begin{cases} a - b & \text{similar} \\ -\max(0, m - d) (a - b) / d & \text{else} \end{cases}

    Gradients are tuples, for ``a`` and ``b``. Nothing is added to distances: vectors that coincide have the distance 0, which
    has no direction, and gradients of 0. There is no Hessian.

    The derivative by ``margin`` is :math:`\max(0, m - d)` of pairs that are not similar, else 0.

    References
    ----------
    R. Hadsell, S. Chopra, Y. LeCun, Dimensionality reduction by learning an invariant mapping, CVPR (2006).
    doi:10.1109/CVPR.2006.100

    Examples
    --------
    >>> import fastloss as fl
    >>> a, b = [[0.0, 0.0], [0.0, 0.0]], [[3.0, 4.0], [0.3, 0.4]]
    >>> fl.contrastive(a, b, [1, 0], reduction="none")
    array([12.5  ,  0.125])
    >>> fl.contrastive.gradient(a, b, [1, 0], reduction="sum")[0]
    array([[-3. , -4. ],
           [ 0.3,  0.4]])
    """

    margin: float = parameter(1.0, NOT_NEGATIVE)

    numpy_value = (
        "np.mean(np.where(similar > 0, np.sum((a - b) ** 2, axis=-1),"
        " np.maximum(0, margin - np.linalg.norm(a - b, axis=-1)) ** 2)) / 2"
    )
    no_hessian = _NO_HESSIAN

    def _domains(self) -> dict[str, Domain]:
        return {"similar": Choice((0.0, 1.0), hint="1 is for pairs that are alike.")}


@dataclass(frozen=True, slots=True)
class LinearCrossEntropy(OfClasses, LossOfSeveral):
    r"""Cross-entropy of a linear layer's scores, which are never held: the last layer and the loss of a classifier in one.

    Called as ``loss(y_true, x, weight, bias)``: class indices of the shape (n,), vectors (n, d), one row of ``weight`` (K, d)
    and one number of ``bias`` (K,) for each class; ``bias`` may be None or be left out. The result is that of
    `CategoricalCrossEntropy` with ``from_logits`` of ``x @ weight.T + bias``. Labels and vectors may have more axes in place
    of the first one.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share s of every label that is spread evenly over the classes, in [0, 1]: :math:`y' = (1 - s) y + s / K`.
    ignore_index : int, default=None
        Rows of this label count for nothing.

    Notes
    -----
    With :math:`z_{ik} = x_i \cdot w_k + b_k`, :math:`p_i = \operatorname{softmax}(z_i)` and :math:`g_{ik} = p_{ik} - y'_{ik}`:

    .. math::

        \ell_i = -\sum_k y'_{ik} \log p_{ik}, \qquad
        \frac{\partial \ell_i}{\partial x_i} = \sum_k g_{ik} w_k, \qquad
        \frac{\partial}{\partial w_k} \sum_i \ell_i = \sum_i g_{ik} x_i, \qquad
        \frac{\partial}{\partial b_k} \sum_i \ell_i = \sum_i g_{ik}

    Gradients are a tuple, for ``x``, ``weight`` and, where it is given, ``bias``. All rows act on those by ``weight`` and
    ``bias``: with ``reduction="none"`` they are gradients of the sum of the losses.

    A panel of rows is computed at a time, in up to 16 MiB (128 rows, where these are longer): beside that, the inputs and the
    gradients, no memory is needed. Inputs that are not contiguous, or of another type than the kernel's, are copied. Scores are
    sums of d products that are added in the precision of the inputs, in steps of 128: their errors are relative to
    :math:`\sum_j |x_{ij} w_{kj}|`, typically one or two ulp of it, and less than about :math:`(128 + d / 128) / 2` in any case.
    The loss is that of such scores. The errors of gradients are relative to the sums of the magnitudes of their terms. There
    is no Hessian.

    The derivative by ``label_smoothing``, in which the loss is linear, is the loss at 1 minus that at 0.

    References
    ----------
    E. Wijmans, B. Huval, A. Hertzberg, V. Koltun, P. Krähenbühl, Cut your losses in large-vocabulary language models, ICLR
    (2025), for the idea of never holding the scores. arXiv:2411.09009

    Examples
    --------
    >>> import fastloss as fl
    >>> x, weight = [[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
    >>> fl.linear_cross_entropy([0, 1], x, weight)
    0.3235753653331324
    >>> by_x, by_weight = fl.linear_cross_entropy.gradient([0, 1], x, weight)
    >>> by_weight.round(3)
    array([[-0.167,  0.107],
           [ 0.122, -0.213],
           [ 0.045,  0.107]])
    """

    label_smoothing: float = parameter(0.0, UNIT)
    ignore_index: int | None = None

    numpy_value = "np.mean(np.log(np.sum(np.exp(x @ weight.T), axis=1)) - np.sum(x * weight[y_true], axis=1))"
    no_hessian = "all rows act on the second derivatives by weights. Use the gradient."

    def _options(self, inputs: Inputs, **changed: Any) -> ClassOptions:
        return ClassOptions(None, None, changed.get("label_smoothing", self.label_smoothing), 0.0, self.ignore_index)

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        weight = inputs.operands[2][0]
        explain_index(inputs.operands[0], (*inputs.shape, len(weight)), weights, self._ignored, "scores")

    def init_score(self, y_true: Any, sample_weight: Any = None) -> np.ndarray:  # type: ignore[override] # one for each class
        """Raise TypeError: scores are those of a layer, whose weights are to be trained."""
        raise TypeError(f"{type(self).__name__} has no starting score: its scores are made of vectors and weights.")


class _OfCosines(Mixin):
    """What losses of the cosines of all pairs of vectors share."""

    __slots__ = ()

    no_hessian = "all vectors act on each other's derivatives. Use the gradient."


@dataclass(frozen=True, slots=True)
class InfoNCE(_OfCosines, LossOfSeveral):
    r"""InfoNCE: each query should be more like its own key than like those of all other queries.

    Called as ``loss(query, key)``, both of the shape (n, d): key i is the positive of query i, and the negative of all others.

    Parameters
    ----------
    temperature : float, default=0.1
        What cosines are divided by, > 0.

    Notes
    -----
    With the vectors divided by their lengths, :math:`u_i = q_i / |q_i|` and :math:`v_k = k_k / |k_k|`, and
    :math:`p_i = \operatorname{softmax}_k(u_i \cdot v_k / T)`:

    .. math::

        \ell_i = -\log p_{ii}, \qquad
        \frac{\partial}{\partial u_i} \sum_j \ell_j = \frac{1}{T} \sum_k (p_{ik} - [i = k]) v_k, \qquad
        \frac{\partial}{\partial v_k} \sum_j \ell_j = \frac{1}{T} \sum_i (p_{ik} - [i = k]) u_i

    and :math:`(h - (h \cdot u_i) u_i) / |q_i|` by :math:`q_i`, of the gradient h by :math:`u_i`, and the same for keys.
    Gradients are a tuple, for ``query`` and ``key``; with ``reduction="none"`` they are those of the sum of the losses.
    Vectors are divided by their lengths here, as info-nce-pytorch does; those of length 0 have the cosine 0 with all others,
    and the gradient 0. Lengths neither over- nor underflow. A pair of weight 0 is no negative of others, either.

    The matrix of all scores is never held: memory and errors are those of `LinearCrossEntropy`, with errors of scores relative
    to 1 / T. There is no Hessian.

    The derivative by ``temperature``, for a temperature that is learned, is :math:`(H_i - \ell_i) / T` with the entropy
    :math:`H_i = -\sum_k p_{ik} \log p_{ik}`. Its error is relative to the larger of the two, and to that of the scores.

    References
    ----------
    A. van den Oord, Y. Li, O. Vinyals, Representation learning with contrastive predictive coding (2018). arXiv:1807.03748

    Examples
    --------
    >>> import fastloss as fl
    >>> query, key = [[1.0, 0.0], [0.0, 2.0]], [[3.0, 4.0], [0.0, 1.0]]
    >>> fl.InfoNCE(temperature=1.0)(query, key)
    0.5178134099337388
    """

    temperature: float = parameter(0.1, POSITIVE)

    numpy_value = (
        "np.mean(np.log(np.sum(np.exp((s := (query / np.linalg.norm(query, axis=1)[:, None])"
        " @ (key / np.linalg.norm(key, axis=1)[:, None]).T / temperature)), axis=1)) - np.diag(s))"
    )


@dataclass(frozen=True, slots=True)
class NTXent(_OfCosines, LossOfSeveral):
    r"""NT-Xent, the loss of SimCLR: of all views of all samples, the other one of the same sample should be the most alike.

    Called as ``loss(z_i, z_j)``, both of the shape (n, d): two views of n samples, and one loss for each sample.

    Parameters
    ----------
    temperature : float, default=0.1
        What cosines are divided by, > 0.

    Notes
    -----
    With all 2n views divided by their lengths, :math:`u`, the other view :math:`j(i)` of the sample that i is a view of, and
    :math:`p_i = \operatorname{softmax}_{k \neq i}(u_i \cdot u_k / T)`, the loss of a sample is the mean over its two views i of

    .. math::

        \ell_i = -\log p_{i j(i)}, \qquad
        \frac{\partial}{\partial u_i} \sum_k \ell_k =
        \frac{1}{T} \sum_{k \neq i} \left(p_{ik} + p_{ki} - 2 [k = j(i)]\right) u_k

    so that the mean is that over all views. By a view it is :math:`(h - (h \cdot u) u) / |z|`, of the gradient h by u.
    Gradients are a tuple, for ``z_i`` and ``z_j``; with ``reduction="none"`` they are those of the sum of the losses. Views of
    length 0 have the cosine 0 with all others, and the gradient 0. Lengths neither over- nor underflow. A sample of weight 0
    is no negative of others, either.

    The matrix of all scores is never held: memory and errors are those of `LinearCrossEntropy`, with errors of scores relative
    to 1 / T. There is no Hessian.

    The derivative by ``temperature``, for a temperature that is learned, is :math:`(H_i - \ell_i) / T` with the entropy
    :math:`H_i = -\sum_k p_{ik} \log p_{ik}`. Its error is relative to the larger of the two, and to that of the scores.

    References
    ----------
    T. Chen, S. Kornblith, M. Norouzi, G. Hinton, A simple framework for contrastive learning of visual representations, ICML
    (2020). arXiv:2002.05709

    Examples
    --------
    >>> import fastloss as fl
    >>> z_i, z_j = [[1.0, 0.0], [0.0, 2.0]], [[3.0, 4.0], [0.0, 1.0]]
    >>> fl.NTXent(temperature=1.0)(z_i, z_j, reduction="none")
    array([0.98854581, 0.78235249])
    """

    temperature: float = parameter(0.1, POSITIVE)


@dataclass(frozen=True, slots=True)
class SupervisedContrastive(_OfCosines, LossOfInputs):
    r"""Supervised contrastive loss: all embeddings of the same label should be alike.

    Called as ``loss(embeddings, labels)``, of the shapes (n, d) and (n,); labels are any integers.

    Parameters
    ----------
    temperature : float, default=0.1
        What cosines are divided by, > 0.

    Notes
    -----
    This is :math:`L_{out}`, the logarithm inside of the mean. With the embeddings divided by their lengths, :math:`u`, the
    others of the same label, :math:`P(i)`, and :math:`p_i = \operatorname{softmax}_{k \neq i}(u_i \cdot u_k / T)`:

    .. math::

        \ell_i = -\frac{1}{|P(i)|} \sum_{k \in P(i)} \log p_{ik}, \qquad
        \frac{\partial}{\partial u_i} \sum_j \ell_j = \frac{1}{T} \sum_{k \neq i} (g_{ik} + g_{ki}) u_k, \qquad
        g_{ik} = p_{ik} - \frac{[k \in P(i)]}{|P(i)|}

    and :math:`(h - (h \cdot u) u) / |e|` by an embedding, of the gradient h by u. An embedding whose label nobody shares has
    the loss 0, which counts in the mean; it is still a negative of the others. With ``reduction="none"`` the gradient is that
    of the sum of the losses. Embeddings of length 0 have the cosine 0 with all others, and the gradient 0. Lengths neither
    over- nor underflow. An embedding of weight 0 is not there for others, either.

    The matrix of all scores is never held: memory and errors are those of `LinearCrossEntropy`, with errors of scores relative
    to 1 / T. There is no Hessian.

    The derivative by ``temperature``, for a temperature that is learned, is :math:`(H_i - \ell_i) / T` with the entropy
    :math:`H_i = -\sum_k p_{ik} \log p_{ik}`. Its error is relative to the larger of the two, and to that of the scores. It
    is 0 for embeddings without a positive.

    References
    ----------
    P. Khosla et al., Supervised contrastive learning, NeurIPS (2020). arXiv:2004.11362

    Examples
    --------
    >>> import fastloss as fl
    >>> embeddings = [[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]
    >>> fl.SupervisedContrastive(temperature=1.0)(embeddings, [0, 0, 1], reduction="none")
    array([1.03748795, 1.17110067, 0.        ])
    """

    temperature: float = parameter(0.1, POSITIVE)

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        labels = _arrays.decode(inputs.operands[1])
        bad = ~(labels == np.trunc(labels)) | ~(np.abs(labels) < 2.0**63)
        if weights is not None:
            bad &= _arrays.decode(weights) != 0
        if bad.any():
            index = _arrays.first(bad)
            sentence = f"labels must hold integers of 64 bits; got {labels[index]}{{place}}."
            raise errors.InputError(sentence, "labels", index, labels[index], "row")
