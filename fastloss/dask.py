"""Evaluate losses on Dask: arrays or columns of dataframes, on any scheduler, with the bits of a single call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

from . import _arrays, _threads
from ._types import Total
from .errors import prefixed
from .evaluation import Evaluation
from .loss import Loss

# What a partition gives: its evaluation, and its first and last group, if there are some.
_Found = tuple[Evaluation, tuple[Any, Any] | None]


def evaluate(
    losses: Mapping[str, Loss] | Iterable[Loss | str] | Loss | str,
    y_true: Any = None,
    y_pred: Any = None,
    sample_weight: Any = None,
    *,
    group: Any = None,
    reduction: Total = "mean",
    compute: bool = True,
    split_every: int = 8,
    **named: Any,
) -> Any:
    """Evaluate many losses over Dask arrays or columns of dataframes, in one pass over the data.

    Every partition is evaluated where it lies, by one thread for each task; what travels is the small state of a
    `fastloss.Evaluation`. Sums are exact, so that the results have the bits of a single call, however the data are cut.

    Parameters
    ----------
    losses : mapping of str to Loss, iterable of Loss, or Loss
        As for `fastloss.Evaluation`.
    y_true, y_pred : dask array, Series or DataFrame
        Labels and predictions. The columns of a DataFrame are the classes of one array, with a row for each sample. Arrays may
        be cut in any way, and are cut alike where they are not; columns of dataframes must have the same partitions. Rows
        belong together by their place, not by an index.
    sample_weight : dask array or Series, default=None
        One weight per sample; those of the rows of a group must be equal.
    group : dask array or Series, default=None
        For losses of groups (ranking), of which ``y_true`` are the relevances and ``y_pred`` the scores: an identifier for each
        row, in runs. Partitions must end where groups end.
    reduction : {"mean", "sum"}, default="mean"
        As for `fastloss.Evaluation`.
    compute : bool, default=True
        Whether to compute now, by the scheduler that is set, for example that of a ``distributed.Client``.
    split_every : int, default=8
        How many states are merged by one task, at least 2.
    **named : dask array, Series or DataFrame
        Inputs by their names, for losses that take others: ``evaluate("triplet_margin", anchor=a, positive=p, negative=n)``.

    Returns
    -------
    dict of str to float
        The losses by their names; a ``dask.delayed.Delayed`` of it for ``compute=False``.

    Raises
    ------
    ValueError
        The partitions do not fit, a group lies in two of them, or the losses raise it: then the message names the partition.
    TypeError
        An input is no Dask collection, or holds no numbers.
    ImportError
        Dask is missing.

    Examples
    --------
    >>> import dask.array as da
    >>> import fastloss as fl
    >>> import fastloss.dask
    >>> y_true, y_pred = da.arange(1000, chunks=100), da.ones(1000, chunks=300)
    >>> fl.dask.evaluate({"mse": fl.mse, "huber": fl.Huber(delta=2.0)}, y_true, y_pred)
    {'mse': 331835.5, 'huber': 995.007}
    """
    try:
        from dask.delayed import delayed
    except ImportError:
        raise ImportError("fastloss.dask needs Dask: pip install 'fastloss[dask]'") from None
    if isinstance(split_every, bool) or not isinstance(split_every, int) or split_every < 2:
        raise ValueError(f"split_every must be an integer from 2; got {split_every!r}.")
    empty = Evaluation(losses, reduction)
    given = {"y_true": y_true, "y_pred": y_pred, **named, "sample_weight": sample_weight, "group": group}
    given = {name: value for name, value in given.items() if value is not None}
    if not given.keys() - {"sample_weight"}:
        takes = {name: ", ".join(loss.inputs) for name, loss in empty.losses.items()} or {"a metric": "y_true, y_pred"}
        raise TypeError(f"there are no inputs; {'; '.join(f'{name} takes {inputs}' for name, inputs in takes.items())}.")
    states = _states(empty, given)
    merge = delayed(_merge, pure=True)
    while len(states) > 1:
        states = [merge(states[i : i + split_every]) for i in range(0, len(states), split_every)]
    result = delayed(_result, pure=True)(states[0])
    return result.compute() if compute else result


def _states(empty: Evaluation, inputs: dict[str, Any]) -> list[Any]:
    """Make a task for each partition, which gives its evaluation."""
    frames = {name for name, value in inputs.items() if _is_frame(value)}
    for name, value in inputs.items():
        if name not in frames and not _is_array(value):
            raise TypeError(
                f"{name} must be a Dask array, Series or DataFrame; got {type(value).__name__}. fastloss.evaluate takes arrays "
                "in memory, and dask.array.from_array cuts them."
            )
    if len(frames) == len(inputs):
        return _states_of_frames(empty, inputs)
    # partitions of a dataframe are blocks of rows of an array, if of unknown lengths
    arrays = {name: value.to_dask_array() if name in frames else value for name, value in inputs.items()}
    return _states_of_arrays(empty, arrays)


def _is_frame(value: Any) -> bool:
    return hasattr(value, "map_partitions") and hasattr(value, "npartitions") and hasattr(value, "divisions")


def _is_array(value: Any) -> bool:
    return hasattr(value, "to_delayed") and hasattr(value, "chunks") and hasattr(value, "numblocks")


def _states_of_frames(empty: Evaluation, frames: dict[str, Any]) -> list[Any]:
    from dask.dataframe import map_partitions

    first, *others = frames
    for name in others:
        one, other = frames[first], frames[name]
        known = one.known_divisions and other.known_divisions
        if one.npartitions != other.npartitions or (known and one.divisions != other.divisions):
            advice = f"{name}.repartition(divisions={first}.divisions)" if known else "columns of one dataframe"
            raise ValueError(
                f"{first} and {name} must have the same partitions; got {_partitions(one)} and {_partitions(other)}. "
                f"Use {advice}."
            )
    # in one expression, so that Dask reads a file once for all columns
    states = map_partitions(
        _evaluate_frames,
        *frames.values(),
        # no truth in it: the partitions become evaluations
        meta=frames[first]._meta,
        align_dataframes=False,
        enforce_metadata=False,
        empty=empty,
        names=tuple(frames),
    )
    return _numbered(states.to_delayed())


def _partitions(frame: Any) -> str:
    return f"{frame.npartitions} ({', '.join(map(str, frame.divisions[:9]))}{', ...' if len(frame.divisions) > 9 else ''})"


def _evaluate_frames(*frames: Any, empty: Evaluation, names: Sequence[str]) -> _Found | Exception:
    return _evaluate(empty, names, *(frame.to_numpy() for frame in frames))


def _states_of_arrays(empty: Evaluation, arrays: dict[str, Any]) -> list[Any]:
    from dask.array.core import unify_chunks
    from dask.delayed import delayed

    unknown = {name for name, array in arrays.items() if any(length != length for length in array.shape)}
    if unknown:
        counts = {name: array.numblocks[0] for name, array in arrays.items() if array.ndim}
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{count} of {name}" for name, count in counts.items())
            raise ValueError(
                f"blocks of rows of unknown length must be equally many; got {found}. "
                f"{' and '.join(sorted(unknown))}.compute_chunk_sizes() makes them known."
            )
        arrays = {name: _cut_by_rows(array) for name, array in arrays.items()}
    else:
        rows = {name: array.shape[0] if array.ndim else 1 for name, array in arrays.items()}
        if len(set(rows.values())) > 1:
            found = ", ".join(f"{array.shape} for {name}" for name, array in arrays.items())
            raise ValueError(f"all inputs must have equally many rows; got the shapes {found}.")
        if all(array.ndim for array in arrays.values()):
            pairs = []
            for name, array in arrays.items():
                # only the rows are the same axis
                pairs += [_cut_by_rows(array), ("rows", *(f"{name}, {i}" for i in range(1, array.ndim)))]
            arrays = dict(zip(arrays, unify_chunks(*pairs)[1], strict=True))
    blocks = [array.to_delayed(optimize_graph=False).ravel() for array in arrays.values()]
    task = delayed(_evaluate, pure=True)
    return _numbered([task(empty, tuple(arrays), *parts) for parts in zip(*blocks, strict=True)])


def _cut_by_rows(array: Any) -> Any:
    return array.rechunk(dict.fromkeys(range(1, array.ndim), -1))


def _numbered(states: Sequence[Any]) -> list[Any]:
    """Let the first mistake in a partition name it."""
    from dask.delayed import delayed

    check = delayed(_check, pure=True)
    return [check(state, i, len(states)) for i, state in enumerate(states)]


def _evaluate(empty: Evaluation, names: Sequence[str], *arrays: Any) -> _Found | Exception:
    """Evaluate a partition; what is wrong with it is returned, for `_check` to say where."""
    given = dict(zip(names, arrays, strict=True))
    weights, group = given.pop("sample_weight", None), given.get("group")
    ends = None
    # the scheduler runs as many tasks as there are processors
    with _threads.num_threads(1):
        try:
            if group is not None:
                ends = (group[0], group[-1]) if len(group) else None
                given["group"] = sizes = _arrays.runs(group)
                weights = None if weights is None else _arrays.weights_of_runs(weights, sizes)
            if given.keys() - {"group"} == {"y_true", "y_pred"}:
                return empty.empty().update(*given.values(), sample_weight=weights), ends
            return empty.empty().update(sample_weight=weights, **given), ends
        except (TypeError, ValueError) as error:
            return error


def _check(state: _Found | Exception, i: int, count: int) -> _Found:
    if isinstance(state, Exception):
        raise prefixed(state, f"in partition {i} of {count}: ")
    return state


def _merge(states: list[_Found]) -> _Found:
    """Merge the evaluations of consecutive partitions; no group may go on in the next one."""
    ends = [pair for _, pair in states if pair is not None]
    for (_, last), (first, _) in pairwise(ends):
        if last == first:
            raise ValueError(
                f"the group {first} lies in more than one partition. Cut the data where groups end, for example with "
                "DataFrame.set_index of the groups."
            )
    evaluations = [evaluation for evaluation, _ in states]
    return reduce(Evaluation.merge, evaluations, evaluations[0].empty()), (ends[0][0], ends[-1][1]) if ends else None


def _result(found: _Found) -> dict[str, float]:
    return found[0].result()
