"""Losses of masks: how far a predicted region and the right one overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._core import Inputs
from ..classes import explain_index
from ..domains import NOT_NEGATIVE, POSITIVE, PROBABILITIES, UNIT, Choice, Domain, brief, parameter
from ..links import Mixin
from ..loss import Loss

LABELS = Choice((0.0, 1.0))


class OfMasks(Mixin):
    """What losses of masks share: labels and probabilities, or raw scores of these, of all pixels of a sample or class."""

    __slots__ = ()

    from_logits: bool
    per_class: bool

    no_hessian: ClassVar[str] = "all numbers of a mask act on each other's derivatives. Use the gradient."

    def _form(self) -> str:
        """Name the formula."""
        return self.formula

    def _kernel_name(self) -> str:
        return f"{self._form()}_from_logits" if self.from_logits else self._form()

    def _kernel_by(self, parameter: str) -> str:
        return f"{self._form()}_by_{parameter}{'_from_logits' if self.from_logits else ''}"

    def _domains(self) -> dict[str, Domain]:
        return {"y_true": UNIT} if self.from_logits else {"y_true": UNIT, "y_pred": PROBABILITIES}

    def _unit_axes(self) -> int:
        return 2 if self.per_class else 1


@dataclass(frozen=True, slots=True)
class Dice(OfMasks, Loss):
    r"""Soft Dice loss of masks: one minus Sørensen's and Dice's coefficient.

    Inputs have the shape (n, ...): one loss for each sample, over its other axes. An array of one axis is a single mask.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the sigmoid is taken, rather than probabilities in [0, 1].
    smooth : float, default=1.0
        Added to numerator and denominator, >= 0.
    squared : bool, default=False
        Whether the denominator has the sums of squares, as in the first source.
    per_class : bool, default=False
        Whether there is one loss for each sample and class of inputs of the shape (n, K, ...).

    Notes
    -----
    With the labels y in [0, 1], the probabilities p, a weight w for each number, and s = ``smooth``:

    .. math::

        L = 1 - \frac{2 I + s}{P + Y + s}, \qquad I = \sum_i w_i p_i y_i, \quad P = \sum_i w_i p_i, \quad Y = \sum_i w_i y_i,
        \qquad \frac{\partial L}{\partial p_i} = w_i \frac{2 I + s - 2 y_i (P + Y + s)}{(P + Y + s)^2}

    From raw scores the derivative is multiplied by :math:`p (1 - p)`. The value is computed as the share of what is wrong,
    :math:`\sum_i w_i (p_i (1 - y_i) + (1 - p_i) y_i) / (P + Y + s)`: a small loss keeps its digits. Two empty masks have the
    loss 0, for ``smooth=0``, too. ``sample_weight`` has one number for each loss, or one for each number of the masks: a weight
    of 0 leaves a pixel out. There is no Hessian.

    The derivative by ``smooth`` is minus the loss divided by the denominator.

    References
    ----------
    F. Milletari, N. Navab, S.-A. Ahmadi, V-Net: fully convolutional neural networks for volumetric medical image segmentation,
    3DV (2016). arXiv:1606.04797

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> y_true = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 0]]])
    >>> y_pred = np.array([[[0.0, 1.0], [1.0, 0.5]], [[0.0, 0.0], [0.0, 0.0]]])
    >>> fl.dice(y_true, y_pred, reduction="none")
    array([0.07692308, 0.        ])
    >>> fl.Dice(smooth=0).gradient(y_true, y_pred, reduction="sum")[0]
    array([[ 0.16528926, -0.19834711],
           [-0.19834711, -0.19834711]])
    """

    from_logits: bool = False
    smooth: float = parameter(1.0, NOT_NEGATIVE)
    squared: bool = False
    per_class: bool = False

    def _form(self) -> str:
        return "dice_squared" if self.squared else "dice"

    numpy_value = (
        "1 - np.mean((2 * np.sum(y_true * y_pred, axis=-1) + smooth)"
        " / (np.sum(y_true, axis=-1) + np.sum(y_pred, axis=-1) + smooth))"
    )


@dataclass(frozen=True, slots=True)
class Jaccard(OfMasks, Loss):
    r"""Soft Jaccard loss of masks: one minus the intersection over the union (IoU).

    Inputs have the shape (n, ...): one loss for each sample, over its other axes. An array of one axis is a single mask.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the sigmoid is taken, rather than probabilities in [0, 1].
    smooth : float, default=1.0
        Added to numerator and denominator, >= 0.
    per_class : bool, default=False
        Whether there is one loss for each sample and class of inputs of the shape (n, K, ...).

    Notes
    -----
    With the labels y in [0, 1], the probabilities p, a weight w for each number, and s = ``smooth``:

    .. math::

        L = 1 - \frac{I + s}{U + s}, \qquad I = \sum_i w_i p_i y_i, \quad U = \sum_i w_i (p_i + y_i - p_i y_i),
        \qquad \frac{\partial L}{\partial p_i} = w_i \frac{(1 - y_i) (I + s) - y_i (U + s)}{(U + s)^2}

    From raw scores the derivative is multiplied by :math:`p (1 - p)`. As `Dice`, the value is computed as the share of what is
    wrong, two empty masks have the loss 0, and ``sample_weight`` has one number for each loss, or one for each number of the
    masks. There is no Hessian.

    The derivative by ``smooth`` is minus the loss divided by the denominator.

    See Also
    --------
    Tversky : the same for ``alpha=1, beta=1``.
    BoxIoU : of boxes.

    References
    ----------
    M. A. Rahman, Y. Wang, Optimizing intersection-over-union in deep neural networks for image segmentation, ISVC (2016).
    doi:10.1007/978-3-319-50835-1_22

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> y_true = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 0]]])
    >>> y_pred = np.array([[[0.0, 1.0], [1.0, 0.5]], [[0.0, 0.0], [0.0, 0.0]]])
    >>> fl.jaccard(y_true, y_pred, reduction="none")
    array([0.125, 0.   ])
    >>> fl.Jaccard(smooth=0).gradient(y_true, y_pred, reduction="sum")[0]
    array([[ 0.27777778, -0.33333333],
           [-0.33333333, -0.33333333]])
    """

    from_logits: bool = False
    smooth: float = parameter(1.0, NOT_NEGATIVE)
    per_class: bool = False

    numpy_value = (
        "1 - np.mean((np.sum(y_true * y_pred, axis=-1) + smooth)"
        " / (np.sum(y_true + y_pred - y_true * y_pred, axis=-1) + smooth))"
    )


@dataclass(frozen=True, slots=True)
class Tversky(OfMasks, Loss):
    r"""Tversky loss of masks: an overlap in which false positives and false negatives weigh differently.

    Inputs have the shape (n, ...): one loss for each sample, over its other axes. An array of one axis is a single mask.

    Parameters
    ----------
    alpha : float, default=0.5
        What a false positive weighs, >= 0.
    beta : float, default=0.5
        What a false negative weighs, >= 0.
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the sigmoid is taken, rather than probabilities in [0, 1].
    smooth : float, default=1.0
        Added to numerator and denominator, >= 0.
    per_class : bool, default=False
        Whether there is one loss for each sample and class of inputs of the shape (n, K, ...).

    Notes
    -----
    With the labels y in [0, 1], the probabilities p, a weight w for each number, and s = ``smooth``:

    .. math::

        L = 1 - \frac{I + s}{D}, \qquad D = I + \alpha F + \beta M + s, \qquad I = \sum_i w_i p_i y_i, \quad
        F = \sum_i w_i p_i (1 - y_i), \quad M = \sum_i w_i (1 - p_i) y_i

    .. math::

        \frac{\partial L}{\partial p_i}
        = w_i \frac{(\alpha (1 - y_i) - \beta y_i) (I + s) - y_i (\alpha F + \beta M)}{D^2}

    From raw scores the derivative is multiplied by :math:`p (1 - p)`. As `Dice`, the value is computed as the share of what is
    wrong, :math:`(\alpha F + \beta M) / D`, two empty masks have the loss 0, and ``sample_weight`` has one number for each
    loss, or one for each number of the masks. There is no Hessian. ``alpha=beta=1`` is `Jaccard`; ``alpha=beta=0.5`` is `Dice`
    with twice the ``smooth``.

    With the denominator D, the derivative by ``smooth`` is -loss / D; those by ``alpha`` and ``beta`` are (1 - loss) / D
    times what each of them multiplies.

    References
    ----------
    S. S. M. Salehi, D. Erdogmus, A. Gholipour, Tversky loss function for image segmentation using 3D fully convolutional deep
    networks, MLMI (2017). arXiv:1706.05721

    Examples
    --------
    >>> import fastloss as fl
    >>> y_true, missed, invented = [1, 1, 0, 0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]
    >>> loss = fl.Tversky(alpha=0.25, beta=0.75, smooth=0)
    >>> loss(y_true, missed), loss(y_true, invented)
    (0.42857142857142855, 0.1111111111111111)
    >>> loss.gradient(y_true, missed)
    array([-0.48979592, -0.48979592,  0.08163265,  0.08163265])
    """

    alpha: float = parameter(0.5, NOT_NEGATIVE)
    beta: float = parameter(0.5, NOT_NEGATIVE)
    from_logits: bool = False
    smooth: float = parameter(1.0, NOT_NEGATIVE)
    per_class: bool = False

    numpy_value = (
        "1 - np.mean((np.sum(y_true * y_pred, axis=-1) + smooth) / (np.sum(y_true * y_pred, axis=-1)"
        " + alpha * np.sum(y_pred * (1 - y_true), axis=-1) + beta * np.sum(y_true * (1 - y_pred), axis=-1) + smooth))"
    )


@dataclass(frozen=True, slots=True)
class FocalTversky(OfMasks, Loss):
    r"""Focal Tversky loss of masks: a power of the Tversky loss.

    Inputs have the shape (n, ...): one loss for each sample, over its other axes. An array of one axis is a single mask.

    Parameters
    ----------
    alpha : float, default=0.7
        What a false positive weighs, >= 0.
    beta : float, default=0.3
        What a false negative weighs, >= 0.
    gamma : float, default=0.75
        The power, > 0. Below 1 it raises the weight of samples whose loss is small already, above 1 that of the others. In the
        source this is :math:`1 / \gamma`, with :math:`\gamma = 4/3`.
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the sigmoid is taken, rather than probabilities in [0, 1].
    smooth : float, default=1.0
        Added to numerator and denominator, >= 0.
    per_class : bool, default=False
        Whether there is one loss for each sample and class of inputs of the shape (n, K, ...).

    Notes
    -----
    With the loss T of `Tversky`:

    .. math::

        L = T^\gamma, \qquad \frac{\partial L}{\partial p_i} = \gamma T^{\gamma - 1} \frac{\partial T}{\partial p_i}

    Where T is 0 the gradient is 0, too, unless ``gamma`` is 1: then the loss is that of `Tversky`, bit for bit. There is no
    Hessian.

    With t the loss of `Tversky`, the derivative by ``gamma`` is :math:`t^\gamma \log t`, 0 where t is 0; those by the other
    parameters are :math:`\gamma t^{\gamma - 1}` times those of t.

    References
    ----------
    N. Abraham, N. M. Khan, A novel focal Tversky loss function with improved attention U-Net for lesion segmentation, ISBI
    (2019). arXiv:1810.07842

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.focal_tversky([1, 1, 0, 0], [1.0, 0.0, 0.0, 0.0])
    0.21704264034796028
    >>> fl.FocalTversky(gamma=2.0).value_and_gradient([1, 1], [1.0, 1.0])
    (0.0, array([0., 0.]))
    """

    alpha: float = parameter(0.7, NOT_NEGATIVE)
    beta: float = parameter(0.3, NOT_NEGATIVE)
    gamma: float = parameter(0.75, POSITIVE)
    from_logits: bool = False
    smooth: float = parameter(1.0, NOT_NEGATIVE)
    per_class: bool = False

    numpy_value = (
        "np.mean((1 - (np.sum(y_true * y_pred, axis=-1) + smooth) / (np.sum(y_true * y_pred, axis=-1)"
        " + alpha * np.sum(y_pred * (1 - y_true), axis=-1) + beta * np.sum(y_true * (1 - y_pred), axis=-1) + smooth)) ** gamma)"
    )


@dataclass(frozen=True, slots=True)
class BoxIoU(Loss):
    r"""Loss of boxes: one minus their intersection over union (IoU), and what tells boxes apart that do not overlap.

    Inputs have the shape (..., 4), boxes as (x1, y1, x2, y2): one loss for each.

    Parameters
    ----------
    kind : {"iou", "giou", "diou", "ciou"}, default="iou"
        ``"giou"`` adds the share of the enclosing box that neither box has, ``"diou"`` the squared distance of the centres over
        that of the corners of the enclosing box, and ``"ciou"`` to that how much the aspect ratios differ.

    Notes
    -----
    With the intersection I and the union U of both boxes, their enclosing box of area C, width :math:`c_x` and height
    :math:`c_y`, and the vector d from one centre to the other:

    .. math::

        L_\text{iou} = 1 - \frac{I}{U}, \qquad L_\text{giou} = L_\text{iou} + \frac{C - U}{C}, \qquad
        L_\text{diou} = L_\text{iou} + \frac{d_x^2 + d_y^2}{c_x^2 + c_y^2}, \qquad
        L_\text{ciou} = L_\text{diou} + \alpha v

    .. math::

        v = \left(\frac{2}{\pi} \left(\arctan\frac{w}{h} - \arctan\frac{\hat w}{\hat h}\right)\right)^2, \qquad
        \alpha = \frac{v}{L_\text{iou} + v}

    The gradient is the derivative of the value with respect to ``y_pred``, that of :math:`\alpha` included; torchvision and the
    source take :math:`\alpha` for a constant. Areas are sums of what one box, both or neither has, so that nothing cancels: a
    small loss keeps its digits. Nothing is added to denominators, and lengths are scaled, so that boxes may have any size.

    Two boxes without any area have the IoU 1 if they are the same box, and 0 if not. A box whose end lies before its beginning
    ends where it begins. Where edges of both boxes coincide, and moving one to either side raises the loss, its derivative is
    0: so it is for all edges of two boxes that coincide. There is no Hessian.

    See Also
    --------
    Jaccard : of masks.

    References
    ----------
    H. Rezatofighi, N. Tsoi, J. Gwak, A. Sadeghian, I. Reid, S. Savarese, Generalized intersection over union, CVPR (2019).
    arXiv:1902.09630

    Z. Zheng, P. Wang, W. Liu, J. Li, R. Ye, D. Ren, Distance-IoU loss: faster and better learning for bounding box regression,
    AAAI (2020). arXiv:1911.08287

    Examples
    --------
    >>> import fastloss as fl
    >>> y_true, y_pred = [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [[1.0, 0.0, 3.0, 2.0], [2.0, 0.0, 3.0, 1.0]]
    >>> fl.box_iou(y_true, y_pred, reduction="none")
    array([0.66666667, 1.        ])
    >>> fl.BoxIoU("giou")(y_true, y_pred, reduction="none")
    array([0.66666667, 1.33333333])
    >>> fl.BoxIoU("diou").gradient(y_true, y_pred, reduction="sum")[1]
    array([ 0.2 ,  0.  , -0.04,  0.  ])
    """

    kind: str = "iou"

    numpy_value = (
        "1 - np.mean((inside := np.prod(np.maximum(0, np.minimum(y_true[..., 2:], y_pred[..., 2:])"
        " - np.maximum(y_true[..., :2], y_pred[..., :2])), axis=-1)) / (np.prod(y_true[..., 2:] - y_true[..., :2], axis=-1)"
        " + np.prod(y_pred[..., 2:] - y_pred[..., :2], axis=-1) - inside))"
    )
    no_hessian = "all edges of a box act on each other's derivatives. Use the gradient."

    def __post_init__(self) -> None:
        if self.kind not in ("iou", "giou", "diou", "ciou"):
            raise ValueError(f'BoxIoU: kind must be "iou", "giou", "diou" or "ciou"; got {brief(self.kind)}.')
        super(BoxIoU, self).__post_init__()

    def _kernel_name(self) -> str:
        return f"box_{self.kind}"


@dataclass(frozen=True, slots=True)
class Lovasz(OfMasks, Loss):
    r"""Lovász hinge of masks, from raw scores, and the Lovász loss of probabilities: the convex extension of the Jaccard loss.

    Inputs have the shape (n, ...): one loss for each sample, over its other axes. An array of one axis is a single mask. Labels
    are 0 or 1.

    Parameters
    ----------
    from_logits : bool, default=True
        Whether ``y_pred`` holds raw scores, whose errors are those of the hinge, rather than probabilities in [0, 1].
    per_class : bool, default=False
        Whether there is one loss for each sample and class of inputs of the shape (n, K, ...).

    Notes
    -----
    With the error :math:`m_i = 1 - s_i z_i` of a raw score, s being 1 for label 1 and -1 for label 0, or that of a probability,
    :math:`m_i = |y_i - p_i|`, and the Jaccard loss :math:`\Delta(M)` of a mask whose wrong pixels are M:

    .. math::

        L = \sum_i \max(0, m_{\pi(i)}) g_i, \qquad m_{\pi(1)} \ge m_{\pi(2)} \ge \dots, \qquad
        g_i = \Delta(\{\pi(1), \dots, \pi(i)\}) - \Delta(\{\pi(1), \dots, \pi(i-1)\})

    The derivative of L by the error of a pixel is its g, and 0 where the error is not positive. Each g is a quotient of numbers
    of pixels, no difference of losses. Equal errors come in the order of the pixels. For a mask without any pixel of label 1,
    the first g is 1 and the others are 0: its loss is the largest error. ``sample_weight`` has one number for each loss, or one
    for each pixel, by which it counts in the Jaccard loss: a weight of 0 leaves the pixel out. A mask without any other has the
    loss 0. There is no Hessian.

    See Also
    --------
    LovaszSoftmax : of class indices.
    Jaccard : which has sums over probabilities in place of sorted errors.

    References
    ----------
    M. Berman, A. R. Triki, M. B. Blaschko, The Lovász-softmax loss, CVPR (2018). arXiv:1705.08790

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.lovasz.value_and_gradient([1, 1, 0, 0], [2.0, 0.5, 0.25, -3.0])
    (0.5833333333333333, array([ 0.        , -0.33333333,  0.33333333,  0.        ]))
    >>> fl.Lovasz(from_logits=False)([[1, 0], [0, 0]], [[0.75, 0.5], [0.5, 0.0]], reduction="none")
    array([0.375, 0.5  ])
    """

    from_logits: bool = True
    per_class: bool = False

    numpy_value = (
        "np.mean([np.sum(np.maximum(0, (1 - (2 * t - 1) * p)[o]) * np.diff(1 - (t.sum() - np.cumsum(t[o]))"
        " / (t.sum() + np.cumsum(1 - t[o])), prepend=0)) for t, p in zip(np.atleast_2d(y_true), np.atleast_2d(y_pred))"
        " for o in [np.argsort((2 * t - 1) * p, kind='stable')]])"
    )

    def _domains(self) -> dict[str, Domain]:
        return {"y_true": LABELS} if self.from_logits else {"y_true": LABELS, "y_pred": PROBABILITIES}


@dataclass(frozen=True, slots=True)
class LovaszSoftmax(OfMasks, Loss):
    r"""Lovász softmax of class indices: the mean over the classes of the Lovász loss of each one's mask.

    ``y_true`` has the shape (n, ...) and holds class indices in [0, K), ``y_pred`` has the shape (n, K, ...): one loss for each
    sample. A ``y_true`` of one axis is a single picture of m pixels, with a ``y_pred`` of the shape (K, m).

    Parameters
    ----------
    from_logits : bool, default=True
        Whether ``y_pred`` holds raw scores, of which the softmax over the classes is taken, rather than probabilities in
        [0, 1].
    present_only : bool, default=True
        Whether classes that have no pixel in a sample are left out of its mean. The loss of such a class is its largest
        probability.

    Notes
    -----
    With the probabilities :math:`p_{ki}` of class k at pixel i, the errors :math:`m_{ki} = |[y_i = k] - p_{ki}|` and the
    increments :math:`g_{ki}` of the Jaccard loss of class k, as those of `Lovasz`:

    .. math::

        L = \frac{1}{C} \sum_k \sum_i m_{ki} g_{ki}, \qquad
        c_{ki} = \frac{\partial L}{\partial p_{ki}} = \frac{(1 - 2 [y_i = k]) g_{ki}}{C}, \qquad
        \frac{\partial L}{\partial z_{ki}} = p_{ki} \Big(c_{ki} - \sum_j c_{ji} p_{ji}\Big)

    where C is the number of classes that count. Equal errors of a class come in the order of the pixels. ``sample_weight`` has
    one number for each loss, or one for each pixel, by which it counts in the Jaccard losses: ``sample_weight=y_true != 255``
    leaves pixels of that label out. A sample without any other has the loss 0. There is no Hessian.

    The source takes all pixels of a batch for one picture, unless it is told not to. That is
    ``lovasz_softmax(y_true.ravel(), y_pred.swapaxes(0, 1).reshape(K, -1))``.

    See Also
    --------
    Lovasz : of masks of labels 0 and 1.

    References
    ----------
    M. Berman, A. R. Triki, M. B. Blaschko, The Lovász-softmax loss, CVPR (2018). arXiv:1705.08790

    Examples
    --------
    >>> import fastloss as fl
    >>> y_true, p = [0, 2, 2], [[0.5, 0.25, 0.0], [0.5, 0.0, 0.0], [0.0, 0.75, 1.0]]
    >>> value, gradient = fl.LovaszSoftmax(from_logits=False).value_and_gradient(y_true, p)
    >>> value
    0.3125
    >>> gradient
    array([[-0.5 ,  0.  ,  0.  ],
           [ 0.  ,  0.  ,  0.  ],
           [ 0.  , -0.25,  0.  ]])
    """

    from_logits: bool = True
    present_only: bool = True

    numpy_value = (
        "np.mean([np.mean([np.sum(e[o] * np.diff(1 - (t.sum() - np.cumsum(t[o])) / (t.sum() + np.cumsum(1 - t[o])), prepend=0))"
        " for k in np.unique(y) for t in [y == k] for e in [np.abs(t - p[k])] for o in [np.argsort(-e, kind='stable')]])"
        " for y, q in zip(y_true, np.exp(y_pred - y_pred.max(1, keepdims=True))) for p in [q / q.sum(0)]])"
    )

    def _unit_axes(self) -> int:
        return 1

    def _domains(self) -> dict[str, Domain]:
        return {} if self.from_logits else {"y_pred": PROBABILITIES}

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        labels, predictions = inputs.operands
        axis = len(inputs.shape)
        explain_index(labels, predictions[0].shape, weights, axis=axis)
        if weights is not None and weights[0].ndim > axis:
            weights = np.expand_dims(weights[0], axis), weights[1]
        for name, domain in self._domains().items():
            self._explain_domain(domain, predictions, name, weights, inputs.single)
