"""The losses of `torch.nn.functional`, by its names, with its signatures: each says which loss of fastloss it is, and when.

See `fastloss.torch` for what is the same and what is not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..loss import Loss
from ..losses.binary import BinaryCrossEntropy, BinaryFocal, SoftMargin, ZeroOne
from ..losses.distribution import KLDivergence
from ..losses.embedding import CosineEmbedding, TripletMargin
from ..losses.multiclass import CategoricalCrossEntropy, MultiLabelMargin, MultiLabelSoftMargin, MultiMargin
from ..losses.ranking import MarginRanking
from ..losses.regression import AbsoluteError, GaussianNLL, Huber, Poisson, SmoothL1, SquaredError
from ..losses.sequence import CTC
from ._engine import Call, are_alike, are_indices, are_ordinary, in_place_of

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "sigmoid_focal_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]

_REDUCTIONS = ("mean", "sum", "none")


@lru_cache(maxsize=256)
def _loss(cls: type[Loss], *parameters: Any) -> Loss:
    """Return the loss of these parameters, in the order of its class: made and checked once."""
    return cls(*parameters)


# ---- losses of single numbers ------------------------------------------------------------------------------------------


def _numbers(
    loss: Loss,
    input: Tensor,
    target: Tensor,
    reduction: str,
    weight: Tensor | None = None,
    deprecated: bool = False,
    by_weight: bool = False,
) -> Call | None:
    """Describe a loss of one number each; the mean is divided by their number, or, ``by_weight``, by the sum of weights."""
    if deprecated or reduction not in _REDUCTIONS:
        return None
    if not are_alike(input, target):
        return None
    call = Call(loss, (target, input), reduction)
    if weight is not None:
        if not are_ordinary(input, weight):
            return None
        call.weight = weight.expand(input.shape)
        if reduction == "mean" and not by_weight:
            call.reduction, call.scale = "sum", 1 / input.numel()
    return call


@in_place_of(F.mse_loss)
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Call | None:
    """Compute the squared error: `torch.nn.functional.mse_loss`, by `fastloss.SquaredError`."""
    if weight is not None and weight.shape != input.shape:
        return None
    return _numbers(
        _loss(SquaredError), input, target, reduction, weight, size_average is not None or reduce is not None, by_weight=True
    )


@in_place_of(F.l1_loss)
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Call | None:
    """Compute the absolute error: `torch.nn.functional.l1_loss`, by `fastloss.AbsoluteError`."""
    if weight is not None and weight.shape != input.shape:
        return None
    return _numbers(
        _loss(AbsoluteError), input, target, reduction, weight, size_average is not None or reduce is not None, by_weight=True
    )


@in_place_of(F.huber_loss)
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Call | None:
    """Compute the Huber loss: `torch.nn.functional.huber_loss`, by `fastloss.Huber`."""
    if weight is not None and weight.shape != input.shape:
        return None
    return _numbers(_loss(Huber, float(delta)), input, target, reduction, weight)


@in_place_of(F.smooth_l1_loss)
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Call | None:
    """Compute the smooth L1 loss: `torch.nn.functional.smooth_l1_loss`, by `fastloss.SmoothL1`."""
    return _numbers(
        _loss(SmoothL1, float(beta)), input, target, reduction, None, size_average is not None or reduce is not None
    )


# torch divides by p (1 - p), or by this where that is less.
_LEAST_VARIANCE = 1e-12


@in_place_of(F.binary_cross_entropy)
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute binary cross-entropy: `torch.nn.functional.binary_cross_entropy`, by `fastloss.BinaryCrossEntropy`.

    Probabilities of 0, 1, or within 1e-12 of them are left to torch, which bounds logarithms and derivatives there.
    """
    call = _numbers(_loss(BinaryCrossEntropy), input, target, reduction, weight, size_average is not None or reduce is not None)
    if call is None or not input.numel():
        return None
    low, high = torch.aminmax(input.detach())
    return call if low.item() > _LEAST_VARIANCE and high.item() < 1 - _LEAST_VARIANCE else None


@in_place_of(F.binary_cross_entropy_with_logits)
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Call | None:
    """Compute binary cross-entropy of raw scores, by `fastloss.BinaryCrossEntropy`.

    This is `torch.nn.functional.binary_cross_entropy_with_logits`; a ``pos_weight`` of more than one number is left to torch.
    """
    positive = 1.0
    if pos_weight is not None:
        if not are_ordinary(input, pos_weight) or pos_weight.requires_grad or pos_weight.dim() > input.dim():
            return None
        positive = pos_weight.item()
    loss = _loss(BinaryCrossEntropy, True, 0.0, positive)
    return _numbers(loss, input, target, reduction, weight, size_average is not None or reduce is not None)


@in_place_of(F.poisson_nll_loss)
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the Poisson negative log-likelihood: `torch.nn.functional.poisson_nll_loss`, by `fastloss.Poisson`.

    ``log_input=False``, which adds ``eps`` to means, and ``full=True``, which has Stirling's approximation, are left to torch.
    """
    if full or not log_input:
        return None
    return _numbers(_loss(Poisson), input, target, reduction, None, size_average is not None or reduce is not None)


@in_place_of(F.soft_margin_loss)
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the logistic loss of a margin: `torch.nn.functional.soft_margin_loss`, by `fastloss.SoftMargin`.

    Targets other than 1 and -1 are left to torch, and 0 among them, which fastloss takes for -1.
    """
    call = _numbers(_loss(SoftMargin), input, target, reduction, None, size_average is not None or reduce is not None)
    return call if call is not None and target.detach().all() else None


@in_place_of(F.kl_div)
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Call | None:
    """Compute the Kullback-Leibler divergence: `torch.nn.functional.kl_div`, by `fastloss.KLDivergence`."""
    if reduction not in (*_REDUCTIONS, "batchmean"):
        return None
    loss = _loss(KLDivergence, False, True, bool(log_target))
    call = _numbers(
        loss, input, target, "none" if reduction == "none" else "sum", None, size_average is not None or reduce is not None
    )
    if call is None:
        return None
    if reduction == "none" or input.dim() < 2:
        # of rows of one number each, which the sums of others are made of
        call.inputs = (target.unsqueeze(-1), input)
        call.view = _unsqueeze
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=3,
        )
        call.scale = 1 / input.numel()
    elif reduction == "batchmean" and input.dim():
        call.scale = 1 / input.shape[0]
    return call


def _unsqueeze(tensor: Tensor) -> Tensor:
    return tensor.unsqueeze(-1)


@in_place_of(F.gaussian_nll_loss)
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Call | None:
    """Compute the Gaussian negative log-likelihood: `torch.nn.functional.gaussian_nll_loss`, by `fastloss.GaussianNLL`.

    Variances that are broadcast, and derivatives by variances of which some are not above ``eps``, are left to torch.
    """
    if reduction not in _REDUCTIONS or isinstance(var, float | int) or not are_ordinary(input, target, var):
        return None
    if not input.shape == target.shape == var.shape:
        return None
    if var.requires_grad and torch.is_grad_enabled() and not var.detach().min().item() > eps:
        return None
    return Call(_loss(GaussianNLL, bool(full), float(eps)), (target, input, var), reduction, count=2)


@in_place_of(F.margin_ranking_loss)
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the margin ranking loss: `torch.nn.functional.margin_ranking_loss`, by `fastloss.MarginRanking`.

    Ties without a margin are left to torch, which moves them apart, while the derivative of fastloss is 0.
    """
    call = _numbers(
        _loss(MarginRanking, float(margin)), input1, input2, reduction, None, size_average is not None or reduce is not None
    )
    if call is None or not are_ordinary(input1, target) or target.shape != input1.shape:
        return None
    if not margin and (input1.detach() == input2.detach()).any():
        return None
    call.inputs, call.first, call.count = (input1, input2, target), 0, 2
    return call


@in_place_of(F.hinge_embedding_loss)
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the hinge embedding loss: `torch.nn.functional.hinge_embedding_loss`, for which fastloss has no kernel."""
    return None


# torch itself has no such function to leave to it what the kernel does not cover.
def _sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Tensor:
    """Compute torchvision's focal loss by torch's operations."""
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ValueError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    p = torch.sigmoid(inputs)
    miss = p + targets - 2 * p * targets
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * miss**gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"Invalid Value for arg 'reduction': '{reduction} \n Supported reduction modes: 'none', 'mean', 'sum'")


@in_place_of(_sigmoid_focal_loss)
def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Call | None:
    """Compute the focal loss of raw scores: torchvision's ``sigmoid_focal_loss``, by `fastloss.BinaryFocal`.

    Targets other than 0 and 1 are left to torchvision's formula, which is another one than fastloss has for them.
    """
    if not 0 <= alpha <= 1 and alpha != -1:
        return None
    call = _numbers(_loss(BinaryFocal, float(gamma), None if alpha < 0 else float(alpha), True), inputs, targets, reduction)
    if call is not None and targets.numel():
        # raises for a label that is neither 0 nor 1
        labels = targets.detach().numpy()
        _loss(ZeroOne)(labels, labels)
    return call


# ---- losses of rows ----------------------------------------------------------------------------------------------------


def _rows(loss: Loss, input: Tensor, target: Tensor, reduction: str, deprecated: bool, axis: int = -1) -> Call | None:
    """Describe a loss of the numbers along an axis."""
    if deprecated or reduction not in _REDUCTIONS or not input.dim():
        return None
    call = Call(loss, (target, input), reduction)
    if reduction == "none":
        call.shape = (*input.shape[:axis], *input.shape[axis:][1:])
        call.lift = _unsqueeze if axis == -1 else _unsqueeze_classes
    if axis != -1:
        call.view = _move_classes
    return call


def _unsqueeze_classes(tensor: Tensor) -> Tensor:
    return tensor.unsqueeze(1)


def _move_classes(tensor: Tensor) -> Tensor:
    return tensor.movedim(1, -1)


def _per_class(weight: Tensor | None, input: Tensor, classes: int) -> tuple[float, ...] | None:
    """Read the weights of classes; raise TypeError for what fastloss has no such weights for."""
    if weight is None:
        return None
    if not are_ordinary(input, weight) or weight.requires_grad or weight.shape != (classes,):
        raise TypeError("weights of classes must be one for each, of the type of the scores")
    return tuple(weight.tolist())


@in_place_of(F.cross_entropy)
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Call | None:
    """Compute cross-entropy of raw scores: `torch.nn.functional.cross_entropy`, by `fastloss.CategoricalCrossEntropy`."""
    axis = 1 if input.dim() > 2 else -1
    if not are_ordinary(input) or not input.dim():
        return None
    soft = target.dim() == input.dim() and input.shape == target.shape
    if not (are_ordinary(input, target) and ignore_index < 0 if soft else are_indices(target)):
        return None
    weights = None if weight is None else _per_class(weight, input, input.shape[axis])
    ignored = None if soft else int(ignore_index)
    loss = _loss(CategoricalCrossEntropy, True, float(label_smoothing), weights, ignored)
    call = _rows(loss, input, target, reduction, size_average is not None or reduce is not None, axis)
    if call is None:
        return None
    if soft:
        if axis == 1:
            call.inputs = (_move_classes(target), input)
        if weights is not None and reduction == "mean":
            # torch divides by the number of rows, where labels are distributions
            call.reduction, call.scale = "sum", input.shape[axis] / input.numel()
    return call


@in_place_of(F.nll_loss)
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Pick the log-probabilities of classes: `torch.nn.functional.nll_loss`, which has no arithmetic to make faster.

    `cross_entropy` of raw scores has.
    """
    return None


@in_place_of(F.multi_margin_loss)
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the margin loss of a class: `torch.nn.functional.multi_margin_loss`, by `fastloss.MultiMargin`."""
    if not are_ordinary(input) or not are_indices(target) or not 0 < input.dim() < 3:
        return None
    loss = _loss(MultiMargin, p, float(margin), _per_class(weight, input, input.shape[-1]))
    return _rows(loss, input, target, reduction, size_average is not None or reduce is not None)


@in_place_of(F.multilabel_margin_loss)
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the margin loss of lists of classes, by `fastloss.MultiLabelMargin`.

    This is `torch.nn.functional.multilabel_margin_loss`.
    """
    if not are_ordinary(input) or not are_indices(target) or not 0 < input.dim() < 3:
        return None
    return _rows(_loss(MultiLabelMargin), input, target, reduction, size_average is not None or reduce is not None)


@in_place_of(F.multilabel_soft_margin_loss)
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute binary cross-entropy of each class, by `fastloss.MultiLabelSoftMargin`.

    This is `torch.nn.functional.multilabel_soft_margin_loss`; weights other than those of the classes are left to torch.
    """
    if not are_ordinary(input, target) or input.shape != target.shape or not input.dim():
        return None
    loss = _loss(MultiLabelSoftMargin, _per_class(weight, input, input.shape[-1]))
    return _rows(loss, input, target, reduction, size_average is not None or reduce is not None)


# ---- losses of vectors and of sequences --------------------------------------------------------------------------------

# torch adds this to the squares of lengths; vectors for which that counts are left to torch.
_SQUARE_EPS = 1e-12
_SHORTEST = {torch.float32: math.sqrt(_SQUARE_EPS / 1e-7), torch.float64: math.sqrt(_SQUARE_EPS / 2e-12)}


@in_place_of(F.cosine_embedding_loss)
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the cosine loss of pairs: `torch.nn.functional.cosine_embedding_loss`, by `fastloss.CosineEmbedding`.

    Vectors so short that the 1e-12 counts which torch adds to the squares of their lengths are left to torch.
    """
    if not are_ordinary(input1, input2) or input1.shape != input2.shape or not 0 < input1.dim() < 3:
        return None
    if type(target) is not Tensor or target.shape != input1.shape[:-1] or not input1.numel():
        return None
    shortest = _SHORTEST[input1.dtype]
    for vectors in (input1, input2):
        if not torch.linalg.vector_norm(vectors.detach(), dim=-1).min().item() > shortest:
            return None
    call = _rows(
        _loss(CosineEmbedding, float(margin)), input1, target, reduction, size_average is not None or reduce is not None
    )
    if call is not None:
        call.inputs, call.first, call.count = (input1, input2, target), 0, 2
    return call


@in_place_of(F.triplet_margin_loss)
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Call | None:
    """Compute the triplet loss: `torch.nn.functional.triplet_margin_loss`, by `fastloss.TripletMargin`.

    ``eps``, which torch adds to all differences, is added to the anchors; ``swap=True`` is left to torch.
    """
    if not are_ordinary(anchor, positive, negative) or not anchor.shape == positive.shape == negative.shape:
        return None
    if swap or not margin > 0 or not 0 < anchor.dim() < 3:
        return None
    call = _rows(
        _loss(TripletMargin, float(margin), float(p)),
        anchor,
        positive,
        reduction,
        size_average is not None or reduce is not None,
    )
    if call is not None:
        call.inputs, call.first, call.count, call.shift = (anchor, positive, negative), 0, 3, float(eps)
    return call


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Compute connectionist temporal classification: `torch.nn.functional.ctc_loss`, by `fastloss.CTC`.

    The gradient is torch's, which is that by scores whose log-softmax ``log_probs`` is. Sequences that cannot be aligned are
    left to torch, unless ``zero_infinity``.
    """
    if reduction not in ("mean", "sum"):
        return _ctc_losses(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)
    losses = _ctc_losses(log_probs, targets, input_lengths, target_lengths, blank, "none", zero_infinity)
    if reduction == "sum":
        return losses.sum()
    lengths = torch.as_tensor(target_lengths, device=losses.device).clamp(min=1).reshape(losses.shape)
    return (losses / lengths.to(losses.dtype)).mean()


@in_place_of(F.ctc_loss)
def _ctc_losses(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Call | None:
    """Compute the losses of sequences."""
    if reduction != "none" or not are_ordinary(log_probs) or log_probs.dim() not in (2, 3):
        return None
    lengths = torch.as_tensor(input_lengths), torch.as_tensor(target_lengths)
    if any(tensor.is_floating_point() for tensor in (targets, *lengths)):
        return None
    frames = torch.arange(len(log_probs)).unsqueeze(-1) < lengths[0]

    def amend(losses: Tensor, gradients: Sequence[Tensor]) -> None:
        infinite = losses == math.inf
        if infinite.any():
            if not zero_infinity:
                raise ValueError("a sequence cannot be aligned")
            losses.masked_fill_(infinite, 0.0)
        for gradient in gradients:
            counts = (frames & ~infinite).view(*gradient.shape[:-1], 1)
            gradient.add_(log_probs.detach().exp().mul_(counts))

    call = Call(_loss(CTC, int(blank)), (log_probs, targets, *lengths), "none", first=0)
    call.amend = amend
    call.shape = log_probs.shape[1:-1]
    call.lift = _unsqueeze
    return call
