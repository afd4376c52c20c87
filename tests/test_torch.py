"""fastloss.torch against torch's own functions, and all that autograd does with them."""

from __future__ import annotations

import copy
import inspect
import io
import math
import pickle
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor  # noqa: E402

import fastloss as fl  # noqa: E402
import fastloss.torch as L  # noqa: E402
from fastloss import _core  # noqa: E402
from fastloss.torch import _engine, functional  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
EVERY = ("mean", "sum", "none")


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls that fastloss has finished."""
    done: list[Any] = []
    evaluate = _engine.Call.evaluate

    def counted(self: Any, gradients: tuple[Tensor, ...] = ()) -> Tensor:
        value = evaluate(self, gradients)
        done.append(self)
        return value

    monkeypatch.setattr(_engine.Call, "evaluate", counted)
    return done


def theirs(name: str) -> Callable[..., Tensor]:
    return functional._sigmoid_focal_loss if name == "sigmoid_focal_loss" else getattr(F, name)


# ---- cases -------------------------------------------------------------------------------------------------------------


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def uniform(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64) * 0.98 + 0.01


def signs(*shape: int) -> Tensor:
    return torch.randint(0, 2, shape).double() * 2 - 1


def bits(*shape: int) -> Tensor:
    return torch.randint(0, 2, shape).double()


def classes(k: int, *shape: int) -> Tensor:
    return torch.randint(0, k, shape)


def shares(*shape: int) -> Tensor:
    return torch.softmax(normal(*shape), 1 if len(shape) > 1 else 0)


def lists(n: int, k: int) -> Tensor:
    rows = torch.argsort(torch.rand(n, k), 1)
    return rows.masked_fill(torch.arange(k) >= torch.randint(0, k + 1, (n, 1)), -1)


@dataclass
class Case:
    """A loss with arguments; the first ``count`` of them are differentiated."""

    name: str
    make: Callable[[], tuple[Tensor, ...]]
    count: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    reductions: tuple[str, ...] = EVERY
    #: Options that are tensors, of the dtype of the others.
    tensors: dict[str, Callable[[], Tensor]] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [f"{key}={value}" for key, value in self.options.items()] + list(self.tensors)
        return f"{self.name}-{'x'.join(map(str, self.make()[0].shape))}-{','.join(words)}"

    def arguments(self, dtype: torch.dtype) -> tuple[tuple[Tensor, ...], dict[str, Any]]:
        torch.manual_seed(0)

        def of(tensor: Tensor) -> Tensor:
            # numbers that both precisions have
            return tensor.float().to(dtype) if tensor.is_floating_point() else tensor

        arguments = tuple(map(of, self.make()))
        return arguments, {**self.options, **{name: of(make()) for name, make in self.tensors.items()}}


def of_numbers(
    name: str, target: Callable[..., Tensor] = normal, input: Callable[..., Tensor] = normal, **more: Any
) -> list[Case]:
    shapes: tuple[tuple[int, ...], ...] = ((97,), (3, 5, 7), (), (40, 1000))
    return [Case(name, lambda s=shape: (input(*s), target(*s)), **more) for shape in shapes]


WEIGHTED = [
    Case(name, lambda i=input, t=target: (i(6, 5), t(6, 5)), tensors={"weight": lambda: uniform(6, 5)})
    for name, input, target in (
        ("mse_loss", normal, normal),
        ("l1_loss", normal, normal),
        ("huber_loss", normal, normal),
        ("binary_cross_entropy", uniform, uniform),
        ("binary_cross_entropy_with_logits", normal, uniform),
    )
]
ROWS = [
    Case(
        "cross_entropy",
        lambda s=shape: (normal(*s), classes(s[min(1, len(s) - 1)], *s[:1], *s[2:]) if len(s) > 1 else classes(s[0])),
        options=options,
    )
    for shape in ((13, 10), (7,), (2, 5, 3), (2, 5, 3, 4), (200, 100), (3, 8192), (5, 1))
    for options in ({}, {"label_smoothing": 0.1}, {"ignore_index": 0})
    if not (shape == (5, 1) and options.get("ignore_index") == 0) and not (len(shape) == 1 and "ignore_index" in options)
]
ROWS += [
    Case("cross_entropy", lambda s=shape: (normal(*s), shares(*s)), options=options)
    for shape in ((13, 10), (7,), (2, 5, 3))
    for options in ({}, {"label_smoothing": 0.1})
]
ROWS += [
    Case("cross_entropy", lambda s=shape, t=target: (normal(*s), t(s)), options=options, tensors={"weight": lambda: uniform(5)})
    for shape in ((13, 5), (3, 5, 4))
    for target in (lambda s: classes(5, s[0], *s[2:]), lambda s: shares(*s))
    for options in ({}, {"label_smoothing": 0.1})
]
ROWS += [
    Case("multi_margin_loss", lambda s=shape: (normal(*s), classes(s[-1], *s[:-1])), options=options)
    for shape in ((9, 5), (5,))
    for options in ({}, {"p": 2}, {"margin": 0.3})
]
ROWS += [
    Case("multi_margin_loss", lambda: (normal(9, 5), classes(5, 9)), tensors={"weight": lambda: uniform(5)}),
    Case("multilabel_margin_loss", lambda: (normal(9, 5), lists(9, 5))),
    Case("multilabel_margin_loss", lambda: (normal(5), lists(1, 5)[0])),
    Case("multilabel_soft_margin_loss", lambda: (normal(9, 5), bits(9, 5))),
    Case("multilabel_soft_margin_loss", lambda: (normal(3, 9, 5), uniform(3, 9, 5))),
    Case("multilabel_soft_margin_loss", lambda: (normal(9, 5), bits(9, 5)), tensors={"weight": lambda: uniform(5)}),
]


def sequences(*labels: int) -> tuple[Tensor, ...]:
    lengths = torch.tensor(labels)
    return (
        torch.log_softmax(normal(20, len(labels), 6), 2),
        classes(5, len(labels), 8) + 1,
        torch.tensor([20, 17, 20, 15]),
        lengths,
    )


VECTORS = [
    Case("cosine_embedding_loss", lambda: (normal(11, 6), normal(11, 6), signs(11)), 2),
    Case("cosine_embedding_loss", lambda: (normal(11, 6), normal(11, 6), signs(11)), 2, {"margin": 0.2}),
    Case("cosine_embedding_loss", lambda: (normal(6), normal(6), signs()), 2),
    Case("triplet_margin_loss", lambda: (normal(11, 6), normal(11, 6), normal(11, 6)), 3),
    Case("triplet_margin_loss", lambda: (normal(11, 6), normal(11, 6), normal(11, 6)), 3, {"p": 1, "margin": 0.3}),
    Case("triplet_margin_loss", lambda: (normal(11, 6), normal(11, 6), normal(11, 6)), 3, {"p": 3.0}),
    Case("triplet_margin_loss", lambda: (normal(6), normal(6), normal(6)), 3),
    Case("ctc_loss", lambda: sequences(8, 3, 0, 5)),
    Case("ctc_loss", lambda: (torch.log_softmax(normal(20, 6), 1), classes(5, 4) + 1, torch.tensor(20), torch.tensor(4))),
    Case("ctc_loss", lambda: (*sequences(8, 3, 0, 5)[:1], classes(5, 16) + 1, *sequences(8, 3, 0, 5)[2:])),
    # more labels than frames
    Case(
        "ctc_loss",
        lambda: (*sequences(8, 3, 0, 5)[:2], torch.tensor([20, 17, 20, 4]), torch.tensor([8, 3, 0, 8])),
        1,
        {"zero_infinity": True},
    ),
    # not normalised
    Case("ctc_loss", lambda: (sequences(8, 3, 0, 5)[0] * 2, *sequences(8, 3, 0, 5)[1:])),
]
CASES = [
    *of_numbers("mse_loss"),
    *of_numbers("l1_loss"),
    *of_numbers("huber_loss"),
    *of_numbers("huber_loss", options={"delta": 0.3}),
    *of_numbers("smooth_l1_loss"),
    *of_numbers("smooth_l1_loss", options={"beta": 0.3}),
    *of_numbers("smooth_l1_loss", options={"beta": 0.0}),
    *of_numbers("binary_cross_entropy", uniform, uniform),
    *of_numbers("binary_cross_entropy_with_logits", uniform),
    *of_numbers("binary_cross_entropy_with_logits", bits, tensors={"pos_weight": lambda: uniform()}),
    *of_numbers("poisson_nll_loss", uniform),
    *of_numbers("soft_margin_loss", signs),
    *of_numbers("kl_div", uniform, reductions=(*EVERY, "batchmean")),
    *of_numbers("kl_div", options={"log_target": True}, reductions=(*EVERY, "batchmean")),
    *of_numbers("sigmoid_focal_loss", bits),
    *of_numbers("sigmoid_focal_loss", bits, options={"alpha": -1, "gamma": 1.5}),
    *(
        Case("margin_ranking_loss", lambda s=s: (normal(*s), normal(*s), signs(*s)), 2, {"margin": m})
        for s in ((97,), (3, 5))
        for m in (0.0, 0.4)
    ),
    *(
        Case("gaussian_nll_loss", lambda: (normal(7, 5), normal(7, 5), uniform(7, 5)), 1, {"full": full})
        for full in (False, True)
    ),
    *WEIGHTED,
    *ROWS,
    *VECTORS,
]
ALSO_VARIANCES = Case("gaussian_nll_loss", lambda: (normal(7, 5), normal(7, 5), uniform(7, 5)))


def run(
    function: Callable[..., Tensor], arguments: tuple[Any, ...], by: tuple[int, ...], **options: Any
) -> tuple[Tensor, tuple[Tensor, ...]]:
    leaves = [a.detach().clone().requires_grad_() if i in by else a for i, a in enumerate(arguments)]
    value = function(*leaves, **options)
    torch.manual_seed(1)
    direction = torch.rand(value.shape, dtype=torch.float32).to(value) + 0.5
    return value.detach(), torch.autograd.grad(value, [leaves[i] for i in by], direction)


def check(mine: Tensor, reference: Tensor, tolerance: float) -> None:
    assert mine.shape == reference.shape
    scale = reference.abs().max().item() if reference.numel() else 1.0
    torch.testing.assert_close(mine.double(), reference.double(), rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_gradient_are_those_of_torch(case: Case, dtype: torch.dtype, kernels: list[Any]) -> None:
    by = tuple(range(case.count))
    for reduction in case.reductions:
        kernels.clear()
        arguments, options = case.arguments(dtype)
        value, gradients = run(getattr(L, case.name), arguments, by, **options, reduction=reduction)
        assert len(kernels) == 1, "by a kernel, once"
        assert value.dtype == dtype
        with torch.no_grad():
            alone = getattr(L, case.name)(*arguments, **options, reduction=reduction)
        assert alone.equal(value), "the same without a gradient"
        # torch's value in double precision, of the same numbers: its own error in single precision is larger than ours
        arguments, options = case.arguments(torch.float64)
        reference, derivatives = run(theirs(case.name), arguments, by, **options, reduction=reduction)
        check(value, reference, TOLERANCE[dtype])
        for gradient, derivative in zip(gradients, derivatives, strict=True):
            assert gradient.dtype == dtype
            check(gradient, derivative, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", [*WEIGHTED, ALSO_VARIANCES, *CASES[:4], *ROWS[:1], *ROWS[6:8], *VECTORS], ids=str)
def test_single_precision_is_near_that_of_torch(case: Case, dtype: torch.dtype) -> None:
    arguments, options = case.arguments(dtype)
    value, gradients = run(getattr(L, case.name), arguments, (0,), **options)
    reference, derivatives = run(theirs(case.name), arguments, (0,), **options)
    check(value, reference, 10 * TOLERANCE[dtype])
    check(gradients[0], derivatives[0], 10 * TOLERANCE[dtype])


def test_derivatives_by_variances(kernels: list[Any]) -> None:
    for dtype, tolerance in TOLERANCE.items():
        arguments, _ = ALSO_VARIANCES.arguments(dtype)
        mine, theirs = (run(f, arguments, (0, 2)) for f in (L.gaussian_nll_loss, F.gaussian_nll_loss))
        for a, b in zip(mine[1], theirs[1], strict=True):
            check(a, b, 10 * tolerance)
    assert len(kernels) == 2


# ---- what is left to torch ----------------------------------------------------------------------------------------------

X, Y = torch.tensor([[0.3, -0.2, 1.5], [0.1, 2.0, -1.0]]), torch.tensor([[0.5, 0.25, 1.0], [0.0, 0.75, 0.5]])
INDICES = torch.tensor([2, 0])
LEFT = {
    "half": (L.mse_loss, F.mse_loss, (X.half(), Y.half()), {}),
    "bfloat16": (L.cross_entropy, F.cross_entropy, (X.bfloat16(), INDICES), {}),
    "mixed": (L.mse_loss, F.mse_loss, (X, Y.double()), {}),
    "complex": (L.l1_loss, F.l1_loss, (X.to(torch.complex64), Y.to(torch.complex64)), {}),
    "deprecated": (L.mse_loss, F.mse_loss, (X, Y), {"reduce": False}),
    "broadcast": (L.mse_loss, F.mse_loss, (X, Y[:1]), {}),
    "empty mean": (L.mse_loss, F.mse_loss, (X[:0], Y[:0]), {}),
    "empty rows": (L.cross_entropy, F.cross_entropy, (X[:0], INDICES[:0]), {}),
    "all ignored": (L.cross_entropy, F.cross_entropy, (X, INDICES * 0 - 100), {}),
    "negative weights": (L.mse_loss, F.mse_loss, (X, Y), {"weight": -Y - 1}),
    "target beyond 1": (L.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, (X, Y + 1), {}),
    "pos_weight": (
        L.binary_cross_entropy_with_logits,
        F.binary_cross_entropy_with_logits,
        (X, Y),
        {"pos_weight": torch.tensor([1.0, 2.0, 3.0])},
    ),
    "bounded logarithm": (L.binary_cross_entropy, F.binary_cross_entropy, ((X > 0).float(), 1 - Y), {}),
    "sure and right": (L.binary_cross_entropy, F.binary_cross_entropy, ((X > 0).float(), (X > 0).float()), {}),
    "distribution beyond 1": (L.cross_entropy, F.cross_entropy, (X, 2 * Y), {}),
    "Poisson of means": (L.poisson_nll_loss, F.poisson_nll_loss, (X.abs(), Y), {"log_input": False}),
    "Stirling": (L.poisson_nll_loss, F.poisson_nll_loss, (X, 3 * Y), {"full": True}),
    "derivative by a small variance": (
        lambda v: L.gaussian_nll_loss(X, Y, v),
        lambda v: F.gaussian_nll_loss(X, Y, v),
        (Y,),
        {},
    ),
    "common variance": (L.gaussian_nll_loss, F.gaussian_nll_loss, (X, Y, X[:, :1].abs()), {}),
    "a variance": (L.gaussian_nll_loss, F.gaussian_nll_loss, (X, Y, 0.5), {}),
    "margin of 0": (L.soft_margin_loss, F.soft_margin_loss, (X, (X > 0).float()), {}),
    "soft margin": (L.soft_margin_loss, F.soft_margin_loss, (X, Y), {}),
    "weights of labels": (L.multilabel_soft_margin_loss, F.multilabel_soft_margin_loss, (X, Y), {"weight": Y}),
    "ties": (L.margin_ranking_loss, F.margin_ranking_loss, (X[0], X[0].clone(), torch.ones(3)), {}),
    "no vector": (L.cosine_embedding_loss, F.cosine_embedding_loss, (0 * X, Y, torch.ones(2)), {}),
    "swap": (L.triplet_margin_loss, F.triplet_margin_loss, (X, Y, X - Y), {"swap": True}),
    "p < 1": (L.triplet_margin_loss, F.triplet_margin_loss, (X, Y, X - Y), {"p": 0.5}),
    "broadcast vectors": (L.triplet_margin_loss, F.triplet_margin_loss, (X, Y[:1], X - Y), {}),
    "no alignment": (
        L.ctc_loss,
        F.ctc_loss,
        (X.log_softmax(1).unsqueeze(1), torch.tensor([[1, 1]]), torch.tensor([2]), torch.tensor([2])),
        {},
    ),
    "nll": (L.nll_loss, F.nll_loss, (X.log_softmax(1), INDICES), {"weight": Y[0]}),
    "hinge": (L.hinge_embedding_loss, F.hinge_embedding_loss, (X, X.sign()), {}),
    "soft focal": (L.sigmoid_focal_loss, functional._sigmoid_focal_loss, (X, Y), {}),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", LEFT)
def test_the_rest_is_left_to_torch(name: str, kernels: list[Any]) -> None:
    mine, other, arguments, options = LEFT[name]
    value, (gradient,) = run(mine, arguments, (0,), **options)
    reference, (derivative,) = run(other, arguments, (0,), **options)
    torch.testing.assert_close(value, reference, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(gradient, derivative, rtol=0, atol=0, equal_nan=True)
    assert not kernels


def test_derivatives_by_targets_and_weights_are_left_to_torch(kernels: list[Any]) -> None:
    target, weight = Y.clone().requires_grad_(), (Y + 1).requires_grad_()
    for options in ({"target": target}, {"target": Y, "weight": weight}):
        leaf = options.get("weight", target)
        gradients = [torch.autograd.grad(loss(X, **options), leaf)[0] for loss in (L.mse_loss, F.mse_loss)]
        assert gradients[0].equal(gradients[1])
    assert not kernels
    with torch.no_grad():
        L.mse_loss(X, target, weight=weight)
    assert len(kernels) == 1, "nobody asks for one here"


def test_another_device_is_left_to_torch(kernels: list[Any]) -> None:
    value = L.cross_entropy(X.to("meta"), INDICES.to("meta"))
    assert (value.device.type, value.shape) == ("meta", ())
    assert not kernels


def test_a_default_device_does_not_move_the_loss(kernels: list[Any]) -> None:
    with torch.device("meta"):
        assert L.mse_loss(X, Y).device.type == "cpu"
    assert len(kernels) == 1


class Own(Tensor):
    """A tensor that wants to see what is done with it."""

    seen: list[Any] = []  # noqa: RUF012 - for all of them

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        cls.seen.append(function)
        return super().__torch_function__(function, types, arguments, options or {})


def test_subclasses_are_left_to_torch(kernels: list[Any]) -> None:
    value = L.mse_loss(X.as_subclass(Own), Y)
    assert type(value) is Own
    assert F.mse_loss in Own.seen
    L.mse_loss(torch.nn.Parameter(X), Y)
    assert len(kernels) == 1, "a parameter is as good as a tensor"


WRONG = {
    "shape": ("binary_cross_entropy_with_logits", (X, Y[:1]), {}),
    "probability": ("binary_cross_entropy", (X, Y), {}),
    "class": ("cross_entropy", (X, INDICES + 1), {}),
    "negative class": ("cross_entropy", (X, INDICES - 5), {}),
    "32 bits": ("cross_entropy", (X, INDICES.int()), {}),
    "rows": ("cross_entropy", (X, INDICES[:1]), {}),
    "weights": ("cross_entropy", (X, INDICES), {"weight": torch.ones(2)}),
    "double weights": ("cross_entropy", (X, INDICES), {"weight": torch.ones(3).double()}),
    "smoothing": ("cross_entropy", (X, INDICES), {"label_smoothing": 2.0}),
    "ignored distribution": ("cross_entropy", (X, Y), {"ignore_index": 0}),
    "reduction": ("mse_loss", (X, Y), {"reduction": "median"}),
    "reduction of rows": ("cross_entropy", (X, INDICES), {"reduction": "median"}),
    "reduction of sequences": ("ctc_loss", (X[:, None], INDICES[None], INDICES[:1], INDICES[:1]), {"reduction": "median"}),
    "reduction of focal": ("sigmoid_focal_loss", (X, Y), {"reduction": "median"}),
    "alpha": ("sigmoid_focal_loss", (X, Y), {"alpha": 2.0}),
    "delta": ("huber_loss", (X, Y), {"delta": -1.0}),
    "beta": ("smooth_l1_loss", (X, Y), {"beta": -1.0}),
    "margin": ("triplet_margin_loss", (X, Y, X), {"margin": -1.0}),
    "p": ("multi_margin_loss", (X, INDICES), {"p": 3}),
    "lists": ("multilabel_margin_loss", (X, INDICES[:, None] + torch.tensor([0, 0, 5])), {}),
    "variance": ("gaussian_nll_loss", (X, Y, -Y), {}),
    "no tensor": ("mse_loss", ([1.0], [2.0]), {}),
    "no target": ("cross_entropy", (X, [2, 0]), {}),
    "no weight": ("huber_loss", (X, Y), {"weight": [1.0]}),
    "arguments": ("mse_loss", (X,), {}),
    "name": ("mse_loss", (X, Y), {"sample_weight": Y}),
    "dimensions": ("margin_ranking_loss", (X, Y, Y[0]), {}),
    "lengths": ("ctc_loss", (X[:, None].log_softmax(2), INDICES[None] + 1, torch.tensor([5]), torch.tensor([1])), {}),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_those_of_torch(name: str) -> None:
    function, arguments, options = WRONG[name]
    with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever it is
        theirs(function)(*arguments, **options)
    with pytest.raises(type(expected.value)) as found:
        getattr(L, function)(*arguments, **options)
    assert found.value.__context__ is None
    if function not in ("sigmoid_focal_loss",):
        assert str(found.value) == str(expected.value)


def test_warnings_are_those_of_torch() -> None:
    for name, arguments in (("mse_loss", (X, Y[:1])), ("kl_div", (X, Y))):
        texts = []
        for function in (theirs(name), getattr(L, name)):
            with warnings.catch_warnings(record=True) as found:
                warnings.simplefilter("always")
                function(*arguments)
            texts.append([str(item.message) for item in found])
        assert texts[0] == texts[1]
        assert len(texts[0]) == 1


@pytest.mark.parametrize("name", functional.__all__)
def test_signatures_are_those_of_torch(name: str) -> None:
    mine, other = (inspect.signature(function) for function in (getattr(L, name), theirs(name)))
    assert [(p.name, p.default, p.kind) for p in mine.parameters.values()] == [
        (p.name, p.default, p.kind) for p in other.parameters.values()
    ]


def test_disabled(kernels: list[Any]) -> None:
    x, y = torch.tensor([-1000.0]), torch.tensor([1.0])
    with L.disabled():
        assert L.soft_margin_loss(x, y).isinf()
        assert not kernels
    assert L.soft_margin_loss(x, y) == 1000
    assert len(kernels) == 1


# ---- memory ------------------------------------------------------------------------------------------------------------


def strided(tensor: Tensor) -> list[Tensor]:
    """The same numbers in other layouts: transposed, every other one of more, reversed order of axes, repeated nothing."""
    double = torch.empty((*tensor.shape[:-1], 2 * tensor.shape[-1]), dtype=tensor.dtype)
    double[..., ::2] = tensor
    return [tensor.clone().transpose(0, -1).contiguous().transpose(0, -1), double[..., ::2]]


@pytest.mark.parametrize("reduction", EVERY)
@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy"])
def test_layouts(name: str, reduction: str, kernels: list[Any]) -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 5, 7)
    y = torch.randn(6, 5, 7) if name == "mse_loss" else torch.randint(0, 5, (6, 7))
    loss = getattr(L, name)
    value, (gradient,) = run(loss, (x, y), (0,), reduction=reduction)
    for a in strided(x):
        for b in strided(y):
            leaf = a.detach().requires_grad_()
            assert not leaf.is_contiguous()
            found = loss(leaf, b, reduction=reduction)
            assert found.equal(value)
            torch.manual_seed(1)
            direction = torch.rand(found.shape) + 0.5
            (derivative,) = torch.autograd.grad(found, leaf, direction)
            assert derivative.equal(gradient)
    assert len(kernels) == 5


def test_repeated_memory(kernels: list[Any]) -> None:
    x = torch.randn(5).requires_grad_()
    wide = x.expand(4, 5)
    (gradient,) = torch.autograd.grad(L.mse_loss(wide, torch.zeros(4, 5)), x)
    check(gradient, 2 * x.detach() / 5, 1e-6)
    assert len(kernels) == 1


def test_no_copy_of_tensors_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    evaluate = fl.SquaredError._evaluate

    def watched(self: Any, want: int, values: Any, weights: Any, reduction: str, out: Any) -> Any:
        seen.append(tuple(array.ctypes.data for array in (*values, weights, out)))
        return evaluate(self, want, values, weights, reduction, out)

    x, y, w = torch.randn(1000).requires_grad_(), torch.randn(1000), torch.rand(1000)
    with monkeypatch.context() as patch:
        patch.setattr(fl.SquaredError, "_evaluate", watched)
        value = L.mse_loss(x, y, weight=w)
    (gradient,) = torch.autograd.grad(value, x)
    assert seen == [(y.data_ptr(), x.data_ptr(), w.data_ptr(), gradient.data_ptr())]


def test_the_gradient_becomes_that_of_the_leaf() -> None:
    n = 1 << 22
    x, y = torch.randn(n).requires_grad_(), torch.randn(n)
    program = (
        "import resource, torch, fastloss.torch as L\n"
        f"x, y = torch.randn({n}).requires_grad_(), torch.randn({n})\n"
        "L.mse_loss(x[:10], y[:10]).backward(); x.grad = None\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "loss = L.mse_loss(x, y)\n"
        "(3 * loss).backward()\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, x.grad.numel())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    grown, count = map(int, done.stdout.split())
    assert count == n
    # the zeros that slicing made before went there; one gradient, and nothing of that size beside it
    assert grown < 1.5 * 4 * n
    tracemalloc.start()
    L.mse_loss(x, y).backward()
    assert tracemalloc.get_traced_memory()[1] < 1.1 * 4 * n, "the memory of the gradient"
    tracemalloc.stop()


def test_memory_of_large_gradients_is_used_again() -> None:
    n = 1 << 20
    x, y = torch.randn(n + 1024), torch.randn(n + 1024)

    def gradient(size: int = n) -> Tensor:
        leaf = x[:size].requires_grad_()
        return torch.autograd.grad(L.mse_loss(leaf, y[:size]), leaf)[0]

    memory = _engine._memory
    first = gradient()
    expected, place = first.clone(), first.data_ptr()
    # while anything refers to it, it is nobody else's
    for keep in (lambda t: t, lambda t: t[:5], lambda t: t.numpy(), lambda t: t.view(2, -1).untyped_storage()):
        kept = keep(first)
        del first
        other = gradient()
        assert other.data_ptr() != place
        assert other.equal(expected)
        del kept
        # the later one of two that are free
        del other
        first = gradient()
        place = first.data_ptr()
        assert first.equal(expected)
    del first
    for _ in range(2):
        again = gradient().data_ptr()
        assert again == place
    # a loss whose backward pass is still to come keeps its own
    leaf, y = x[:n].requires_grad_(), y[:n]
    losses = [L.mse_loss(leaf, y), L.l1_loss(leaf, y)]
    found = [torch.autograd.grad(loss, leaf, retain_graph=True)[0] for loss in losses]
    assert found[0].equal(expected)
    assert found[1].equal(torch.autograd.grad(F.l1_loss(leaf, y), leaf)[0])
    del losses, found
    # what is free goes as soon as another size is wanted, and there are never many
    y = torch.randn(n + 1024)
    held = [gradient(n + 1024) for _ in range(2 * memory.MOST)]
    assert len({tensor.data_ptr() for tensor in held}) == 2 * memory.MOST
    assert {array.nbytes for array in memory.kept} == {4 * (n + 1024)}
    assert len(memory.kept) == memory.MOST


def test_memory_is_used_again_by_one_thread_at_a_time() -> None:
    from concurrent.futures import ThreadPoolExecutor

    n = 1 << 20

    def work(number: int) -> bool:
        leaf, zero = torch.full((n,), float(number), requires_grad=True), torch.zeros(n)
        expected = torch.full((n,), 2.0 * number)
        return all(torch.autograd.grad(L.mse_loss(leaf, zero, reduction="sum"), leaf)[0].equal(expected) for _ in range(10))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(1, 9)))


@pytest.mark.filterwarnings("ignore")
def test_what_reads_tensors() -> None:
    tensors, plain = _engine._tensors, _engine._ByNumpy()
    x = torch.randn(4, 6)
    seen = [
        x,
        x.double(),
        x.t(),
        x[:, ::2],
        x[1:2, 3],
        x[0, 0],
        x[:0],
        torch.nn.Parameter(x),
        torch.arange(5),
        x.expand(3, 4, 6),
    ]
    for tensor in seen:
        array, other = tensors.array_of(tensor), plain.array_of(tensor)
        assert (array.dtype, array.shape) == (other.dtype, other.shape)
        assert array.size == 0 or array.strides == other.strides
        assert array.ctypes.data == other.ctypes.data or not array.size
        assert array.flags.c_contiguous == other.flags.c_contiguous
        assert array.flags.aligned
    unseen = [x.half(), x.to("meta"), x.to_sparse(), x.as_subclass(Own), torch.ones(2, dtype=torch.bool), [1.0], None]
    for a in seen + unseen:
        assert tensors.are_ordinary(a) == (plain.are_ordinary(a) and not (isinstance(a, Tensor) and a.is_sparse))
        assert tensors.are_indices(a) == plain.are_indices(a)
        for b in seen + unseen[:2]:
            if not (isinstance(a, Tensor) and a.is_sparse):
                assert tensors.are_ordinary(a, b) == plain.are_ordinary(a, b)
                assert tensors.are_alike(a, b) == plain.are_alike(a, b)
    if type(tensors) is not type(plain):
        for tensor in unseen:
            with pytest.raises(TypeError, match="this tensor has no memory"):
                tensors.array_of(tensor)
    array = tensors.array_of(torch.full((3,), 2.0))
    assert array.tolist() == [2, 2, 2], "the tensor lives as long as the array"
    for reader in (tensors, plain):
        for dtype in TOLERANCE:
            number = torch.empty((), dtype=dtype)
            reader.fill(number, 0.1)
            assert number.equal(torch.tensor(0.1, dtype=dtype))


@pytest.mark.filterwarnings("ignore")
def test_tensors_whose_memory_is_not_what_they_are() -> None:
    x = torch.randn(5).requires_grad_()
    negative = torch.complex(torch.zeros(5), torch.arange(5.0)).conj().imag
    assert negative.is_neg()
    for other in (negative, torch._efficientzerotensor((5,)), torch.arange(5.0).to_sparse().to_dense()):
        mine, reference = (run(module.mse_loss, (x, other), (0,)) for module in (L, F))
        check(mine[0], reference[0], 1e-6)
        check(mine[1][0], reference[1][0], 1e-6)
        torch.testing.assert_close(L.huber_loss(x, x.detach(), weight=other.abs()), torch.tensor(0.0))


def test_a_torch_without_a_table_of_functions(monkeypatch: pytest.MonkeyPatch, kernels: list[Any]) -> None:
    plain = _engine._ByNumpy()
    for place, name, new in (
        (_engine, "_arrays_of", plain.arrays_of),
        (_engine, "_array_of", plain.array_of),
        (_engine, "_fill", plain.fill),
        (functional, "are_alike", plain.are_alike),
        (functional, "are_ordinary", plain.are_ordinary),
        (functional, "are_indices", plain.are_indices),
    ):
        monkeypatch.setattr(place, name, new)
    for name, arguments in (("mse_loss", (X, Y)), ("cross_entropy", (X, INDICES)), ("kl_div", (X, Y))):
        for reduction in EVERY:
            mine, other = (run(getattr(m, name), arguments, (0,), reduction=reduction) for m in (L, F))
            check(mine[0], other[0], 1e-6)
            check(mine[1][0], other[1][0], 1e-6)
    assert len(kernels) == 9


# ---- autograd ----------------------------------------------------------------------------------------------------------

CHECKED = [*CASES[:1], *CASES[8:9], *CASES[28:29], *WEIGHTED[:1], *ROWS[:1], *ROWS[6:8], *VECTORS[:1], *VECTORS[3:4]]


@pytest.mark.slow
@pytest.mark.parametrize("reduction", EVERY)
@pytest.mark.parametrize("case", CHECKED, ids=str)
def test_gradcheck(case: Case, reduction: str, kernels: list[Any]) -> None:
    arguments, options = case.arguments(torch.float64)
    leaves = tuple(a[:6].detach().clone() if a.dim() else a for a in arguments)
    leaves = tuple(a.requires_grad_() if i < case.count else a for i, a in enumerate(leaves))
    options = {key: value[:6] if isinstance(value, Tensor) else value for key, value in options.items()}
    function = getattr(L, case.name)

    def loss(*given: Tensor) -> Tensor:
        return function(*given, *leaves[case.count :], **options, reduction=reduction)

    assert torch.autograd.gradcheck(loss, leaves[: case.count])
    assert kernels
    assert torch.autograd.gradgradcheck(loss, leaves[: case.count])


def test_second_derivatives_are_those_of_torch() -> None:
    found = []
    for loss in (L.huber_loss, F.huber_loss):
        x = X.clone().requires_grad_()
        (first,) = torch.autograd.grad(loss(x**2, Y) * 3, x, create_graph=True)
        first.pow(2).sum().backward()
        found.append((first.detach(), x.grad))
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other)
    x = X.clone().requires_grad_()
    hessian = torch.autograd.functional.hessian(lambda x: L.mse_loss(x, Y, reduction="sum"), X)
    assert hessian.reshape(6, 6).equal(2 * torch.eye(6))


def test_graph_is_kept_when_asked() -> None:
    x = X.clone().requires_grad_()
    loss = L.mse_loss(x, Y)
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    expected = first.clone()
    first.zero_()
    (second,) = torch.autograd.grad(loss, x, torch.tensor(2.0), retain_graph=True)
    assert second.equal(2 * expected)
    loss.backward()
    assert x.grad.equal(expected)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_a_torch_that_does_not_tell_whether_the_graph_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_engine, "_keeps_graph", lambda: True)
    weight = torch.tensor([1.0, 2.0, 3.0])
    for reduction in EVERY:
        mine, other = (run(m.cross_entropy, (X, Y), (0,), weight=weight, reduction=reduction) for m in (L, F))
        check(mine[0], other[0], 1e-6)
        check(mine[1][0], other[1][0], 1e-6)
    (gradient,) = torch.autograd.grad(L.triplet_margin_loss(X, Y, x := (X - Y).requires_grad_(), margin=5.0), x)
    check(gradient, torch.autograd.grad(F.triplet_margin_loss(X, Y, x, margin=5.0), x)[0], 1e-6)


def test_gradients_add_up() -> None:
    x = X.clone().requires_grad_()
    (L.mse_loss(x, Y) + L.l1_loss(x, Y) * 0.5 + L.mse_loss(x * 2, Y)).backward()
    mine = x.grad.clone()
    x.grad = None
    (F.mse_loss(x, Y) + F.l1_loss(x, Y) * 0.5 + F.mse_loss(x * 2, Y)).backward()
    torch.testing.assert_close(mine, x.grad)
    before = mine.clone()
    x.grad = mine
    for _ in range(2):
        L.mse_loss(x, Y).backward()
    torch.testing.assert_close(x.grad, before + 2 * torch.autograd.grad(F.mse_loss(x, Y), x)[0])


def test_hooks() -> None:
    x = X.clone().requires_grad_()
    seen: list[Tensor] = []
    y = x * 1
    y.register_hook(lambda gradient: seen.append(gradient) or gradient * 2)
    x.register_hook(seen.append)
    loss = L.mse_loss(y, Y)
    loss.register_hook(lambda gradient: gradient * 5)
    loss.backward()
    expected = 2 * (X - Y) / 6
    torch.testing.assert_close(seen[0], 5 * expected)
    torch.testing.assert_close(x.grad, 10 * expected)


def test_changed_inputs_are_noticed() -> None:
    for change in (0, 1):
        x, y = (X * 1.5).requires_grad_(), Y.clone()
        prediction = x * 1
        loss = L.mse_loss(prediction, y)
        with torch.no_grad():
            (prediction, y)[change].add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_without_gradients(kernels: list[Any]) -> None:
    x = X.clone().requires_grad_()
    with torch.no_grad():
        assert L.mse_loss(x, Y).grad_fn is None
    with torch.inference_mode():
        value = L.cross_entropy(X * 2, INDICES)
        assert value.is_inference()
    assert not L.mse_loss(X, Y).requires_grad
    assert len(kernels) == 3
    # as torch, which cannot save it either
    inference = torch.inference_mode()(lambda: Y * 2)()
    with pytest.raises(RuntimeError, match="Inference tensors"):
        L.mse_loss(x, inference)


def test_batched_gradients() -> None:
    x = X.clone().requires_grad_()
    jacobian = torch.autograd.functional.jacobian(lambda x: L.mse_loss(x, Y, reduction="none"), X, vectorize=True)
    torch.testing.assert_close(jacobian.reshape(6, 6), torch.diag((2 * (X - Y)).ravel()))
    (rows,) = torch.autograd.grad(L.mse_loss(x, Y), x, torch.tensor([1.0, 2.0]), is_grads_batched=True)
    assert rows[1].equal(2 * rows[0])


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_functional_transforms_are_left_to_torch(kernels: list[Any]) -> None:
    from torch.func import functional_call, grad, jvp, vmap

    for name, arguments in (("mse_loss", (X, Y)), ("cross_entropy", (X, INDICES))):
        mine, other = getattr(L, name), getattr(F, name)
        assert grad(mine)(*arguments).equal(grad(other)(*arguments))
        assert vmap(mine)(*arguments).equal(vmap(other)(*arguments))
        assert vmap(grad(mine))(*arguments).equal(vmap(grad(other))(*arguments))
    assert jvp(lambda x: L.mse_loss(x, Y), (X,), (Y,))[1].equal(jvp(lambda x: F.mse_loss(x, Y), (X,), (Y,))[1])
    assert functional_call(L.nn.MSELoss(), {}, (X, Y)).equal(L.mse_loss(X, Y))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X, Y)
        assert torch.autograd.forward_ad.unpack_dual(L.mse_loss(dual, Y)).tangent is not None
    assert len(kernels) == 2


@pytest.mark.slow
def test_the_compiler_sees_the_operations_of_torch(kernels: list[Any]) -> None:
    compiled = torch.compile(
        lambda x, y: L.mse_loss(x * 2, y) + L.cross_entropy(x, INDICES), backend="aot_eager", fullgraph=True
    )
    x = X.clone().requires_grad_()
    value = compiled(x, Y)
    value.backward()
    assert not kernels
    torch.testing.assert_close(value, L.mse_loss(x * 2, Y) + L.cross_entropy(x, INDICES))
    exported = torch.export.export(L.nn.MSELoss(), (X, Y))
    torch.testing.assert_close(exported.module()(X, Y), F.mse_loss(X, Y))


@pytest.mark.filterwarnings("ignore")
def test_traces_have_the_operations_of_torch() -> None:
    traced = torch.jit.trace(lambda x: L.mse_loss(x, Y), (X,), check_trace=False)
    torch.testing.assert_close(traced(2 * X), F.mse_loss(2 * X, Y))
    graph = torch.fx.experimental.proxy_tensor.make_fx(lambda x: L.mse_loss(x, Y))(X)
    torch.testing.assert_close(graph(2 * X), F.mse_loss(2 * X, Y))


def test_checkpoints() -> None:
    from torch.utils.checkpoint import checkpoint

    x = X.clone().requires_grad_()
    checkpoint(lambda x: L.cross_entropy(x * 2, INDICES), x, use_reentrant=False).backward()
    torch.testing.assert_close(x.grad, torch.autograd.grad(F.cross_entropy(x * 2, INDICES), x)[0])


def test_threads_are_no_more_than_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    evaluate = fl.SquaredError._evaluate

    def watched(self: Any, *arguments: Any) -> Any:
        used.append(fl.get_num_threads())
        return evaluate(self, *arguments)

    monkeypatch.setattr(fl.SquaredError, "_evaluate", watched)
    before, x = torch.get_num_threads(), torch.randn(1 << 16)
    try:
        with fl.num_threads(3):
            for count in (1, 2, 5):
                torch.set_num_threads(count)
                L.mse_loss(x, x)
            assert fl.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert used == [1, 2, 3]


def test_threads_are_those_of_torch_where_it_has_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    layers: list[str] = []
    evaluate = fl.SquaredError._evaluate

    def watched(self: Any, *arguments: Any) -> Any:
        layers.append(_core.active_layer())
        return evaluate(self, *arguments)

    monkeypatch.setattr(fl.SquaredError, "_evaluate", watched)
    before, x, layer = torch.get_num_threads(), torch.randn(1 << 16), _core.active_layer()
    expected = L.mse_loss(x, x / 3)
    layers.clear()
    try:
        with fl.num_threads(2):
            for count, shared in ((2, True), (5, True), (2, False)):
                monkeypatch.setattr(_engine, "_shares_openmp", lambda shared=shared: shared and _core.OPENMP_VERSION > 0)
                torch.set_num_threads(count)
                assert L.mse_loss(x, x / 3).equal(expected)
                assert _core.active_layer() == layer
    finally:
        torch.set_num_threads(before)
    assert layers == ["openmp" if _core.OPENMP_VERSION else layer, layer, layer]


def test_autocast_is_that_of_torch() -> None:
    layer = torch.nn.Linear(3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(X)
        assert output.dtype == torch.bfloat16
        mine, other = L.cross_entropy(output, INDICES), F.cross_entropy(output, INDICES)
    assert mine.equal(other)
    assert mine.dtype == other.dtype


# ---- special numbers ---------------------------------------------------------------------------------------------------


def test_numbers_where_torch_has_none() -> None:
    x = torch.tensor([math.inf, -math.inf, 3.0]).requires_grad_()
    y = torch.tensor([1.0, 0.0, 1.0])
    value = L.binary_cross_entropy_with_logits(x, y, reduction="none")
    value.sum().backward()
    assert value[:2].tolist() == [0, 0]
    assert x.grad[:2].tolist() == [0, 0]
    assert F.binary_cross_entropy_with_logits(x, y).isnan()


def test_nan_and_infinity_pass() -> None:
    x = torch.tensor([math.nan, math.inf, 1.0])
    for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"):
        mine, other = (getattr(module, name)(x, torch.zeros(3), reduction="none") for module in (L, F))
        torch.testing.assert_close(mine, other, equal_nan=True)
    assert L.mse_loss(torch.full((3,), 1e30), torch.zeros(3)).isinf()
    scores = torch.tensor([[-math.inf, 0.0, 1.0]])
    torch.testing.assert_close(L.cross_entropy(scores, torch.tensor([2])), F.cross_entropy(scores, torch.tensor([2])))


def test_empty_batches() -> None:
    for reduction in ("sum", "none"):
        for name, arguments in (("mse_loss", (X[:0], Y[:0])), ("cross_entropy", (X[:0], INDICES[:0]))):
            value, (gradient,) = run(getattr(L, name), arguments, (0,), reduction=reduction)
            reference, _ = run(getattr(F, name), arguments, (0,), reduction=reduction)
            assert value.equal(reference)
            assert gradient.shape == (0, 3)


def test_ignored_rows() -> None:
    target = torch.tensor([2, -100])
    for reduction in EVERY:
        mine, other = (run(m.cross_entropy, (X, target), (0,), reduction=reduction, label_smoothing=0.1) for m in (L, F))
        check(mine[0], other[0], 1e-6)
        check(mine[1][0], other[1][0], 1e-6)


# ---- modules -----------------------------------------------------------------------------------------------------------

MODULES = {
    "BCELoss": ("binary_cross_entropy", {"weight": torch.tensor([1.0, 2.0, 3.0])}),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", {"weight": torch.ones(3), "pos_weight": torch.tensor(2.0)}),
    "CTCLoss": ("ctc_loss", {"blank": 1, "zero_infinity": True}),
    "CosineEmbeddingLoss": ("cosine_embedding_loss", {"margin": 0.3}),
    "CrossEntropyLoss": ("cross_entropy", {"weight": torch.tensor([1.0, 2.0, 3.0]), "ignore_index": 1, "label_smoothing": 0.1}),
    "GaussianNLLLoss": ("gaussian_nll_loss", {"full": True, "eps": 1e-3}),
    "HingeEmbeddingLoss": ("hinge_embedding_loss", {"margin": 0.3}),
    "HuberLoss": ("huber_loss", {"delta": 0.3}),
    "KLDivLoss": ("kl_div", {"log_target": True}),
    "L1Loss": ("l1_loss", {}),
    "MSELoss": ("mse_loss", {}),
    "MarginRankingLoss": ("margin_ranking_loss", {"margin": 0.3}),
    "MultiLabelMarginLoss": ("multilabel_margin_loss", {}),
    "MultiLabelSoftMarginLoss": ("multilabel_soft_margin_loss", {"weight": torch.tensor([1.0, 2.0, 3.0])}),
    "MultiMarginLoss": ("multi_margin_loss", {"p": 2, "margin": 0.3, "weight": torch.tensor([1.0, 2.0, 3.0])}),
    "NLLLoss": ("nll_loss", {"weight": torch.tensor([1.0, 2.0, 3.0]), "ignore_index": 1}),
    "PoissonNLLLoss": ("poisson_nll_loss", {"log_input": False, "full": True, "eps": 1e-3}),
    "SmoothL1Loss": ("smooth_l1_loss", {"beta": 0.3}),
    "SoftMarginLoss": ("soft_margin_loss", {}),
    "TripletMarginLoss": ("triplet_margin_loss", {"margin": 0.3, "p": 3, "eps": 1e-3}),
}


def test_every_module_is_there() -> None:
    assert list(MODULES) == sorted(L.nn.__all__) == L.nn.__all__
    assert {name for name, _ in MODULES.values()} == set(functional.__all__) - {"sigmoid_focal_loss"}


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_those_of_torch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, options = MODULES[name]
    module = getattr(L.nn, name)(**options, reduction="sum")
    assert isinstance(module, getattr(torch.nn, name))
    twin = getattr(torch.nn, name)(**options, reduction="sum")
    assert list(module.state_dict()) == list(twin.state_dict())
    case = LEFT_MODULES.get(name) or next(case for case in CASES if case.name == function)
    arguments, _ = case.arguments(torch.float32)
    if any(isinstance(value, Tensor) for value in options.values()):
        arguments = (
            arguments[0].reshape(-1)[:12].reshape(4, 3),
            *(a.reshape(-1)[: 4 if a.dtype == torch.int64 else 12] for a in arguments[1:]),
        )
        arguments = tuple(a % 3 if a.dtype == torch.int64 else a.reshape(4, 3) for a in arguments)
    if name == "CTCLoss":
        arguments = (arguments[0], arguments[1].clamp(min=2), *arguments[2:])
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    copies = [module, copy.deepcopy(module), pickle.loads(pickle.dumps(module)), torch.load(file, weights_only=False)]
    for each in copies:
        assert type(each) is type(module)
        torch.testing.assert_close(each(*arguments), twin(*arguments), rtol=1e-5, atol=1e-5)
    called: list[str] = []
    monkeypatch.setattr(functional, function, lambda *arguments, **options: called.append(function))
    module(*arguments)
    assert called == [function]


LEFT_MODULES = {
    "HingeEmbeddingLoss": Case("hinge_embedding_loss", lambda: (normal(7), signs(7))),
    "NLLLoss": Case("nll_loss", lambda: (normal(9, 5), classes(5, 9))),
    "PoissonNLLLoss": Case("poisson_nll_loss", lambda: (uniform(7), uniform(7))),
}


def test_a_missing_torch_is_named() -> None:
    program = "import sys; sys.modules['torch'] = None; import fastloss.torch"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ImportError: fastloss.torch needs PyTorch: pip install 'fastloss[torch]'"


def test_torch_is_imported_by_nothing_else() -> None:
    program = "import sys, fastloss; import fastloss.cli, fastloss.boosting; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_tensors_of_numpy_share_memory() -> None:
    array = np.zeros(5, np.float32)
    x = torch.from_numpy(array)
    array += 2
    assert L.mse_loss(x, torch.zeros(5)) == 4


def test_example_of_the_guide(kernels: list[Any]) -> None:
    found: dict[str, Any] = {}
    exec((Path(__file__).parents[1] / "docs" / "guides" / "torch_example.py").read_text(), found)
    assert len(kernels) == 2
    assert found["scores"].grad.abs().sum() > 0
