"""One metric for XGBoost, LightGBM, CatBoost and scikit-learn."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .._estimators import Answers, suited
from ..loss import Loss
from .curvature import is_row_loss
from .datasets import (
    arrays_of,
    check_groups,
    is_dataset,
    is_group_loss,
    is_lightgbm,
    on_threads_of,
    read_dataset,
    weights_of_groups,
)

# What stands for an argument that did not come.
_ABSENT = object()


class Metric:
    """A loss as the metric with which XGBoost, LightGBM, CatBoost or scikit-learn evaluates and stops early.

    Its value is the mean loss, weighted by the weights of the data. Less is better. That of ``fl.LambdaRank(k=10)`` is 1 -
    NDCG@10; groups weigh what XGBoost's data say, or the mean of their rows' weights in LightGBM's.

    Parameters
    ----------
    loss : Loss
        The loss.
    raw : bool, default=None
        Whether predictions come as raw scores (True) or as probabilities or means (False). Either is then turned into what the
        loss takes. None finds out: CatBoost gives raw scores, LightGBM's data sets tell whether the objective is a custom one;
        otherwise predictions are what the loss takes, by its ``from_logits`` or ``from_log``.
    name : str, default=None
        What it is called in the logs; None: the loss's name.

    See Also
    --------
    Objective : the loss as the objective.

    Notes
    -----
    - XGBoost: ``xgb.train(..., custom_metric=metric)``, ``XGBClassifier(eval_metric=metric)``. It gives raw scores with a
      custom objective, as `Objective`, else probabilities or means.
    - LightGBM: ``lgb.train(..., feval=metric)``, ``LGBMClassifier().fit(..., eval_metric=metric)``. It gives the same.
    - CatBoost: ``CatBoostClassifier(eval_metric=metric)``, and ``eval_metric=metric.to_catboost()`` for (n, k) labels. It gives
      raw scores.
    - scikit-learn: ``HistGradientBoostingClassifier(scoring=metric.to_sklearn())``, which asks the model for what it needs.

    So with `Objective`, use the objective's own loss here; with a built-in objective of XGBoost, one of probabilities. XGBoost
    keeps six decimals of a custom metric, prints its objective's default metric beside it unless
    ``disable_default_eval_metric`` is set, and stops early by the metric that comes last; it takes one whose name begins with
    that of one of its own scores, as ``ndcg``, for something that should grow.

    Examples
    --------
    >>> import fastloss as fl
    >>> from fastloss.boosting import Metric
    >>> metric = Metric(fl.BinaryCrossEntropy(from_logits=True))
    >>> metric([1, 0], [0.0, 0.0])
    0.6931471805599453
    >>> metric.__name__
    'binary_cross_entropy'
    """

    #: Asks CatBoost not to compile the methods with numba.
    no_jit = True

    def __new__(cls: type[Metric], loss: Loss | None = None, *, raw: bool | None = None, name: str | None = None) -> Metric:
        """Make a metric of a class with the metric's name, by which CatBoost calls it."""
        title = name or getattr(loss, "name", "")
        return object.__new__(_class_named(cls, title) if isinstance(title, str) and title else cls)  # type: ignore[arg-type] # a class has a hash

    def __init__(self, loss: Loss, *, raw: bool | None = None, name: str | None = None) -> None:
        if isinstance(loss, type) and issubclass(loss, Loss):
            raise TypeError(f"loss must be a loss, not its class: pass {loss.__name__}(), with parameters if it has any.")
        if not isinstance(loss, Loss):
            raise TypeError(f"loss must be a loss of fastloss, as fl.Huber(delta=1.0); got {type(loss).__name__}.")
        if loss.inputs != Loss.inputs and not is_group_loss(loss):
            raise TypeError(f"{type(loss).__name__} cannot be a metric here: it takes {', '.join(loss.inputs)}.")
        if raw is not None and not isinstance(raw, bool | np.bool_):
            raise ValueError(f"raw must be True, False or None; got {raw!r}.")
        if name is not None and not (isinstance(name, str) and name):
            raise ValueError(f"name must be a text that is not empty, or None; got {name!r}.")
        self.loss, self.raw, self.name = loss, None if raw is None else bool(raw), name
        self.__name__ = name or loss.name or type(loss).__name__

    def __repr__(self) -> str:
        named = [f"{key}={value!r}" for key, value in (("raw", self.raw), ("name", self.name)) if value is not None]
        return f"Metric({', '.join([repr(self.loss), *named])})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and (self.loss, self.raw, self.name) == (other.loss, other.raw, other.name)

    def __hash__(self) -> int:
        return hash((Metric, self.loss, self.raw, self.name))

    def __copy__(self) -> Metric:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Metric:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self.loss, self.raw, self.name)

    # ---- XGBoost and LightGBM -----------------------------------------------------------------------------------

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, group: Any = _ABSENT) -> Any:
        """Evaluate, for XGBoost and LightGBM, and for anybody else.

        Parameters
        ----------
        y_true : array_like
            Labels; predictions if ``y_pred`` is a data set: training functions pass (predictions, data set), estimators
            (labels, predictions, weights).
        y_pred : array_like, xgboost.DMatrix or lightgbm.Dataset
            Predictions, or the data set that has labels and weights.
        sample_weight : array_like, default=None
            Weights.
        group : array_like, optional
            The sizes of the groups, for losses of groups; LightGBM's estimators are known by this argument.

        Returns
        -------
        float
            For labels and predictions.
        (str, float)
            For an ``xgboost.DMatrix``: name and value.
        (str, float, bool)
            For a ``lightgbm.Dataset``, or four arguments: name, value, and that more is not better.
        """
        if is_dataset(y_pred):
            dataset, predictions = y_pred, y_true
            labels, weights, groups = read_dataset(dataset)
            if is_lightgbm(dataset):
                with on_threads_of(dataset):
                    value = self._value(labels, predictions, weights, _lightgbm_is_raw(dataset), groups)
                return self.__name__, value, False
            return self.__name__, self._value(labels, predictions, weights, None, groups)
        value = self._value(y_true, y_pred, sample_weight, None, None if group is _ABSENT else group)
        return value if group is _ABSENT else (self.__name__, value, False)

    def _value(self, y_true: Any, y_pred: Any, sample_weight: Any, raw: bool | None, group: Any = None) -> float:
        """Return the mean loss of predictions that are raw, or not, or what the loss takes (None)."""
        loss = self.loss
        labels, predictions = arrays_of(y_true, y_pred, is_row_loss(loss))
        if is_group_loss(loss):
            check_groups(loss, group)
            sizes = np.asarray(group)
            weights = None if sample_weight is None else weights_of_groups(np.asarray(sample_weight), sizes, len(predictions))
            return float(loss(labels, predictions, sizes, sample_weight=weights))
        raw = raw if self.raw is None else self.raw
        if raw is not None:
            loss, predictions = suited(loss, predictions, raw)
        return float(loss(labels, predictions, sample_weight))

    # ---- CatBoost -----------------------------------------------------------------------------------------------

    def evaluate(self, approxes: Any, target: Any, weight: Any = None) -> tuple[float, float]:
        """Evaluate, for CatBoost.

        Parameters
        ----------
        approxes : sequence of array_like of shape (n,)
            The raw scores, one array for each score of a row.
        target : array_like of shape (n,), or a sequence of these
            Labels.
        weight : array_like of shape (n,) or None, default=None
            Weights.

        Returns
        -------
        float, float
            The sum of the weighted losses and that of the weights.
        """
        scores = np.asarray(approxes[0]) if len(approxes) == 1 else np.stack(approxes, axis=1)
        labels = np.asarray(target)
        if labels.ndim == 2:
            labels = labels.T
        total = float(len(scores)) if weight is None or not len(weight) else float(np.sum(weight, dtype=np.float64))
        weights = None if weight is None or not len(weight) else weight
        return self._value(labels, scores, weights, True) * total, total

    def is_max_optimal(self) -> bool:
        """Tell CatBoost that less is better.

        Returns
        -------
        bool
        """
        return False

    def get_final_error(self, error: float, weight: float) -> float:
        """Divide, for CatBoost.

        Parameters
        ----------
        error, weight : float
            What `evaluate` returns.

        Returns
        -------
        float
        """
        return error / weight if weight else float("nan")

    def to_catboost(self) -> Any:
        """Make the object that CatBoost wants for several labels per row: a ``MultiTargetCustomMetric``.

        Returns
        -------
        catboost.MultiTargetCustomMetric

        Raises
        ------
        ImportError
            CatBoost is not installed.
        """
        from .catboost import multi_target_metric

        return multi_target_metric(self)

    # ---- scikit-learn -------------------------------------------------------------------------------------------

    def to_sklearn(self) -> Any:
        """Make a scorer: what ``scoring=`` takes, minus the loss, for which more is better.

        It asks classifiers for raw scores or probabilities and regressors for predictions, as the loss needs them.

        Returns
        -------
        callable
            ``scorer(estimator, x, y, sample_weight=None)``
        """
        return Scorer(self)


class Scorer:
    """A scorer for scikit-learn: minus the loss.

    Parameters
    ----------
    metric : Metric
        The metric.
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.__name__ = f"neg_{metric.__name__}"

    def __call__(self, estimator: Any, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Score an estimator."""
        loss, labels, predictions, raw = Answers(estimator, x, y).for_loss(self.metric.loss)
        return -Metric(loss, raw=self.metric.raw)._value(labels, predictions, sample_weight, raw)

    def __repr__(self) -> str:
        return f"{self.metric!r}.to_sklearn()"


def _make(loss: Loss, raw: bool | None, name: str | None) -> Metric:
    return Metric(loss, raw=raw, name=name)


@lru_cache(maxsize=256)
def _class_named(cls: type[Metric], name: str) -> type[Metric]:
    return type(name, (cls,), {"__doc__": cls.__doc__, "__module__": cls.__module__})


def _lightgbm_is_raw(dataset: Any) -> bool | None:
    """Tell whether a booster of this data set gives raw scores; None: it does not say."""
    parameters = getattr(dataset, "params", None) or {}
    objective = parameters.get("objective")
    if objective is None:
        return None
    return not isinstance(objective, str) or objective in ("none", "null", "custom", "na")
