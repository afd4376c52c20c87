"""The bits of every loss, as hashes that are committed: ``python tests/corpus.py`` writes them, ``test_corpus.py`` compares.

Inputs are made of the raw numbers of a generator by exact operations alone, so that they are the same on every machine and
with every version of NumPy. Hashes are those of all outputs in their order, with one NaN for all.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from oracle import every_loss

import fastloss as fl

FILE = Path(__file__).with_name("corpus.json")
DTYPES = ("float32", "float64")
N = 1531
#: Numbers in a row, on both sides of where the engine changes its way, and how many rows.
ROWS = ((1, 17), (3, 70), (10, 70), (130, 17), (300, 5))
#: Rows, numbers in a vector, and keys.
TILES = ((17, 1, 2), (5, 70, 300), (260, 33, 100), (130, 300, 7))
#: Frames, sequences, classes, and labels; of the last one, not all columns of the lattice are kept.
SEQUENCES = ((1, 3, 3, 1), (40, 5, 7, 9), (90, 3, 300, 40), (700, 1, 5, 120))


class Stream:
    """Numbers that never change: the raw stream of a generator, which NumPy guarantees."""

    def __init__(self, seed: int) -> None:
        self._raw = np.random.PCG64(seed)

    def integers(self, below: int, shape: Any) -> np.ndarray:
        return (self._raw.random_raw(int(np.prod(shape))) % np.uint64(below)).astype(np.int64).reshape(shape)

    def unit(self, shape: Any) -> np.ndarray:
        """Numbers in [0, 1)."""
        return np.ldexp(self.integers(1 << 52, shape).astype(np.float64), -52)

    def numbers(self, shape: Any, low: int, high: int, signed: bool = True) -> np.ndarray:
        """Numbers of all exponents from ``low`` to ``high``."""
        x = np.ldexp(1.0 + self.unit(shape), low + self.integers(high - low + 1, shape))
        return np.where(self.integers(2, shape) == 1, -x, x) if signed else x


def fold(x: np.ndarray, domain: Any) -> np.ndarray:
    """Move numbers into the domain of an input."""
    if domain is None:
        return x
    if hasattr(domain, "numbers"):
        return np.array(domain.numbers)[(np.abs(x) * 64).astype(np.int64) % len(domain.numbers)]
    if np.isfinite(domain.high):
        x = np.abs(x) % 1.0
        return np.where(x == 0, 0.5, x) if domain.open_low else x
    if np.isfinite(domain.low):
        x = domain.low + np.abs(x - domain.low)
        return np.where(x == domain.low, domain.low + 0.5, x) if domain.open_low else x
    return x


def element_inputs(loss: Any, dtype: str, wide: bool) -> tuple[np.ndarray, ...]:
    """Inputs of ordinary size, or of all sizes."""
    stream = Stream(7 + wide)
    domains = loss._domains()
    reach = 60 if wide else 4
    exponential = wide and loss.name in ("poisson", "gamma", "tweedie", "exponential")
    arrays = []
    for name in loss.inputs:
        x = stream.numbers(N, -reach, 5 if exponential else reach)
        arrays.append(fold(x, domains.get(name)).astype(dtype))
    if not wide and "y_pred" in loss.inputs and not domains:
        # a few that are met exactly
        arrays[-1][::16] = arrays[0][::16]
    return tuple(arrays)


def row_inputs(loss: Any, dtype: str, width: int, n: int, soft: bool) -> tuple[np.ndarray, np.ndarray]:
    """Labels of one of the kinds that a loss takes, and rows of scores or probabilities."""
    stream = Stream(width + 1000 * soft)
    if "y_pred" in loss._domains():
        predictions = stream.unit((n, width)) + 2.0**-40
        predictions /= 2.0 ** (2 + np.arange(width) % 3)
    else:
        predictions = stream.numbers((n, width), -20, 1) * np.array([1.0, 4.0, 64.0])[np.arange(n) % 3, None]
    if getattr(loss, "from_log", False):
        predictions = -np.abs(predictions)
    if loss.name == "gaussian_kl":
        return stream.numbers((n, width), -20, 2).astype(dtype), np.clip(predictions, -60, 60).astype(dtype)
    if loss.name == "multi_label_margin":
        labels = np.argsort(stream.unit((n, width)), axis=1, kind="stable")
        counts = stream.integers(min(width, 20) + 1, n)
        labels[np.arange(n)[counts < width], counts[counts < width]] = -1
    elif not soft:
        labels = stream.integers(width, n)
    elif getattr(loss, "one_hot", False):
        labels = (np.arange(width) == stream.integers(width, n)[:, None]).astype(dtype)
    else:
        labels = (stream.unit((n, width)) * 2.0 ** -(np.arange(width) % 7)).astype(dtype)
        labels[:, ::5] = 0
        if getattr(loss, "log_target", False):
            labels = -stream.numbers((n, width), -10, 2, signed=False).astype(dtype)
    return labels, predictions.astype(dtype)


def unit_inputs(loss: Any, dtype: str, width: int, n: int) -> tuple[np.ndarray, ...]:
    """Masks of labels and predictions, vectors, or groups."""
    stream, domains = Stream(width + 5000), loss._domains()
    width = loss.signature.components or width
    if loss.signature.axes == "[g]":
        return (
            stream.integers(4, n * width).astype(dtype),
            stream.numbers(n * width, -12, 3).astype(dtype),
            np.concatenate([[0, 1], np.full(n - 1, width), [width - 1, 0]]),
        )
    if loss.signature.axes == "[m...](k)":
        scores = stream.numbers((n, 3, width), -12, 3)
        if not loss.from_logits:
            scores = fold(scores, domains["y_pred"])
        return stream.integers(3, (n, width)), scores.astype(dtype)
    shapes = [(n, width) if item.forms[0].axes else n for item in loss.signature.inputs]
    return tuple(
        fold(stream.numbers(shape, -12, 3), domains.get(name)).astype(dtype)
        for name, shape in zip(loss.inputs, shapes, strict=True)
    )


def tile_inputs(loss: Any, dtype: str, n: int, depth: int, keys: int) -> tuple[np.ndarray, ...]:
    """Vectors, and rows and numbers of keys."""
    stream = Stream(n + 9000)
    shapes = {"(d)": (n, depth), "[k](d)": (keys, depth), "[k]": (keys,)}
    forms = {item.name: item.forms[0] for item in loss.signature.inputs}
    return tuple(
        stream.integers(keys, n) if form.index else stream.numbers(shapes[form.axes], -12, 0).astype(dtype)
        for form in forms.values()
    )


def sequence_inputs(loss: Any, dtype: str, frames: int, n: int, classes: int, labels: int) -> tuple[np.ndarray, ...]:
    """Frames of all sizes, and targets without repetitions."""
    stream = Stream(frames + 20000)
    scores = stream.numbers((frames, n, classes), -12, 3)
    steps = 1 + stream.integers(max(classes - 2, 1), (n, labels))
    targets = (loss.blank + 1 + np.cumsum(steps, axis=1) % max(classes - 1, 1)) % classes
    target_lengths = labels - stream.integers(labels // 2 + 1, n)
    input_lengths = frames - stream.integers(frames // 2 + 1, n)
    if loss.batch_first:
        scores = np.ascontiguousarray(np.swapaxes(scores, 0, 1))
    return scores.astype(dtype), targets, input_lengths, target_lengths


def cases(loss: Any, dtype: str) -> Iterable[tuple[np.ndarray, ...]]:
    """The inputs a loss is tried on."""
    if loss.signature.plan == "tiles":
        yield from (tile_inputs(loss, dtype, *shape) for shape in TILES)
        return
    if loss.signature.plan == "sequences":
        yield from (sequence_inputs(loss, dtype, *shape) for shape in SEQUENCES)
        return
    if loss.signature.axes in ("", "(...)"):
        yield from (element_inputs(loss, dtype, wide) for wide in (False, True))
        return
    forms = loss.signature.inputs[0].forms
    for width, n in ROWS:
        if loss.signature.axes != "(k)":
            yield unit_inputs(loss, dtype, width, n)
            continue
        if any(form.index for form in forms):
            yield row_inputs(loss, dtype, width, n, False)
        if any(not form.index for form in forms) and not loss.indices_only:
            yield row_inputs(loss, dtype, width, n, True)


def outputs(loss: Any, inputs: tuple[np.ndarray, ...]) -> Iterable[Any]:
    """Every kind of result: of each sample, reduced, weighted."""
    losses = loss(*inputs, reduction="none") if loss.name != "root_mean_squared_error" else inputs[-1]
    weights = np.ldexp(Stream(3).integers(64, losses.shape).astype(np.float64), -3)
    weights[..., :1] = 1.0
    for options in ({}, {"sample_weight": weights}):
        yield loss(*inputs, **options)
        if loss.name == "root_mean_squared_error":
            yield loss.value_and_gradient(*inputs, **options)
            continue
        yield loss(*inputs, reduction="sum", **options)
        yield loss(*inputs, reduction="none", **options)
        if loss.no_gradient:
            continue
        yield loss.value_and_gradient(*inputs, **options)
        for reduction in (name for name in ("none", "sum", "mean") if name in loss.reductions):
            if loss.no_hessian:
                yield loss.gradient(*inputs, reduction=reduction, **options)
                continue
            yield loss.gradient_and_hessian(*inputs, reduction=reduction, **options)


def flat(results: Any) -> Iterable[np.ndarray]:
    if isinstance(results, tuple):
        for item in results:
            yield from flat(item)
    else:
        yield np.asarray(results)


def hash_of(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 of numbers in the order of their bytes on a little-endian machine."""
    digest = hashlib.sha256()
    for array in arrays:
        plain = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
        digest.update(plain.astype(plain.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def hash_of_loss(loss: Any, dtype: str) -> str:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", "the probabilities of y_pred must sum to 1")
        return hash_of(array for inputs in cases(loss, dtype) for results in outputs(loss, inputs) for array in flat(results))


def corpus() -> dict[str, dict[str, str]]:
    """The hashes of all losses with the parameters of their references."""
    return {repr(loss): {dtype: hash_of_loss(loss, dtype) for dtype in DTYPES} for loss in every_loss()}


def kernel_inputs(n: int) -> bytes:
    """Positive labels, predictions of all sizes, variances: every kernel has a meaning for them. For every_kernel.c."""
    stream = Stream(0)
    y = stream.numbers(n, -10, 10, signed=False)
    p = np.where(stream.integers(2, n) == 1, y + stream.numbers(n, -3, 1), stream.numbers(n, -100, 100))
    return np.stack([y, p, stream.numbers(n, -30, 30, signed=False)]).tobytes() * 2


def hashes_of_kernels(output: bytes) -> dict[str, str]:
    """What every_kernel.c has written: for each kernel a line with its name and precision, and the bytes of its outputs."""
    found, place = {}, 0
    while place < len(output):
        end = output.index(b"\n", place)
        name, dtype, size = output[place:end].decode().split()
        place = end + 1
        numbers = np.frombuffer(output[place : place + int(size)], dtype)
        found[f"{name} {dtype}"] = hash_of([numbers])
        place += int(size)
    return found


if __name__ == "__main__":
    import test_cross

    kernels = hashes_of_kernels(test_cross.outputs(*test_cross.REFERENCE))
    found = {"losses": corpus(), "kernels": kernels}
    if FILE.exists():
        before = json.loads(FILE.read_text())
        for kind, hashes in found.items():
            for name in sorted({*hashes, *before[kind]}):
                if hashes.get(name) != before[kind].get(name):
                    print(
                        f"{kind}: {name}: {'new' if name not in before[kind] else 'gone' if name not in hashes else 'changed'}"
                    )
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"{len(found['losses'])} losses with fastloss {fl.__version__}", file=sys.stderr)
