"""Losses of masks: how far a predicted region and the right one overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..domains import NOT_NEGATIVE, POSITIVE, PROBABILITIES, UNIT, Domain, parameter
from ..loss import Loss


class OfMasks:
    """What losses of masks share: labels and probabilities, or raw scores of these, of all pixels of a sample or class."""

    __slots__ = ()

    no_hessian: ClassVar[str] = "all numbers of a mask act on each other's derivatives. Use the gradient."

    def _kernel_name(self) -> str:
        return f"{self.formula}_from_logits" if self.from_logits else self.formula

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
