"""The classes that CatBoost insists on for several labels per row.

They are made when they are asked for: CatBoost is an extra.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .datasets import library

if TYPE_CHECKING:
    from .metric import Metric
    from .objective import Objective


@lru_cache(maxsize=1)
def _classes() -> tuple[type, type]:
    base: Any = library("catboost", "Objective.to_catboost()")

    class MultiTargetObjective(base.MultiTargetCustomObjective):
        """An Objective of several scores and labels per row."""

        no_jit = True

        def __init__(self, objective: Objective) -> None:
            self.objective = objective

        def calc_ders_multi(self, approxes: Any, targets: Any, weight: Any) -> Any:
            """Compute the negative gradient and Hessian of a row."""
            return self.objective.calc_ders_multi(approxes, targets, weight)

        def __deepcopy__(self, memo: dict[int, Any]) -> MultiTargetObjective:
            return self

        def __reduce__(self) -> tuple[Any, ...]:
            return multi_target_objective, (self.objective,)

    class MultiTargetMetric(base.MultiTargetCustomMetric):
        """A Metric of several scores and labels per row."""

        no_jit = True

        def __init__(self, metric: Metric) -> None:
            self.metric = metric

        def evaluate(self, approxes: Any, targets: Any, weight: Any) -> tuple[float, float]:
            """Return the sum of the losses and that of the weights."""
            return self.metric.evaluate(approxes, targets, weight)

        def is_max_optimal(self) -> bool:
            """Tell that less is better."""
            return False

        def get_final_error(self, error: float, weight: float) -> float:
            """Divide."""
            return self.metric.get_final_error(error, weight)

        def __deepcopy__(self, memo: dict[int, Any]) -> MultiTargetMetric:
            return self

        def __reduce__(self) -> tuple[Any, ...]:
            return multi_target_metric, (self.metric,)

    return MultiTargetObjective, MultiTargetMetric


def multi_target_objective(objective: Objective) -> Any:
    """Wrap an objective."""
    return _classes()[0](objective)


def multi_target_metric(metric: Metric) -> Any:
    """Wrap a metric."""
    return _classes()[1](metric)
