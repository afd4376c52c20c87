"""Losses of masks: how far a predicted region and the right one overlap."""

from __future__ import annotations

from dataclasses import dataclass

from ..domains import NOT_NEGATIVE, PROBABILITIES, UNIT, Domain, parameter
from ..loss import Loss


@dataclass(frozen=True, slots=True)
class Dice(Loss):
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
    no_hessian = "all numbers of a mask act on each other's derivatives. Use the gradient."

    def _kernel_name(self) -> str:
        return "dice_from_logits" if self.from_logits else "dice"

    def _domains(self) -> dict[str, Domain]:
        return {"y_true": UNIT} if self.from_logits else {"y_true": UNIT, "y_pred": PROBABILITIES}

    def _unit_axes(self) -> int:
        return 2 if self.per_class else 1
