"""Losses of embeddings: which vectors are to be near each other, and which far apart."""

from __future__ import annotations

from dataclasses import dataclass

from ..domains import ANY, AT_LEAST_ONE, parameter
from ..loss import Loss


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
    no_hessian = "all numbers of a vector act on each other's derivatives. Use the gradient."

    def _kernel_name(self) -> str:
        return f"triplet_margin{'' if self.p == 2.0 else '_lp'}{'_swap' if self.swap else ''}"
