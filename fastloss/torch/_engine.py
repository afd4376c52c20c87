"""How a loss of tensors goes: one kernel pass in forward, a multiplication in backward, torch's own function for the rest.

A function of this package is a *description*: it reads arguments of the signature that torch's function has and returns a
`Call`, which says what loss of fastloss that is, or None. `in_place_of` makes the public function of it. Where a description
returns None, or fastloss refuses what it is given, torch's own function is called with the same arguments: so errors,
promotions and broadcasting are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, ParamSpec

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from .. import _core
from ..loss import Loss

_P = ParamSpec("_P")
_View = Callable[[Tensor], Tensor]

_VALUE, _VALUE_AND_GRADIENT = _core.VALUE, _core.VALUE | _core.GRADIENT
_TYPES = (Tensor, torch.nn.Parameter)
_DTYPES = (torch.float32, torch.float64)
# What fastloss and the reading of tensors raise: torch's function is asked then, which has an error, or an answer, of its own.
_REFUSALS = (TypeError, ValueError, RuntimeError)
# From so many numbers on, a team of threads may be called.
_FEW = 1 << 14

_enabled: ContextVar[bool] = ContextVar("_enabled", default=True)
#: Whether the backward pass under way is not the last one; torch older than 2.6 does not tell, and then it may not be.
_keeps_graph: Callable[[], bool] = getattr(
    getattr(torch._C, "_autograd", None), "_get_current_graph_task_keep_graph", lambda: True
)


@contextmanager
def disabled() -> Iterator[None]:
    """Leave all losses to torch's own functions inside a ``with`` block, in this thread: to compare, or to rule fastloss out.

    Yields
    ------
    None

    Examples
    --------
    >>> import torch
    >>> import fastloss.torch as F
    >>> with F.disabled():
    ...     F.soft_margin_loss(torch.tensor([-1000.0]), torch.tensor([1.0]))
    tensor(inf)
    >>> F.soft_margin_loss(torch.tensor([-1000.0]), torch.tensor([1.0]))
    tensor(1000.)
    """
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


@dataclass(slots=True)
class Call:
    """A loss of tensors, as fastloss computes it."""

    loss: Loss
    #: All inputs, in the order of the loss; ``count`` of them, from ``first`` on, are differentiated.
    inputs: tuple[Tensor, ...]
    reduction: str
    first: int = 1
    count: int = 1
    weight: Tensor | None = None
    #: What the value and the gradient are multiplied by.
    scale: float = 1.0
    #: How fastloss sees what is differentiated, and its gradients: another order of axes, for example.
    view: _View | None = None
    #: The shape of the losses, where it is not that of what is differentiated.
    shape: tuple[int, ...] | None = None
    #: How the gradient by the losses of ``reduction="none"`` is brought to the axes of what is differentiated.
    lift: _View | None = None
    #: What is added to the first input, as it is read.
    shift: float = 0.0
    #: What torch does to the losses and to their gradients beyond that, in place.
    amend: Callable[[Tensor, tuple[Tensor, ...]], None] | None = None

    def differentiated(self) -> tuple[Tensor, ...]:
        """Return the inputs by which there are derivatives."""
        return self.inputs[self.first : self.first + self.count]

    def needs_gradient(self) -> bool:
        """Tell whether a gradient will be asked for; raise TypeError if it may be one that the loss does not have."""
        if not torch.is_grad_enabled():
            return False
        last = self.first + self.count
        for i, tensor in enumerate(self.inputs):
            if tensor.requires_grad and not self.first <= i < last:
                raise TypeError("no derivative by labels")
        if self.weight is not None and self.weight.requires_grad:
            raise TypeError("no derivative by weights")
        return any(tensor.requires_grad for tensor in self.differentiated())

    def evaluate(self, gradients: tuple[Tensor, ...] = ()) -> Tensor:
        """Compute the value, and write the gradients if there are tensors for them."""
        prediction = self.inputs[self.first]
        view = self.view
        last = self.first + self.count
        arrays: list[Any] = []
        for i, tensor in enumerate(self.inputs):
            tensor = tensor.detach()
            if i == 0 and self.shift:
                tensor = tensor + self.shift
            arrays.append((tensor if view is None or not self.first <= i < last else view(tensor)).numpy())
        outs = [(gradient if view is None else view(gradient)).numpy() for gradient in gradients]
        value = None
        if self.reduction == "none":
            value = prediction.new_empty(prediction.shape if self.shape is None else self.shape)
            outs.insert(0, value.numpy())
        weight = None if self.weight is None else self.weight.numpy()
        want = _VALUE_AND_GRADIENT if gradients else _VALUE
        out: Any = (outs[0] if len(outs) == 1 else tuple(outs)) if outs else None
        if prediction.numel() < _FEW:
            found = self.loss._evaluate(want, tuple(arrays), weight, self.reduction, out)
        else:
            # no more threads than torch uses
            previous = _core.local_threads(min(torch.get_num_threads(), _core.thread_count()))
            try:
                found = self.loss._evaluate(want, tuple(arrays), weight, self.reduction, out)
            finally:
                _core.local_threads(previous)
        if value is None:
            number = found[0] if gradients else found
            value = torch.scalar_tensor(number * self.scale, dtype=prediction.dtype, device=prediction.device)
        if self.amend is not None:
            self.amend(value, gradients)
        return value


class _Differentiable(Function):
    """The value, whose derivatives are there already."""

    @staticmethod
    def forward(ctx: Any, call: Call, again: Callable[[], Tensor], *differentiated: Tensor) -> Tensor:
        gradients = tuple(map(torch.empty_like, differentiated))
        value = call.evaluate(gradients)
        # all inputs, so that torch notices if one is changed before the backward pass
        ctx.save_for_backward(*gradients, *call.inputs)
        ctx.scale, ctx.lift, ctx.first, ctx.again = call.scale, call.lift, call.first, again
        ctx.summed = call.reduction != "none"
        return value

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[2:]
        saved = ctx.saved_tensors
        if torch.is_grad_enabled():
            return None, None, *_by_torch(ctx.again, saved[len(needed) + ctx.first :], needed, grad_output)
        gradients = saved[: len(needed)]
        lone = not _keeps_graph() and not torch._C._are_functorch_transforms_active()
        factor: Tensor | float = grad_output
        if ctx.summed:
            if lone:
                factor = grad_output.item() * ctx.scale
                if factor == 1.0:
                    return None, None, *(g if need else None for g, need in zip(gradients, needed, strict=True))
            elif ctx.scale != 1.0:
                factor = grad_output * ctx.scale
        elif ctx.lift is not None:
            factor = ctx.lift(grad_output)
        # nobody else will see the memory of the last backward pass
        multiply = Tensor.mul_ if lone else torch.mul
        return None, None, *(multiply(g, factor) if need else None for g, need in zip(gradients, needed, strict=True))


def _by_torch(
    again: Callable[[], Tensor], inputs: tuple[Tensor, ...], needed: tuple[bool, ...], grad_output: Tensor
) -> list[Tensor | None]:
    """Differentiate torch's own function, in a way that can be differentiated again."""
    wanted = [tensor for tensor, need in zip(inputs, needed, strict=False) if need]
    found = iter(torch.autograd.grad(again(), wanted, grad_output, create_graph=True))
    return [next(found) if need else None for need in needed]


# Function.apply looks for functorch's transforms first, under which nothing comes here.
_apply: Callable[..., Tensor] = super(Function, _Differentiable).apply


def _watched() -> bool:
    """Tell whether something wants to see the operations of torch: a trace, a transform, derivatives along a direction."""
    return (
        torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._get_tracing_state() is not None
        or forward_ad._current_level >= 0
    )


def in_place_of(function: Callable[..., Tensor]) -> Callable[[Callable[_P, Call | None]], Callable[_P, Tensor]]:
    """Make a function of tensors of a description, with ``function`` for all that it does not describe."""

    def decorate(describe: Callable[_P, Call | None]) -> Callable[_P, Tensor]:
        @wraps(describe)
        def loss(*args: _P.args, **kwargs: _P.kwargs) -> Tensor:
            # the compiler is to see torch's operations, which it fuses
            if torch.compiler.is_compiling() or not _enabled.get() or _watched():
                return function(*args, **kwargs)
            try:
                call = describe(*args, **kwargs)
                if call is not None:
                    if call.needs_gradient():
                        return _apply(call, partial(function, *args, **kwargs), *call.differentiated())
                    return call.evaluate()
            except _REFUSALS:
                pass
            return function(*args, **kwargs)

        loss.__annotations__["return"] = Tensor
        return loss

    return decorate


def are_ordinary(first: Any, *others: Any) -> bool:
    """Tell whether all are tensors on the CPU of one dtype, float32 or float64, and no subclasses with a mind of their own."""
    if type(first) not in _TYPES or not first.is_cpu:
        return False
    dtype = first.dtype
    return dtype in _DTYPES and all(type(other) in _TYPES and other.is_cpu and other.dtype is dtype for other in others)


def are_indices(tensor: Any) -> bool:
    """Tell whether it is a tensor of class indices, as torch wants them."""
    return type(tensor) in _TYPES and tensor.is_cpu and tensor.dtype is torch.int64
