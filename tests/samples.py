"""Numbers to try losses on: of all sizes, near where something changes, and what else may be difficult."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mpmath import mpf
from references import REFERENCES

import fastloss as fl
from fastloss.domains import Choice


def sample(loss: fl.Loss, n: int, dtype: Any, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Inputs over the whole range: residuals from 1e-30 to 1e30 and many of ordinary size, labels of 0 and others."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], n)
    wide = sign * 10.0 ** rng.uniform(-30, 30, n)
    ordinary = rng.standard_normal(n) * 10.0 ** rng.uniform(-3, 3, n)
    residuals = np.where(np.arange(n) % 3 == 0, wide, ordinary)
    labels = np.where(np.arange(n) % 2 == 0, 0.0, rng.standard_normal(n) * 10.0 ** rng.uniform(-4, 4, n))
    kind = REFERENCES[loss.name].data
    if kind == "scores":
        return labels_and_scores(loss, n, dtype, rng)
    if kind == "logits":
        return tuple(rng.permutation(logits(n, dtype, rng)).astype(dtype) for _ in loss.inputs)
    if kind == "numbers":
        labels = np.where(labels == 0, rng.permutation(wide), labels)
    arrays = {"y_true": labels, "y_pred": labels + residuals, "mean": labels + residuals}
    if kind == "logarithms":
        # counts and other positive labels; logarithms of means, many near the labels', others far away
        labels = np.where(np.arange(n) % 3 == 0, rng.integers(0, 40, n), np.abs(ordinary))
        near = np.log(labels + 0.5) + ordinary * 1e-3
        arrays = {"y_true": labels, "y_pred": np.where(np.arange(n) % 2 == 0, near, rng.uniform(-40, 40, n))}
        if "y_pred" in loss._domains() or getattr(loss, "power", 1) == 0:
            arrays["y_pred"] = np.exp(arrays["y_pred"])
    arrays |= {"s_pos": labels + residuals, "s_neg": labels}
    arrays["parameters"] = arrays["y_pred"]
    arrays["var"] = 10.0 ** rng.uniform(-9, 9, n)
    arrays |= {"mean_p": labels, "mean_q": labels + residuals, "var_p": rng.permutation(arrays["var"]), "var_q": arrays["var"]}
    for name, domain in loss._domains().items():
        # fold what lies outside to the other side of the end
        array = arrays[name]
        array = np.where(array < domain.low, 2 * domain.low - array, array)
        arrays[name] = np.where(array <= domain.low, domain.low + 1e-3, array) if domain.open_low else array
    return tuple(arrays[name].astype(dtype) for name in loss.inputs)


def labels_and_scores(loss: fl.Loss, n: int, dtype: Any, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hard labels and, where allowed, soft ones; scores up to where sigmoids vanish, or probabilities up to both ends."""
    domains = loss._domains()
    labels = rng.choice([0.0, 1.0], n)
    if isinstance(domains["y_true"], Choice):
        labels = rng.choice(domains["y_true"].numbers, n)
    else:
        soft = np.where(rng.random(n) < 0.5, rng.random(n), 10.0 ** rng.uniform(-30, 0, n))
        labels = np.where(np.arange(n) % 3 == 0, soft, labels)
    if "y_pred" in domains:
        near_zero = 10.0 ** rng.uniform(-37 if dtype == np.float32 else -300, 0, n)
        near_one = 1 - 10.0 ** rng.uniform(np.log10(np.finfo(dtype).eps), 0, n)
        scores = np.choose(np.arange(n) % 4, [rng.random(n), near_zero, near_one, rng.random(n)])
    else:
        scores = logits(n, dtype, rng)
    return labels.astype(dtype), scores.astype(dtype)


def logits(n: int, dtype: Any, rng: np.random.Generator) -> np.ndarray:
    """Scores up to where sigmoids vanish."""
    end = 104.0 if dtype == np.float32 else 745.0
    wide = 10.0 ** rng.uniform(-30, np.log10(end), n)
    return np.choose(np.arange(n) % 4, [rng.choice([-1, 1], n) * wide, rng.uniform(-end, end, n), *rng.normal(0, 3, (2, n))])


# ---- units ------------------------------------------------------------------------------------------------------


def units(loss: fl.Loss, width: int, n: int, dtype: Any = np.float32, kind: str = "") -> tuple[np.ndarray, ...]:
    """Inputs of n units of ``width`` numbers."""
    return _MAKE[REFERENCES[loss.name].data](loss, width, n, dtype, kind)


def tries(loss: fl.Loss, dtype: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """Inputs of units of many widths and kinds."""
    data = REFERENCES[loss.name].data
    kinds = {"classes": ("indices",) if loss.indices_only else ("indices", "shares"), "distributions": KINDS}
    kinds |= {"vectors": KINDS, "boxes": KINDS, "gradients": KINDS}
    widths = ((1, 2), (2, 12), (3, 12), (10, 6), (64, 2), (130, 1), (300, 1))
    if data == "boxes":
        widths = ((4, 60),)
    if data == "classes":
        widths = ((2, 20), (3, 20), (10, 10), (50, 3)) if loss.from_logits else ((2, 30), (7, 10))
    for kind in kinds.get(data, ("",)):
        for width, n in widths:
            if width > 1 or data not in ("distributions", "vectors", "gradients"):
                yield units(loss, width, n, dtype, kind)


KINDS = ("far", "near", "unnormalised")


def rows_of_scores(width: int, n: int, dtype: Any, seed: int = 0) -> np.ndarray:
    """Rows whose scores differ by a little, by hundreds, and confident ones."""
    rng = np.random.default_rng(seed)
    scale = np.array([1e-3, 1.0, 5.0, 40.0, 200.0])[np.arange(n) % 5, None]
    z = rng.uniform(-1, 1, (n, width)) * scale
    z[::7, 0] += 30
    return (z + rng.uniform(-200, 200, (n, 1))).astype(dtype)


def probabilities(width: int, n: int, dtype: Any, seed: int = 0) -> np.ndarray:
    """Rows that do not sum to 1, of numbers down to 1e-20 and close to 1."""
    p = 10.0 ** np.random.default_rng(seed).uniform(-20, 0, (n, width))
    p[::3] = 1 - p[::3] / 2
    return np.minimum(p, 1 - np.finfo(dtype).epsneg).astype(dtype)


def _classes(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, width, n) if kind != "shares" else rng.dirichlet(np.ones(width), n).astype(dtype)
    return labels, (rows_of_scores if loss.from_logits else probabilities)(width, n, dtype, width)


def _targets(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, ...]:
    """Class indices, or lists of them, and scores."""
    rng = np.random.default_rng(width)
    scale = np.array([0.1, 1.0, 3.0, 100.0])[np.arange(n) % 4, None]
    z = (rng.standard_normal((n, width)) * scale).astype(dtype)
    if loss.name != "multi_label_margin":
        return rng.integers(0, width, n), z
    labels = np.stack([rng.permutation(width) for _ in range(n)])
    counts = rng.integers(0, min(width, 20) + 1, n)
    # what follows the first -1 does not count
    labels[np.arange(n)[counts < width], counts[counts < width]] = -1
    return labels, z


def _distributions(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, ...]:
    """Both inputs of a loss: distributions that have little in common, that are nearly equal, or that do not sum to one."""
    rng = np.random.default_rng(width)
    p, q = rng.dirichlet(np.ones(width) / 2, n), rng.dirichlet(np.ones(width) / 2, n)
    if kind == "near":
        q = p * (1 + rng.standard_normal(p.shape) * 10.0 ** rng.uniform(-9, -1, (n, 1)))
        q /= q.sum(axis=1, keepdims=True)
    if kind == "unnormalised":
        p, q = p * 10.0 ** rng.uniform(-12, 0, p.shape), q * 10.0 ** rng.uniform(-12, 0, p.shape)
    p, q = np.maximum(p, np.finfo(dtype).tiny), np.maximum(q, np.finfo(dtype).tiny)
    if loss.name == "gaussian_kl":
        size = {"near": -6, "unnormalised": 0}.get(kind, 1)
        p, q = (rng.standard_normal(p.shape) * 10.0 ** rng.uniform(-8, size, p.shape) for _ in range(2))
    elif loss.name == "multi_label_soft_margin":
        p = rng.uniform(0, 1, p.shape) if kind == "near" else rng.integers(0, 2, p.shape)
        q = rng.standard_normal(p.shape) * 10.0 ** rng.uniform(-3, 1.5, p.shape)
    else:
        if loss.from_logits or getattr(loss, "from_log", False):
            q = np.log(q) + 3.0 * loss.from_logits
        if getattr(loss, "log_target", False):
            p = np.log(p)
    return p.astype(dtype), q.astype(dtype)


def _masks(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, ...]:
    """Hard and soft labels; predictions of all sizes, near both ends, right ones, and empty masks."""
    rng = np.random.default_rng(width)
    y = rng.integers(0, 2, (n, width)).astype(dtype)
    y[::3] = rng.random((len(y[::3]), width))
    p = 10.0 ** rng.uniform(-12, 0, (n, width))
    p = np.where(rng.integers(0, 2, p.shape), p, 1 - p)
    # nearly right
    p[1::4] = np.abs(y[1::4] - 10.0 ** rng.uniform(-12, -3, (len(y[1::4]), width)))
    p = np.clip(p, 1e-30, 1 - np.finfo(dtype).epsneg).astype(dtype)
    y[-2:] = 0
    # without `smooth`, empty masks are where the loss jumps; a power of the loss 0 has no derivative that differences find
    smooth = loss.smooth and getattr(loss, "gamma", 1.0) == 1
    if smooth:
        p[-1] = 0
    if loss.from_logits:
        p = np.log(p, where=p > 0, out=np.full_like(p, -80)) - np.log1p(-p)
    elif n > 4 and smooth:
        p[4] = 0
    return y, p


def _vectors(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, ...]:
    """Two or three vectors each: far apart, near each other, or so large and small that squares are no numbers; labels."""
    rng = np.random.default_rng(width)
    reach = {"near": (-4, -1), "unnormalised": (-20, 25) if dtype == np.float32 else (-200, 200)}.get(kind, (-3, 3))
    if (getattr(loss, "squared", False) or loss.name == "contrastive") and kind == "unnormalised":
        reach = (-12, 15) if dtype == np.float32 else (-140, 140)
    size = 10.0 ** rng.uniform(*reach, (n, 1))
    anchor = rng.standard_normal((n, width)) * (1.0 if kind == "near" else size)
    others = [anchor + rng.standard_normal((n, width)) * size * rng.uniform(0.5, 2, (n, 1)) for _ in range(2)]
    vectors = (anchor, *others)
    if loss.name.startswith("cosine"):
        # angles, but not lengths, are those of vectors far from each other and near
        vectors = (
            anchor,
            others[0]
            * 10.0 ** rng.uniform(*(reach if kind == "unnormalised" else (-1, 1)), (n, 1))
            / size ** (kind == "unnormalised"),
        )
    if loss.name != "triplet_margin":
        labels = [rng.choice(loss._domains()[name].numbers, n) for name in loss.inputs[2:]]
        vectors = (*vectors[:2], *labels)
    return tuple(x.astype(dtype) for x in vectors)


def _gradients(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray]:
    """Gradients of all norms; those near the target; those whose squares are no numbers."""
    rng = np.random.default_rng(width)
    reach = {"near": (-9, -1), "unnormalised": (-30, 15) if dtype == np.float32 else (-200, 140)}.get(kind, (-3, 3))
    g, size = rng.standard_normal((n, width)), 10.0 ** rng.uniform(*reach, (n, 1))
    if kind == "near":
        g *= (loss.target * (1 + rng.choice([-1, 1], (n, 1)) * size) + (loss.target == 0)) / np.linalg.norm(
            g, axis=1, keepdims=True
        )
    else:
        g *= size
    return (g.astype(dtype),)


def _pixels(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Hard labels and predictions of which no two are equal; empty masks, and full ones."""
    rng = np.random.default_rng(width)
    y = rng.integers(0, 2, (n, width))
    y[-2:] = 0
    y[:1] = 1
    scores = rng.standard_normal((n, width)) * 10.0 ** rng.uniform(-3, 2, (n, 1))
    return y.astype(dtype), (scores if loss.from_logits else rng.uniform(0.01, 0.99, (n, width))).astype(dtype)


def _class_masks(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Class indices of the pixels, and a mask for each of three classes; pictures of one class alone."""
    rng = np.random.default_rng(width)
    y = rng.integers(0, 3, (n, width))
    y[-1:] = 2
    z = rng.standard_normal((n, 3, width)) * 10.0 ** rng.uniform(-2, 1.5, (n, 1, 1))
    if not loss.from_logits:
        z = rng.dirichlet(np.ones(3), (n, width)).transpose(0, 2, 1)
    return y, z.astype(dtype)


def _boxes(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Boxes that overlap, that hold each other, that are apart; near each other, and of sizes whose squares are no numbers."""
    rng = np.random.default_rng(width)
    reach = {"near": 0, "unnormalised": 22 if dtype == np.float32 else 200}.get(kind, 3)
    size, place = 10.0 ** rng.uniform(-reach, reach, (n, 1)), rng.uniform(-1, 1, (n, 2))
    lengths = 10.0 ** rng.uniform(-1, 1, (n, 4))
    moved = place + rng.uniform(-1, 1, (n, 2)) * 10.0 ** rng.uniform(-1, 1, (n, 1))
    first, second = (np.hstack([p, p + sides]) for p, sides in ((place, lengths[:, :2]), (moved, lengths[:, 2:])))
    if kind == "near":
        second = first + rng.standard_normal((n, 4)) * 10.0 ** rng.uniform(-5, -2, (n, 1))
    return (first * size).astype(dtype), (second * size).astype(dtype)


def _groups(loss: Any, width: int, n: int, dtype: Any, kind: str) -> tuple[np.ndarray, ...]:
    """Groups of 0, 1 and more items; relevances with ties; scores near each other and far apart."""
    rng = np.random.default_rng(width)
    sizes = np.concatenate([[0, 1], np.full(n, width), [0]])
    items = int(sizes.sum())
    scores = rng.standard_normal(items) * 10.0 ** rng.uniform(-3, 2, items)
    return rng.integers(0, 5, items).astype(dtype), scores.astype(dtype), sizes


_MAKE = {
    "classes": _classes,
    "targets": _targets,
    "distributions": _distributions,
    "masks": _masks,
    "vectors": _vectors,
    "boxes": _boxes,
    "gradients": _gradients,
    "pixels": _pixels,
    "class_masks": _class_masks,
    "groups": _groups,
}


def vectors_and_keys(
    loss: fl.Loss, n: int, depth: int, keys: int, dtype: Any, size: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Inputs of tiles: n vectors, keys and what belongs to them, of numbers of about this size."""
    rng = np.random.default_rng(seed)
    shapes = {"(d)": (n, depth), "[k](d)": (keys, depth), "[k]": (keys,)}
    return tuple(
        rng.integers(0, keys, n)
        if item.forms[0].index
        else (rng.standard_normal(shapes[item.forms[0].axes]) * size).astype(dtype)
        for item in loss.signature.inputs
    )


def numbers_of(loss: fl.Loss, inputs: tuple[np.ndarray, ...], i: int, array: np.ndarray) -> np.ndarray:
    """The numbers of an input, or of a derivative, that belong to unit i."""
    if loss.signature.axes != "[g]":
        return array[i].ravel() if array.ndim > 2 else array[i]
    end = int(np.cumsum(inputs[-1])[i])
    return array[end - inputs[-1][i] : end]


def unit_of(loss: fl.Loss, inputs: tuple[np.ndarray, ...], i: int) -> tuple[list[Any], ...]:
    """What the reference of a loss takes: the numbers of unit i, as lists."""
    lists = [numbers_of(loss, inputs, i, array).tolist() for array in inputs[: len(loss.signature.names)]]
    if REFERENCES[loss.name].data == "targets":
        targets = lists[0] if isinstance(lists[0], list) else [lists[0]]
        lists[0] = targets[: targets.index(-1)] if -1 in targets else targets
    elif not isinstance(lists[0], list):
        lists[0] = np.eye(len(lists[1]))[lists[0]].tolist()
    return tuple(lists)


def exact_numbers(loss: fl.Loss, unit: tuple[list[Any], ...]) -> tuple[list[Any], ...]:
    """The same with exact numbers in place of floats; lists of targets stay."""
    of_targets = REFERENCES[loss.name].data == "targets"
    return tuple(
        numbers if of_targets and k == 0 else list(map(mpf, numbers)) if isinstance(numbers, list) else mpf(numbers)
        for k, numbers in enumerate(unit)
    )


def places_of(loss: fl.Loss, unit: tuple[list[Any], ...]) -> set[int]:
    """The numbers of a unit by which derivatives are tried: the first one, the largest prediction, a target."""
    data = REFERENCES[loss.name].data
    if data == "boxes":
        return {0, 1, 2, 3}
    targets = {int(np.argmax(unit[0]))} if data == "classes" else set(unit[0][:1]) if data == "targets" else set()
    if data == "classes" and not loss.from_logits:
        return targets
    return {0, int(np.argmax(unit[loss.signature.predictions[-1]])), *targets}
