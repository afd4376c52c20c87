"""How a loss of tensors goes: one kernel pass in forward, a multiplication in backward, torch's own function for the rest.

A function of this package is a *description*: it reads arguments of the signature that torch's function has and returns a
`Call`, which says what loss of fastloss that is, or None. `in_place_of` makes the public function of it. Where a description
returns None, or fastloss refuses what it is given, torch's own function is called with the same arguments: so errors,
promotions and broadcasting are torch's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, partial, wraps
from typing import Any, ParamSpec

import numpy as np
import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active, _get_tracing_state, _len_torch_dispatch_stack
from torch._C._functorch import is_functorch_wrapped_tensor, is_legacy_batchedtensor
from torch.autograd import Function, forward_ad

from .. import _core
from .._spare import SpareMemory
from .._threads import shares_openmp
from ..loss import Loss

_P = ParamSpec("_P")
_View = Callable[[Tensor], Tensor]

_VALUE, _VALUE_AND_GRADIENT = _core.VALUE, _core.VALUE | _core.GRADIENT
# What values are made like: a default device of another kind is not meant, and a function that has just been called is fast.
_SCALARS = {dtype: torch.empty((), dtype=dtype, device="cpu") for dtype in (torch.float32, torch.float64)}
# What fastloss and the reading of arguments raise: torch's function is asked then, which has an error or an answer of its own.
_REFUSALS = (AttributeError, TypeError, ValueError, RuntimeError)
# From so many numbers on, a team of threads may be called.
_FEW = 1 << 14
# From so many bytes on, NumPy asks the system for huge pages, and memory is used again: fresh pages cost more than a loss.
_HUGE = 1 << 22
_is_compiling = torch.compiler.is_compiling
_grad_enabled = torch.is_grad_enabled

_enabled: ContextVar[bool] = ContextVar("_enabled", default=True)
#: Whether the backward pass under way is not the last one; an old torch does not tell, and then it may not be.
_keeps_graph: Callable[[], bool] = getattr(
    getattr(torch._C, "_autograd", None), "_get_current_graph_task_keep_graph", lambda: True
)


class _ByNumpy:
    """What `fastloss._core.Tensors` does, for a torch without DLPack's table of C functions: before 2.10."""

    _classes = (Tensor, torch.nn.Parameter)
    _dtypes = (torch.float32, torch.float64)

    def are_ordinary(self, first: Any, *others: Any) -> bool:
        if type(first) not in self._classes or not first.is_cpu or first.dtype not in self._dtypes:
            return False
        dtype = first.dtype
        return all(type(other) in self._classes and other.is_cpu and other.dtype is dtype for other in others)

    def are_alike(self, first: Any, *others: Any) -> bool:
        return self.are_ordinary(first, *others) and all(other.shape == first.shape for other in others)

    def are_indices(self, tensor: Any) -> bool:
        return type(tensor) in self._classes and tensor.is_cpu and tensor.dtype is torch.int64

    def array_of(self, tensor: Tensor) -> np.ndarray:
        return tensor.detach().numpy()

    def arrays_of(self, tensors: tuple[Tensor, ...]) -> tuple[np.ndarray, ...]:
        return tuple(map(self.array_of, tensors))

    def fill(self, tensor: Tensor, number: float) -> None:
        tensor.fill_(number)


def _reader() -> Any:
    """Choose what reads tensors: subclasses, which have minds of their own, are read by nobody."""
    try:
        return _core.Tensors(Tensor.__dlpack_c_exchange_api__, (Tensor, torch.nn.Parameter))
    except (AttributeError, ValueError):
        return _ByNumpy()


_tensors = _reader()
#: Whether all are tensors on the CPU of one dtype, float32 or float64; whether their shapes are equal, too.
are_ordinary: Callable[..., bool] = _tensors.are_ordinary
are_alike: Callable[..., bool] = _tensors.are_alike
#: Whether something is a tensor of class indices, as torch wants them.
are_indices: Callable[[Any], bool] = _tensors.are_indices
_array_of: Callable[[Tensor], np.ndarray] = _tensors.array_of
_arrays_of: Callable[[tuple[Tensor, ...]], tuple[np.ndarray, ...]] = _tensors.arrays_of
_fill: Callable[[Tensor, float], None] = _tensors.fill


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


@dataclass
class Call:
    """A loss of tensors, as fastloss computes it."""

    loss: Loss
    #: All inputs, in the order of the loss; ``count`` of them, from ``first`` on, are differentiated.
    inputs: tuple[Tensor, ...]
    reduction: str
    first: int = 1
    count: int = 1
    # what is rare is set afterwards: a call on few numbers is not to set the rest
    weight: Tensor | None = field(default=None, init=False)
    #: What the value and the gradient are multiplied by.
    scale: float = field(default=1.0, init=False)
    #: How fastloss sees what is differentiated, and its gradients: another order of axes, for example.
    view: _View | None = field(default=None, init=False)
    #: The shape of the losses of ``reduction="none"``, where it is not that of what is differentiated.
    shape: tuple[int, ...] | None = field(default=None, init=False)
    #: How the gradient by the losses of ``reduction="none"`` is brought to the axes of what is differentiated.
    lift: _View | None = field(default=None, init=False)
    #: What is added to the first input, as it is read.
    shift: float = field(default=0.0, init=False)
    #: What torch does to the losses and to their gradients beyond that, in place.
    amend: Callable[[Tensor, Sequence[Tensor]], None] | None = field(default=None, init=False)
    #: torch's own function of the same arguments.
    again: Any = field(default=None, init=False)

    def wants_gradient(self) -> bool:
        """Tell whether a gradient may be asked for; raise TypeError if it may be one that the loss does not have."""
        wanted = False
        for place, tensor in enumerate(self.inputs):
            if tensor.requires_grad:
                if not self.first <= place < self.first + self.count:
                    raise TypeError("there is no derivative by labels")
                wanted = True
        if self.weight is not None and self.weight.requires_grad:
            raise TypeError("there is no derivative by weights")
        return wanted

    def evaluate(self, gradients: Sequence[Tensor] = ()) -> Tensor:
        """Compute the value, and write the gradients if there are tensors for them."""
        inputs = self.inputs
        prediction = inputs[self.first]
        if self.view is None and not self.shift:
            arrays = _arrays_of(inputs)
            outs = [_array_of(gradient) for gradient in gradients]
        else:
            arrays, outs = self._views(gradients)
        value = None
        if self.reduction == "none":
            value = _memory_like(prediction) if self.shape is None else prediction.new_empty(self.shape)
            outs.insert(0, _array_of(value))
        weight = None if self.weight is None else _arrays_of((self.weight,))[0]
        want = _VALUE_AND_GRADIENT if gradients else _VALUE
        out: Any = (outs[0] if len(outs) == 1 else tuple(outs)) if outs else None
        if prediction.numel() < _FEW:
            found = self.loss._evaluate(want, arrays, weight, self.reduction, out)
        else:
            with _threads_of_torch():
                found = self.loss._evaluate(want, arrays, weight, self.reduction, out)
        if value is None:
            number = found[0] if gradients else found
            value = torch.empty_like(_SCALARS[prediction.dtype])
            _fill(value, number * self.scale)
        if self.amend is not None:
            self.amend(value, gradients)
        return value

    def _views(self, gradients: Sequence[Tensor]) -> tuple[tuple[Any, ...], list[Any]]:
        """Read inputs and gradients as fastloss is to see them."""
        last = self.first + self.count
        view = self.view or Tensor.detach
        arrays = []
        for i, tensor in enumerate(self.inputs):
            numbers = tensor.detach()
            if i == 0 and self.shift:
                numbers = numbers + self.shift
            arrays.append(view(numbers) if self.first <= i < last else numbers)
        return _arrays_of(tuple(arrays)), [_array_of(view(gradient)) for gradient in gradients]


@contextmanager
def _threads_of_torch() -> Iterator[None]:
    """Work in no more threads than torch, and in its own, where it shares its OpenMP runtime with fastloss.

    They keep the cores busy for some milliseconds after each of torch's operations, waiting for the next one, and threads of
    our own would share the cores with them. A team of another size is not asked for: the runtime would end threads.
    """
    count = torch.get_num_threads()
    threads = min(count, _core.thread_count())
    previous = _core.local_threads(threads)
    layer = _core.local_openmp(True) if threads == count and _shares_openmp() else None
    try:
        yield
    finally:
        _core.local_threads(previous)
        if layer is not None:
            _core.local_openmp(layer)


@cache
def _shares_openmp() -> bool:
    try:
        return "parallel backend: OpenMP" in torch.__config__.parallel_info() and shares_openmp(ctypes.CDLL(torch._C.__file__))
    except OSError:
        return False


_memory = SpareMemory()


def _memory_like(tensor: Tensor) -> Tensor:
    """Make a tensor for results."""
    if tensor.nbytes < _HUGE or not tensor.is_contiguous():
        return torch.empty_like(tensor)
    dtype = np.float32 if tensor.dtype is torch.float32 else np.float64
    # a tensor refers to a view, and that to the array
    return torch.from_numpy(_memory.take(tensor.nbytes).view(dtype).reshape(tensor.shape))


class _Differentiable(Function):
    """The value, whose derivatives are there already."""

    @staticmethod
    def forward(ctx: Any, call: Call, *differentiated: Tensor) -> Tensor:
        gradients = [_memory_like(tensor) for tensor in differentiated]
        value = call.evaluate(gradients)
        # all inputs, so that torch notices if one is changed before the backward pass
        ctx.save_for_backward(*gradients, *call.inputs)
        ctx.call = call
        return value

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved = ctx.saved_tensors
        call: Call = ctx.call
        count = call.count
        if _grad_enabled():
            return None, *_by_torch(call, saved[count:], ctx.needs_input_grad[1:], grad_output)
        multiply: Callable[..., Tensor] = torch.mul
        factor: Tensor | float = grad_output
        if not _keeps_graph() and not _is_batched(grad_output):
            # nobody will see the memory again: it is the result
            multiply = Tensor.mul_
            # what holds the inputs
            ctx.call = None
        if call.reduction == "none":
            if call.lift is not None:
                factor = call.lift(grad_output)
        elif multiply is torch.mul:
            factor = grad_output * call.scale
        else:
            factor = grad_output.item() * call.scale
            if factor == 1.0:
                return (None, saved[0]) if count == 1 else (None, *_needed(saved, ctx.needs_input_grad[1:]))
        return None, *(
            gradient if gradient is None else multiply(gradient, factor)
            for gradient in _needed(saved, ctx.needs_input_grad[1:])
        )


def _is_batched(tensor: Tensor) -> bool:
    """Tell whether it stands for several gradients: those of `torch.func.vmap`, or of ``is_grads_batched``."""
    return is_legacy_batchedtensor(tensor) or is_functorch_wrapped_tensor(tensor)


def _needed(gradients: Sequence[Tensor], needed: Sequence[bool]) -> list[Tensor | None]:
    return [gradient if need else None for gradient, need in zip(gradients, needed, strict=False)]


def _by_torch(call: Call, inputs: tuple[Tensor, ...], needed: tuple[bool, ...], grad_output: Tensor) -> list[Tensor | None]:
    """Differentiate torch's own function, in a way that can be differentiated again."""
    by = _needed(inputs[call.first :], needed)
    found = iter(
        torch.autograd.grad(call.again(), [tensor for tensor in by if tensor is not None], grad_output, create_graph=True)
    )
    return [None if tensor is None else next(found) for tensor in by]


# Function.apply looks for functorch's transforms first, under which nothing comes here.
_apply: Callable[..., Tensor] = super(Function, _Differentiable).apply  # pyright: ignore[reportAttributeAccessIssue]


def _watched() -> bool:
    """Tell whether something wants to see the operations of torch: a trace, a transform, derivatives along a direction."""
    return (
        _are_functorch_transforms_active()
        or _len_torch_dispatch_stack() > 0
        or _get_tracing_state() is not None
        or forward_ad._current_level >= 0
    )


def in_place_of(function: Callable[..., Tensor]) -> Callable[[Callable[_P, Call | None]], Callable[_P, Tensor]]:
    """Make a function of tensors of a description, with ``function`` for all that it does not describe."""

    def decorate(describe: Callable[_P, Call | None]) -> Callable[_P, Tensor]:
        @wraps(describe)
        def loss(*args: _P.args, **kwargs: _P.kwargs) -> Tensor:
            # the compiler is to see torch's operations, which it fuses
            if _is_compiling() or not _enabled.get() or _watched():
                return function(*args, **kwargs)
            try:
                call = describe(*args, **kwargs)
                if call is not None:
                    if _grad_enabled() and call.wants_gradient():
                        call.again = partial(function, *args, **kwargs)
                        return _apply(call, *call.inputs[call.first : call.first + call.count])
                    return call.evaluate()
            except _REFUSALS:
                pass
            return function(*args, **kwargs)

        loss.__annotations__["return"] = Tensor
        return loss

    return decorate
