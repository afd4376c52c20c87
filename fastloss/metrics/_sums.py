"""Exact sums of losses: what most metrics are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core import VALUE, WEIGHT, Inputs, Kernel, Output, Sums, execute

if TYPE_CHECKING:
    from .._arrays import Operand


def add_losses(
    kernel: Kernel | None,
    single: bool,
    operands: tuple[Operand, ...],
    weights: Operand | None,
    sums: Sums,
    place: int = 0,
    rows: bool = False,
    indices: bool = False,
) -> int:
    """Add the exact sum of a loss at ``place``, and that of the weights, or the number of samples, at the next; return faults.

    Without a kernel the first operand itself is added up. ``rows`` tells that the last axis is that of classes, ``indices``
    that labels are class indices.
    """
    shape = operands[-1][0].shape
    inputs = Inputs(operands, shape[:-1] if rows else shape, single, int(rows), indices)
    return execute((kernel,), inputs, weights, (Output(VALUE, sums, place=place), Output(WEIGHT, sums, place=place + 1))).fault
