"""Losses of embeddings: which vectors are to be near each other, and which far apart."""

from __future__ import annotations

from dataclasses import dataclass

from ..domains import ANY, AT_LEAST_ONE, NOT_NEGATIVE, Choice, Domain, Interval, parameter
from ..loss import Loss

_COSINES = Interval(-1.0, 1.0)
_NO_HESSIAN = "all numbers of a vector act on each other's derivatives. Use the gradient."


@dataclass(frozen=True, slots=True)
class TripletMargin(Loss):
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
class CosineSimilarity(Loss):
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
class CosineEmbedding(Loss):
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
class Contrastive(Loss):
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
