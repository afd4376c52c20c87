"""One custom objective for XGBoost, LightGBM, CatBoost and scikit-learn's HistGradientBoosting."""

from __future__ import annotations

import math
import threading
from dataclasses import fields
from typing import Any

import numpy as np

from .. import _arrays, losses
from .._core import GRADIENT, HESSIAN, INFINITE_DERIVATIVE, Finish, Kernel, Output, execute, keep_thread_state
from .._spare import SpareMemory
from ..errors import NotDifferentiableError
from ..loss import Loss
from . import parity as _parity
from .curvature import LEAST, Curvature, Surrogate, _same, curvature_of, is_row_loss, mean_size, top
from .datasets import (
    arrays_of,
    check_groups,
    is_dataset,
    is_group_loss,
    on_threads_of,
    read_dataset,
    weights_of_groups,
    weights_of_rows,
)

#: Where second derivatives can come from.
HESSIANS = ("auto", "exact", "gauss_newton", "upper_bound", "constant")

# Rows of surrogates that are computed at a time: temporaries stay in the cache.
_BLOCK = 1 << 14
# The raw score that stands for a mean of zero, as for the shares of the binary losses.
_LEAST_LOG = math.log(2.0**-52)


_THREAD = threading.local()


def _stay() -> None:
    """Keep the state of this thread: Python would make one for each of the thousands of calls from CatBoost's own threads."""
    if not hasattr(_THREAD, "stays"):
        keep_thread_state()
        _THREAD.stays = True


class Objective:
    r"""A loss as the objective that XGBoost, LightGBM, CatBoost or scikit-learn's HistGradientBoosting trains.

    One object serves all: pass it wherever the library takes a custom objective. It is immutable, picklable, and its copies are
    itself, so that estimators which hold it can be cloned, cross-validated and sent to workers.

    Parameters
    ----------
    loss : Loss
        A loss of raw scores, that is with ``from_logits=True`` or ``from_log=True`` where it has that parameter. Losses of
        rows (multi-class) need as many scores as classes; the others take a score per row, or (n, k) scores for (n, k) labels.
        Losses of groups (ranking) need data with groups, or queries.
    hessian : {"auto", "exact", "gauss_newton", "upper_bound", "constant"}, default="auto"
        The second derivative that is used, always per score (the diagonal). All but ``"exact"`` are positive;
        `fastloss.boosting.curvature` says for each loss what stands in for the exact one, and why.

        - ``"auto"``: the exact one where it is positive, the loss's surrogate elsewhere. Of losses with linear tails (log-cosh,
          pseudo-Huber, Fair) it vanishes there: it counts as positive above 1/64 of the surrogate. The lambdas of LambdaRank
          are normalised, as those of LightGBM and XGBoost.
        - ``"exact"``: the exact one, even where libraries build no tree with it.
        - ``"gauss_newton"``: without the second derivatives of what is inside the loss: Fisher's expected curvature,
          the weights of reweighted least squares.
        - ``"upper_bound"``: that of a parabola above the loss, so that steps cannot overshoot. Raises for losses without one.
        - ``"constant"``: 1.
    parity : {"xgboost", "lightgbm", "catboost", "sklearn"}, default=None
        Use the convention of this library's built-in objective, so that training gives the built-in's model. It replaces
        ``hessian``.
    check_finite : bool, default=True
        Raise when a derivative is infinite or NaN, naming row, prediction and label. Libraries train on in silence.

    See Also
    --------
    Metric : the loss as a metric for evaluation and early stopping.
    refit_leaves : best constants for the leaves of absolute errors and quantiles.

    Notes
    -----
    ============================ ===============================================================================================
    library                      use
    ============================ ===============================================================================================
    XGBoost                      ``xgb.train(params, dtrain, obj=obj)``, ``XGBRegressor(objective=obj)``, ``xgboost.dask``
    LightGBM                     ``lgb.train({**params, "objective": obj}, train_set)``, ``LGBMClassifier(objective=obj)``;
                                 those of `fastloss.boosting.lightgbm` predict probabilities and means
    ranking                      the same with ``DMatrix(..., qid=ids)``, ``Dataset(..., group=sizes)``, and ``LGBMRanker``
    CatBoost                     ``CatBoostRegressor(loss_function=obj, eval_metric=Metric(loss))``; for (n, k) labels
                                 ``loss_function=obj.to_catboost(), eval_metric=Metric(loss).to_catboost()``
    scikit-learn                 ``HistGradientBoostingClassifier(loss=obj.to_sklearn())``
    ============================ ===============================================================================================

    Derivatives are those of each row's own loss, never averaged, times its weight, once. They are float32, as libraries read
    them: in columns for LightGBM and scikit-learn, in rows for XGBoost, side by side and negated for CatBoost. The arrays are
    used again in the next round when nobody else holds them. Labels are read in place, as whatever dtype the library keeps.
    Predictions come out of a model as the library makes them: raw scores from LightGBM and CatBoost, for
    `inverse_link` (the estimators of `fastloss.boosting.lightgbm` apply it); XGBoost applies the link of the ``objective`` in
    its parameters. CatBoost's classifiers need
    ``class_names`` with any custom objective, to predict names and to have more than two classes.

    Losses of groups are computed in single precision, also for the float64 scores that LightGBM passes: differences of scores
    are those of scores rounded to float32, and scores that are equal then are ties.

    Called with a ``lightgbm.Dataset``, it works on LightGBM's own threads, if both use one OpenMP runtime and
    ``FASTLOSS_THREADING_LAYER`` is not set: they would keep the cores from others for a while, waiting.

    `init_score` tells how to start where the built-in objective starts.

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> from fastloss.boosting import Objective
    >>> obj = Objective(fl.BinaryFocal(gamma=2.0, from_logits=True))
    >>> labels, scores = np.array([1, 0]), np.array([-5.0, 0.5])
    >>> gradient, hessian = obj(labels, scores)
    >>> gradient
    array([-1.0461799 ,  0.52615184], dtype=float32)
    >>> bool((hessian > 0).all()), float(Objective(obj.loss, hessian="exact")(labels, scores)[1][0]) < 0
    (True, True)
    """

    #: Asks CatBoost not to compile the methods with numba.
    no_jit = True

    def __init__(self, loss: Loss, *, hessian: str = "auto", parity: str | None = None, check_finite: bool = True) -> None:
        _check_loss(loss)
        if hessian not in HESSIANS:
            raise ValueError(f"hessian must be one of {', '.join(map(repr, HESSIANS))}; got {hessian!r}.")
        if parity is not None and hessian != "auto":
            raise ValueError(f"parity={parity!r} has a Hessian of its own. Leave hessian out; got {hessian!r}.")
        if not isinstance(check_finite, bool | np.bool_):
            raise ValueError(f"check_finite must be True or False; got {check_finite!r}.")
        curvature = curvature_of(loss)
        if hessian == "upper_bound" and curvature.upper_bound is None:
            modes = ", ".join(repr(mode) for mode in HESSIANS if mode != hessian)
            raise ValueError(f"{loss!r} lies below no parabola: hessian must be one of {modes}; got 'upper_bound'.")
        self._loss, self._mode, self._library, self._check_finite = loss, hessian, parity, bool(check_finite)
        self._curvature: Curvature = curvature
        self._convention = None if parity is None else _parity.convention_of(loss, parity)
        self._rows = is_row_loss(loss)
        self._plan()
        self._plain = self._whole() and loss in (
            losses.CategoricalCrossEntropy(from_logits=True),
            losses.SparseCategoricalCrossEntropy(from_logits=True),
        )
        #: Name of the loss; libraries print it.
        self.__name__ = loss.name or type(loss).__name__
        self._memory = SpareMemory()
        # by the number of classes
        self._kernels: dict[int, Kernel] = {}

    @property
    def loss(self) -> Loss:
        """The loss."""
        return self._loss

    @property
    def hessian(self) -> str:
        """Where second derivatives come from."""
        return self._mode

    @property
    def parity(self) -> str | None:
        """The library whose convention is used, or None."""
        return self._library

    @property
    def check_finite(self) -> bool:
        """Whether derivatives that are infinite or NaN raise."""
        return self._check_finite

    def _parameters(self) -> dict[str, Any]:
        return {"loss": self.loss, "hessian": self.hessian, "parity": self.parity, "check_finite": self.check_finite}

    def __repr__(self) -> str:
        plain = {"hessian": "auto", "parity": None, "check_finite": True}
        set_ones = [f"{name}={value!r}" for name, value in self._parameters().items() if value != plain.get(name, self.loss)]
        return f"{type(self).__name__}({', '.join([repr(self.loss), *set_ones])})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._parameters() == other._parameters()

    def __hash__(self) -> int:
        return hash((type(self), *self._parameters().values()))

    def __copy__(self) -> Objective:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Objective:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return self._parameters()

    def __setstate__(self, state: dict[str, Any]) -> None:
        Objective.__init__(self, **state)

    # ---- XGBoost and LightGBM -----------------------------------------------------------------------------------

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, group: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Compute gradient and Hessian, for XGBoost and LightGBM, and for anybody else.

        Parameters
        ----------
        y_true : array_like
            Labels of shape (n,), or (n, k) for k outputs. Raw scores if ``y_pred`` is a data set: the libraries' training
            functions pass (scores, data set), their estimators (labels, scores, weights).
        y_pred : array_like, xgboost.DMatrix or lightgbm.Dataset
            Raw scores of shape (n,) or (n, K), or the data set that has labels and weights.
        sample_weight : array_like of shape (n,), default=None
            Weights.
        group : array_like, default=None
            Sizes of the groups, for losses of groups; the others refuse them.

        Returns
        -------
        gradient, hessian : ndarray of float32
            Of the shape of the scores, in columns if those are.

        Raises
        ------
        ValueError
            Shapes do not fit the loss, labels lie outside its domain, there are groups that the loss does not take, or none
            that it needs, or a derivative is not finite.
        """
        native, dataset = is_dataset(y_pred), None
        if native:
            if sample_weight is not None or group is not None:
                raise TypeError("a data set has its own weights and groups: pass the scores and the data set alone.")
            dataset, scores = y_pred, y_true
            y_true, sample_weight, group = read_dataset(dataset)
            y_pred = scores
        check_groups(self.loss, group)
        labels, scores, weights = self._match(y_true, y_pred, sample_weight, group)
        in_columns = scores.ndim > 1 and scores.flags.f_contiguous and not scores.flags.c_contiguous
        numbers = self._memory.take(2 * 4 * scores.size).view(np.float32)
        gradient, hessian = (
            half.reshape(scores.shape, order="F" if in_columns else "C")
            for half in (numbers[: scores.size], numbers[scores.size :])
        )
        with on_threads_of(dataset):
            self._derive(labels, scores, weights, gradient, hessian, group=group)
        if native and self._mode == "exact" and hessian.size and not np.maximum.reduce(hessian, axis=None) > 0:
            raise ValueError(
                f"the exact Hessian of {self.loss!r} is positive for no row: the library would build trees without a split. "
                'Use hessian="auto".'
            )
        shape = np.shape(y_pred)
        return (gradient, hessian) if gradient.shape == shape else (gradient.reshape(shape), hessian.reshape(shape))

    def _match(
        self, y_true: Any, y_pred: Any, sample_weight: Any, group: Any = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Make arrays of labels, scores and weights of rows whose shapes fit the loss, without a copy, or raise."""
        labels, scores = arrays_of(y_true, y_pred, self._rows)
        if scores.ndim not in (1, 2):
            raise ValueError(f"raw scores must have shape (n,) or (n, K); got {scores.shape}.")
        if labels.shape[:1] != scores.shape[:1]:
            raise ValueError(
                f"there must be one label per row of scores; got labels of shape {labels.shape} for {scores.shape}."
            )
        if self._rows and scores.ndim == 1:
            raise ValueError(
                f"{type(self.loss).__name__} needs one raw score per class; got scores of shape {scores.shape}. Train with as "
                "many scores as classes (num_class of XGBoost and LightGBM, class_names of CatBoost), or use a binary loss."
            )
        if not self._rows and labels.shape != scores.shape:
            raise ValueError(
                f"{type(self.loss).__name__} takes one raw score per label; got scores of shape {scores.shape} for labels of "
                f"shape {labels.shape}. Losses of classes, as CategoricalCrossEntropy(from_logits=True), take one per class."
            )
        if sample_weight is None:
            return labels, scores, None
        weights = np.asarray(sample_weight)
        if weights.ndim == 2 and weights.shape[1] == 1:
            weights = weights[:, 0]
        if is_group_loss(self.loss) and group is not None:
            return labels, scores, weights_of_rows(weights, np.asarray(group), len(scores))
        if weights.shape != scores.shape[:1]:
            raise ValueError(f"sample_weight must have one weight per row, {scores.shape[:1]}; got {weights.shape}.")
        return labels, scores, weights

    def _plan(self) -> None:
        """Find out once what the driver does, and what is left to do after it."""
        convention, mode, curvature = self._convention, self._mode, self._curvature
        # the loss whose kernel runs, and what is made of its derivatives
        self._driven, self._scale, self._floor = self.loss, 1.0, -math.inf
        # exact Hessians above this limit stay as they are, the others get the surrogate, or a floor where there is none
        self._limit = -math.inf
        self._surrogate: Surrogate | None = None
        # whether the driver computes Hessians, and whether derivatives change after it, whatever they are
        self._exact, self._changes = mode == "exact", False
        if convention is not None:
            self._driven = convention.instead or self.loss
            self._scale, self._floor = convention.scale, convention.least
            self._exact = not convention.constant
            self._changes = convention.constant or convention.tie is not None or convention.outside is not None
        elif mode == "auto":
            self._driven = self.loss._boosted()
            self._exact, self._surrogate = not curvature.never, curvature.auto
            self._limit = curvature.share * top(self.loss) if curvature.share else 0.0
        elif mode in ("gauss_newton", "upper_bound"):
            self._surrogate = getattr(curvature, mode)
            if self._surrogate is _same:
                self._exact, self._surrogate, self._limit = True, None, 0.0
        self._changes = self._changes or not self._exact

    def _derive(
        self,
        labels: np.ndarray,
        scores: np.ndarray,
        weights: Any,
        gradient: np.ndarray,
        hessian: np.ndarray,
        sign: float = 1.0,
        group: Any = None,
    ) -> None:
        """Write weighted derivatives, times ``sign``, into the arrays; raise if they are not finite."""
        check_groups(self.loss, group)
        least, finite = self._drive(labels, scores, weights, gradient, hessian if self._exact else None, sign, group)
        limit = self._limit
        if weights is not None and limit > 0:
            limit *= np.maximum.reduce(weights, initial=0.0)
        usable = finite and least > limit
        if usable and not self._changes:
            return
        # rare, or the loss has no Hessian of its own
        if sign < 0:
            np.negative(gradient, out=gradient)
            np.negative(hessian, out=hessian)
        if not self._exact and self._surrogate is None:
            hessian[...] = 1.0 if weights is None else weights if hessian.ndim == 1 else weights[:, None]
        elif not self._exact:
            self._replace(labels, scores, weights, hessian)
        elif not usable and self._limit > -math.inf:
            self._mend(labels, scores, weights, hessian)
        if self._convention is not None:
            _parity.apply(self._convention, self.loss, labels, scores, weights, gradient, hessian)
        if self._check_finite and not (_finite(gradient) and _finite(hessian)):
            self._explain(labels, scores, weights, gradient, hessian)
        if sign < 0:
            np.negative(gradient, out=gradient)
            np.negative(hessian, out=hessian)

    def _drive(
        self,
        labels: Any,
        scores: np.ndarray,
        weights: Any,
        gradient: np.ndarray,
        hessian: np.ndarray | None,
        sign: float,
        group: Any,
    ) -> tuple[float, bool]:
        """Let the driver write derivatives; return the smallest Hessian, and whether all are finite."""
        loss, convention = self._driven, self._convention
        factor = self._scale
        if convention is not None and convention.factor is not None:
            factor *= convention.factor(scores.shape[-1] if scores.ndim > 1 else 1)
        inputs = loss._read((labels, scores) if group is None else (labels, scores, group))
        if group is not None:
            # pairs take half the time then, and the derivatives are kept in single precision anyway
            inputs = inputs.in_single()
        width = scores.shape[-1] if self._rows else 0
        kernel = self._kernels.get(width)
        if kernel is None:
            kernel = self._kernels[width] = loss._kernel_for(inputs)
        finish = Finish(sign * self._scale, factor, self._floor, sign)
        outputs = [Output(GRADIENT, _arrays.write(gradient), finish=finish)]
        if hessian is not None:
            outputs.append(Output(HESSIAN, _arrays.write(hessian), finish=finish))
        uneven = False
        if weights is not None and group is not None:
            sizes = np.asarray(group)
            by_group = weights_of_groups(weights, sizes, len(scores))
            # what the rows of a group weigh differently is for afterwards
            uneven = bool((np.repeat(by_group, sizes) != weights).any())
            read = None if uneven else _arrays.read_weights(by_group, inputs.shape)
        else:
            read = None if weights is None else _arrays.read_weights(weights, inputs.shape)
        found = execute((kernel,), inputs, read, tuple(outputs))
        if found.fault & ~INFINITE_DERIVATIVE:
            # it raises, unless only what has no weight is concerned
            loss._explain(found.fault, inputs, read, False)
        if uneven:
            gradient *= weights
            if hessian is not None:
                hessian *= weights
            return 0.0, not found.fault & INFINITE_DERIVATIVE
        return found.least, not found.fault & INFINITE_DERIVATIVE

    def _mend(self, labels: Any, scores: Any, weights: Any, hessian: np.ndarray) -> None:
        """Replace what is not positive, or not above the limit and its share of the surrogate."""
        surrogate, limit = self._surrogate, self._limit
        spread = weights
        if weights is not None and hessian.ndim > 1:
            spread = weights[:, None]
        bad = ~(hessian > (limit if weights is None or not limit else limit * spread))
        if surrogate is not None and self._curvature.share == 0:
            # powers of a residual that is 0
            bad |= np.isinf(hessian)
        if weights is not None:
            bad &= spread > 0
        rows = np.flatnonzero(bad if bad.ndim == 1 else bad.any(axis=1))
        if not rows.size:
            return
        if surrogate is None:
            floor = LEAST if weights is None else LEAST * spread
            np.copyto(hessian, floor, where=bad & ~np.isnan(hessian))
            return
        y_true, y_pred = labels[rows].astype(np.float64), scores[rows].astype(np.float64)
        size = mean_size(labels, scores, weights) if self._curvature.sized else 0.0
        exact = self.loss.gradient_and_hessian(y_true, y_pred, reduction="none")[1]
        positive = surrogate(self.loss, y_true, y_pred, size)
        usable = (exact > self._curvature.share * positive) & (exact < np.inf)
        mended = np.where(usable, exact, np.maximum(positive, LEAST))
        if weights is not None:
            mended *= spread[rows]
        with np.errstate(over="ignore"):
            # infinity is looked for afterwards
            hessian[rows] = np.where(bad[rows], mended, hessian[rows])

    def _replace(self, labels: Any, scores: Any, weights: Any, hessian: np.ndarray) -> None:
        """Write the surrogate everywhere, block by block."""
        surrogate = self._surrogate or _same
        size = mean_size(labels, scores, weights) if self._curvature.sized else 0.0
        rows = max(1, _BLOCK // (hessian.shape[1] if hessian.ndim > 1 else 1))
        # what has no weight may have no label either
        kept = None if weights is None or np.minimum.reduce(weights, initial=1.0) > 0 else weights > 0
        for first in range(0, len(hessian), rows):
            block: Any = slice(first, first + rows)
            if kept is not None:
                hessian[block] = 0.0
                block = first + np.flatnonzero(kept[block])
            positive = surrogate(self.loss, labels[block].astype(np.float64), scores[block].astype(np.float64), size)
            positive = np.maximum(positive, LEAST)
            if weights is not None:
                positive = positive * (weights[block] if hessian.ndim == 1 else weights[block, None])
            hessian[block] = positive

    def _explain(self, labels: Any, scores: Any, weights: Any, gradient: np.ndarray, hessian: np.ndarray) -> None:
        """Raise for a derivative that is not finite; return when there is none after all."""
        bad = ~(np.isfinite(gradient) & np.isfinite(hessian))
        if not bad.any():
            return
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        row = index[0]
        what, found = ("gradient", gradient[index]) if not np.isfinite(gradient[index]) else ("Hessian", hessian[index])
        weight = "" if weights is None else f", the weight {weights[row]}"
        where = f"row {row}" if gradient.ndim == 1 else f"row {row}, score {index[1]}"
        label, score = (array[row] if array.ndim == 1 else array[row].tolist() for array in (labels, scores))
        if not np.isfinite(np.asarray(label, dtype=np.float64)).all():
            advice = "Remove the row, or give it the weight 0."
        elif not np.isfinite(scores[row]).all():
            advice = "Start from a finite score, and look for leaves that were not finite before."
        else:
            advice = "It exceeds float32: lower the learning rate, start from obj.init_score(y), or scale the labels."
        raise ValueError(
            f"the {what} of {self.loss!r} is {found} at {where}: the prediction is {score}, the label {label}{weight}. {advice}"
        )

    # ---- CatBoost -----------------------------------------------------------------------------------------------

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> np.ndarray:
        """Compute the derivatives that CatBoost asks for, of a block of rows with one score each.

        Parameters
        ----------
        approxes : array_like of shape (n,)
            Raw scores.
        targets : array_like of shape (n,)
            Labels.
        weights : array_like of shape (n,) or None
            Weights.

        Returns
        -------
        ndarray of shape (n, 2)
            The negative gradient and the negative Hessian of every row.
        """
        scores, labels = np.asarray(approxes), np.asarray(targets)
        if weights is not None:
            weights = np.asarray(weights)
        if (
            self._rows
            or labels.shape != scores.shape
            or scores.ndim != 1
            or (weights is not None and len(weights) != len(labels))
        ):
            labels, scores, weights = self._match(labels, scores, weights)
        _stay()
        both = np.empty((2, len(scores)))
        self._derive(labels, scores, weights, both[0], both[1], -1.0)
        return both.T

    def calc_ders_multi(self, approx: Any, target: Any, weight: Any = None) -> tuple[list[float], list[list[float]]]:
        """Compute the derivatives that CatBoost asks for, of one row with several scores.

        Parameters
        ----------
        approx : array_like of shape (K,)
            Raw scores.
        target : float or array_like of shape (K,)
            Class index, or one label per score.
        weight : float or None, default=None
            Weight of the row.

        Returns
        -------
        gradient : list of K floats
            The negative gradient.
        hessian : list of K lists of K floats
            The negative Hessian: the whole matrix for cross-entropy, else its diagonal.
        """
        _stay()
        scores, labels = np.array([approx], dtype=np.float64), np.array([target], dtype=np.float64)
        weights = None if weight is None or weight == 1.0 else np.array([weight], dtype=np.float64)
        if self._plain and labels.ndim == 1:
            # the gradient plus one for the class is the softmax, and the whole matrix comes from that
            gradient, hessian = self.loss.gradient_and_hessian(labels, scores, weights, reduction="none")
            scale = 1.0 if weights is None else float(weights[0])
            shares = gradient[0].copy()
            shares[int(target)] += scale
            matrix = shares[:, None] * (shares / scale if scale else 0.0)
            matrix.ravel()[:: len(shares) + 1] = -hessian[0]
            slopes = np.negative(gradient[0]).tolist()
            if self._check_finite and not math.isfinite(sum(slopes)):
                self._explain(labels, scores, weights, gradient, hessian)
            return slopes, matrix.tolist()
        if labels.shape[1:] == (1,) and scores.shape[1] > 1:
            labels = labels[:, 0]
        if not self._rows and labels.shape != scores.shape:
            self._match(labels, scores, weights)
        gradient, hessian = np.empty(scores.shape), np.empty(scores.shape)
        self._derive(labels, scores, weights, gradient, hessian)
        matrix = np.diag(hessian[0])
        if self._whole():
            shares = self.loss.inverse_link(scores[0])
            spread = float((shares * (1 - shares)).sum())
            if spread > 0:
                matrix -= hessian.sum() / spread * (np.outer(shares, shares) - np.diag(shares**2))
        return np.negative(gradient[0]).tolist(), np.negative(matrix).tolist()

    def _whole(self) -> bool:
        """Tell whether the whole matrix is known: that of softmax."""
        return isinstance(self.loss, losses.CategoricalCrossEntropy | losses.KLDivergence) and (
            self.parity == "catboost" or (self.parity is None and self.hessian in ("auto", "exact", "gauss_newton"))
        )

    def to_catboost(self) -> Any:
        """Make the object that CatBoost wants for several labels per row: a ``MultiTargetCustomObjective``.

        Returns
        -------
        catboost.MultiTargetCustomObjective

        Raises
        ------
        ImportError
            CatBoost is not installed.
        """
        from .catboost import multi_target_objective

        return multi_target_objective(self)

    # ---- scikit-learn -------------------------------------------------------------------------------------------

    def to_sklearn(self, n_classes: int | None = None) -> Any:
        """Make the object that ``HistGradientBoostingRegressor`` and ``HistGradientBoostingClassifier`` take as ``loss``.

        Absolute errors and quantiles refit their leaves, as the built-in losses do.

        Parameters
        ----------
        n_classes : int, default=None
            Number of classes of a loss of rows; None: one more than the largest label of the training data.

        Returns
        -------
        sklearn._loss.loss.BaseLoss

        Raises
        ------
        ImportError
            scikit-learn is not installed.
        """
        from .sklearn import base_loss

        if is_group_loss(self.loss):
            raise TypeError(f"{type(self.loss).__name__} needs groups of rows, and scikit-learn's estimators have none.")
        return base_loss(self, n_classes)

    # ---- where to start -----------------------------------------------------------------------------------------

    def init_score(self, y: Any, sample_weight: Any = None) -> float | np.ndarray:
        """Find the constant raw score to start from: what the libraries do for their own objectives only.

        Parameters
        ----------
        y : array_like
            Labels, of shape (n,) or (n, k).
        sample_weight : array_like of shape (n,), default=None
            Weights.

        Returns
        -------
        float, or ndarray with one number per score
            The raw score that minimises the loss; zeros for margins of several classes, and 0 for groups, where no constant is
            better than any other. Counts that are all zero get log(2**-52).

        Notes
        -----
        With ``s = obj.init_score(y)``:

        - XGBoost: ``params["base_score"] = loss.inverse_link(s)`` together with the ``objective`` whose link that is
          (``"binary:logistic"``, ``"count:poisson"``), or ``s`` itself with the default objective, or, for any,
          ``DMatrix(..., base_margin=numpy.full(n, s))`` (``numpy.tile(s, (n, 1))`` for classes), for new data too.
        - LightGBM: ``Dataset(..., init_score=numpy.full(n, s))`` (``numpy.repeat(s, n)`` for classes); predictions do not
          contain it: ``booster.predict(x, raw_score=True) + s``. The estimators of
          `fastloss.boosting.lightgbm` do both. This is what ``boost_from_average`` does for others.
        - CatBoost: ``Pool(..., baseline=numpy.full((n, 1), s))``, for new data too.
        - scikit-learn: nothing to do, ``obj.to_sklearn()`` starts there.

        Examples
        --------
        >>> import fastloss as fl
        >>> from fastloss.boosting import Objective
        >>> Objective(fl.BinaryCrossEntropy(from_logits=True)).init_score([1, 1, 1, 0])
        1.0986122886681096
        """
        labels = np.asarray(y)
        if is_group_loss(self.loss):
            # only differences count
            return 0.0
        if not self._rows:
            if labels.ndim == 2:
                if labels.shape[1] > 1:
                    return np.array([self.init_score(column, sample_weight) for column in labels.T])
                labels = labels[:, 0]
            score = float(self.loss.init_score(labels, sample_weight))
            return _LEAST_LOG if score == -math.inf else score
        try:
            return self.loss.init_score(labels, sample_weight)
        except TypeError:
            width = labels.shape[1] if labels.ndim == 2 else int(labels.max(initial=0)) + 1
            return np.zeros(width)

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions, as ``loss.inverse_link`` does: probabilities, means, or the scores themselves.

        Parameters
        ----------
        raw : array_like
            Raw scores, with the starting score.

        Returns
        -------
        ndarray of the shape and floating dtype of ``raw``, or a scalar for a scalar

        Examples
        --------
        >>> import fastloss as fl
        >>> from fastloss.boosting import Objective
        >>> Objective(fl.BinaryCrossEntropy(from_logits=True)).inverse_link([-1.0986122886681098, 0.0])
        array([0.25, 0.5 ])
        """
        return self.loss.inverse_link(raw)

    def probabilities(self, raw: Any) -> np.ndarray:
        """Turn raw scores into the probabilities of the classes.

        Parameters
        ----------
        raw : ndarray of shape (n,) or (n, 1), or (n, K) for losses of rows
            Raw scores, with the starting score.

        Returns
        -------
        ndarray of shape (n, 2) or (n, K)

        Raises
        ------
        TypeError
            The loss has no probabilities.
        """
        has = getattr(self.loss, "from_logits", False) if self._rows else self.loss.inverse_link(0.0) == 0.5
        if not has:
            raise TypeError(f"{self.loss!r} has no probabilities: use predict or decision_function.")
        if self._rows:
            return self.loss.inverse_link(raw)
        scores = raw[:, 0] if raw.ndim == 2 else raw
        # both from their own side: none rounds to 1 minus nothing
        return np.stack([self.loss.inverse_link(-scores), self.loss.inverse_link(scores)], axis=1)


def _check_loss(loss: Any) -> None:
    """Raise for what cannot be an objective."""
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise TypeError(f"loss must be a loss, not its class: pass {loss.__name__}(), with parameters if it has any.")
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a loss of fastloss, as fl.Huber(delta=1.0); got {type(loss).__name__}.")
    if loss.no_gradient or loss.no_hessian:
        raise NotDifferentiableError(f"{type(loss).__name__} cannot be an objective: {loss.no_gradient or loss.no_hessian}")
    if loss.inputs != Loss.inputs and not is_group_loss(loss):
        raise TypeError(
            f"{type(loss).__name__} cannot be an objective: it takes {', '.join(loss.inputs)}; boosting has labels and scores."
        )
    if isinstance(loss, losses.WeightedSum):
        for _, term in loss.terms:
            _check_loss(term)
    links = {item.name: getattr(loss, item.name) for item in fields(loss) if item.name in ("from_logits", "from_log")}
    if links and not any(links.values()):
        raise ValueError(
            f"boosting adds up raw scores, and {loss!r} takes what is made of them. Use {type(loss).__name__}(..., "
            f"{next(iter(links))}=True)."
        )


def _finite(array: np.ndarray) -> bool:
    """Tell whether all numbers are finite."""
    low, high = np.minimum.reduce(array, axis=None, initial=0.0), np.maximum.reduce(array, axis=None, initial=0.0)
    return bool(np.isfinite(low) and np.isfinite(high))
