"""torch, eager and compiled: its own functions where it has them, else the same expressions; it finds derivatives by itself."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional as F

import fastloss as fl

from ..cases import Case
from . import formulas


def _either(tensors: Callable[..., Any], **bound: str) -> Callable[..., Any]:
    """A function of two tensors, or of a number and a tensor."""

    def function(a: Any, b: Any) -> Any:
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            return tensors(a, b)
        number, tensor = (a, b) if isinstance(b, torch.Tensor) else (b, a)
        return torch.clamp(tensor, **{bound["by"]: number})

    return function


def _logaddexp(a: Any, b: Any) -> Any:
    return F.softplus(b) if isinstance(a, int) else torch.logaddexp(a, b)


def _norm(x: Any, axis: int) -> Any:
    return torch.linalg.vector_norm(x, dim=axis)


def _argsort(x: Any, axis: int, stable: bool) -> Any:
    return torch.argsort(x, dim=axis, stable=stable)


NAMES = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("sum", "abs", "sign", "where", "log", "log1p", "log2", "exp", "sqrt", "pi")},
    **{name: getattr(torch, name) for name in ("tanh", "cosh", "clip", "prod", "cumsum", "diag", "arange")},
    maximum=_either(torch.maximum, by="min"),
    minimum=_either(torch.minimum, by="max"),
    logaddexp=_logaddexp,
    concatenate=torch.cat,
    linalg=SimpleNamespace(norm=_norm),
    argsort=_argsort,
    flip=lambda x, axis: torch.flip(x, (axis,)),
    take_along_axis=lambda x, indices, axis: torch.take_along_dim(x, indices, dim=axis),
    inf=torch.inf,
    mean=lambda x: torch.mean(x if x.is_floating_point() else x.float()),
    max=lambda x, axis: torch.amax(x, axis),
)
FUNCTIONS = {
    "np": NAMES,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, 1),
    "log_softmax": lambda x: torch.log_softmax(x, 1),
}


def _cross_entropy(loss: Any, t: Any, z: Any) -> Any:
    return F.cross_entropy(z, t)


def _lovasz(t: Any, z: Any) -> Any:
    errors, order = torch.sort(1 - (2 * t - 1) * z, dim=1, descending=True, stable=True)
    labels = t.gather(1, order)
    return (F.relu(errors) * _steps(labels)).sum(1).mean()


def _steps(labels: Any) -> Any:
    size = labels.sum(1, keepdim=True)
    loss = 1 - (size - labels.cumsum(1)) / (size + (1 - labels).cumsum(1))
    return torch.diff(loss, dim=1, prepend=torch.zeros_like(size))


def _lovasz_softmax(t: Any, z: Any) -> Any:
    found = []
    for p, labels in zip(torch.softmax(z, 1), t, strict=True):
        masks = F.one_hot(labels, z.shape[1]).T.to(p.dtype)
        errors, order = torch.sort((masks - p).abs(), dim=1, descending=True, stable=True)
        found.append((errors * _steps(masks.gather(1, order))).sum(1).mean())
    return torch.stack(found).mean()


def _supervised(loss: Any, x: Any, labels: Any) -> Any:
    x = F.normalize(x)
    itself = torch.eye(len(x), dtype=torch.bool)
    scores = (x @ x.T / loss.temperature).masked_fill(itself, -torch.inf)
    alike = (labels[:, None] == labels) & ~itself
    logs = torch.log_softmax(scores, 1).masked_fill(~alike, 0)
    return -(logs.sum(1) / alike.sum(1).clamp(min=1)).mean()


def _nt_xent(loss: Any, a: Any, b: Any) -> Any:
    x = F.normalize(torch.cat([a, b]))
    scores = (x @ x.T / loss.temperature).masked_fill(torch.eye(len(x), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(scores, torch.arange(len(x)).roll(len(a)))


def _info_nce(loss: Any, a: Any, b: Any) -> Any:
    return F.cross_entropy(F.normalize(a) @ F.normalize(b).T / loss.temperature, torch.arange(len(a)))


#: torch's own functions of a loss and its inputs.
OWN: dict[str, Callable[..., Any]] = {
    "squared_error": lambda loss, y, p: F.mse_loss(p, y),
    "absolute_error": lambda loss, y, p: F.l1_loss(p, y),
    "huber": lambda loss, y, p: F.huber_loss(p, y, delta=loss.delta),
    "smooth_l1": lambda loss, y, p: F.smooth_l1_loss(p, y, beta=loss.beta),
    "poisson": lambda loss, y, p: F.poisson_nll_loss(p, y),
    "gaussian_nll": lambda loss, y, p, var: F.gaussian_nll_loss(p, y, var, eps=loss.eps),
    "binary_cross_entropy": lambda loss, y, p: (
        F.binary_cross_entropy_with_logits if loss.from_logits else F.binary_cross_entropy
    )(p, y),
    "soft_margin": lambda loss, y, p: F.soft_margin_loss(p, y),
    "categorical_cross_entropy": lambda loss, t, p: F.cross_entropy(p, t) if loss.from_logits else F.nll_loss(torch.log(p), t),
    "kl_divergence": lambda loss, y, p: F.kl_div(
        torch.log_softmax(p, 1) if loss.from_logits else torch.log(p), y, reduction="batchmean"
    ),
    "multi_margin": lambda loss, t, p: F.multi_margin_loss(p, t, p=loss.p, margin=loss.margin),
    "multi_label_margin": lambda loss, t, p: F.multilabel_margin_loss(p, t),
    "multi_label_soft_margin": lambda loss, y, p: F.multilabel_soft_margin_loss(p, y),
    "triplet_margin": lambda loss, *x: F.triplet_margin_loss(*x, margin=loss.margin, eps=0.0),
    "cosine_embedding": lambda loss, a, b, target: F.cosine_embedding_loss(a, b, target, margin=loss.margin),
    "cosine_similarity": lambda loss, a, b: 1 - F.cosine_similarity(a, b).mean(),
    "margin_ranking": lambda loss, a, b: F.margin_ranking_loss(a, b, torch.ones_like(a), margin=loss.margin),
    "linear_cross_entropy": lambda loss, t, x, weight: F.cross_entropy(x @ weight.T, t),
    "info_nce": _info_nce,
    "nt_xent": _nt_xent,
    "supervised_contrastive": _supervised,
    "lovasz": lambda loss, t, z: _lovasz(t, z),
    "lovasz_softmax": lambda loss, t, z: _lovasz_softmax(t, z),
    # its log-softmax and the derivative of that are part of its loss, as they are of ours
    "ctc": lambda loss, z, *rest: F.ctc_loss(torch.log_softmax(z, 2), *rest),
}
OWN["sparse_categorical_cross_entropy"] = OWN["categorical_cross_entropy"]
# Where torch's function takes what ours does not, or says that it computes something else.
_ONLY_OF_SCORES = ("ctc",)


def function_of(case: Case, inputs: list[Any]) -> Callable[..., Any] | None:
    """The mean loss of tensors."""
    loss: Any = case.loss
    if loss.name in OWN:
        if loss.name in _ONLY_OF_SCORES and not loss.from_logits:
            return None
        own = OWN[loss.name]
        return lambda *x: own(loss, *x)
    text = formulas.value(loss, batched=True)
    return formulas.function_of(case, text, tuple(inputs), FUNCTIONS) if text and loss.name != "lambda_rank" else None


def _call(case: Case, function: Callable[..., Any], tensors: list[Any]) -> Callable[[], Any]:
    leaves = [tensors[i].requires_grad_(case.what != "value") for i in case.predictions]
    if case.what == "value":

        def value() -> float:
            with torch.no_grad():
                return function(*tensors).item()

        return value

    def both() -> tuple[float, tuple[Any, ...]]:
        for leaf in leaves:
            leaf.grad = None
        value = function(*tensors)
        value.backward()
        return value.item(), tuple(leaf.grad.numpy() for leaf in leaves)

    return both


def _make(case: Case, compiled: bool) -> Callable[[], Any] | None:
    torch.set_num_threads(fl.get_num_threads())
    tensors = [torch.from_numpy(array) for array in case.inputs]
    function = function_of(case, tensors)
    if function is None or case.what == "gradient_and_hessian":
        return None
    return _call(case, _compiled(case, function) if compiled else function, tensors)


_COMPILED: dict[tuple[Any, ...], Any] = {}


def _compiled(case: Case, function: Callable[..., Any]) -> Any:
    """Compiled once for all sizes."""
    key = case.loss, case.width, case.dtype, case.what
    if key not in _COMPILED:
        _COMPILED.clear()
        torch.compiler.reset()
        _COMPILED[key] = torch.compile(function)
    return _COMPILED[key]


PEERS = {"torch": lambda case: _make(case, False), "torch.compile": lambda case: _make(case, True)}
