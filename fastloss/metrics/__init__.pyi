"""Written by tools/stubs.py."""

from typing import Any, Literal, overload

import numpy as np

from ..state import State
from ._check import InvalidParameterError, UndefinedMetricWarning
from ._state import state_of

def accuracy_score(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float: ...
def balanced_accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, adjusted: bool = False) -> float: ...
def brier_score_loss(
    y_true: Any,
    y_proba: Any,
    *,
    sample_weight: Any = None,
    pos_label: Any = None,
    labels: Any = None,
    scale_by_half: Any = "auto",
) -> float: ...
def cohen_kappa_score(
    y1: Any,
    y2: Any,
    *,
    labels: Any = None,
    weights: str | None = None,
    sample_weight: Any = None,
    replace_undefined_by: float = ...,
) -> float: ...
def confusion_matrix(
    y_true: Any, y_pred: Any, *, labels: Any = None, sample_weight: Any = None, normalize: str | None = None
) -> np.ndarray: ...
@overload
def d2_absolute_error_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def d2_absolute_error_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any) -> float | np.ndarray: ...
def d2_brier_score(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, pos_label: Any = None, labels: Any = None
) -> float: ...
def d2_log_loss_score(
    y_true: Any, y_proba: Any = None, *, sample_weight: Any = None, labels: Any = None, y_pred: Any = "deprecated"
) -> float: ...
@overload
def d2_pinball_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    alpha: float = ...,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def d2_pinball_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, alpha: float = ..., multioutput: Any
) -> float | np.ndarray: ...
def d2_tweedie_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, power: float = 0) -> float: ...
def dcg_score(
    y_true: Any,
    y_score: Any,
    *,
    k: int | None = None,
    log_base: float = 2,
    sample_weight: Any = None,
    ignore_ties: bool = False,
) -> float: ...
@overload
def explained_variance_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
    force_finite: bool = True,
) -> float: ...
@overload
def explained_variance_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any, force_finite: bool = True
) -> float | np.ndarray: ...
@overload
def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "samples", "weighted"] = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float: ...
@overload
def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: None,
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> np.ndarray: ...
@overload
def fbeta_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float,
    labels: Any = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "samples", "weighted"] = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float: ...
@overload
def fbeta_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float,
    labels: Any = None,
    pos_label: Any = 1,
    average: None,
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> np.ndarray: ...
def hamming_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float: ...
def hinge_loss(y_true: Any, pred_decision: Any, *, labels: Any = None, sample_weight: Any = None) -> float: ...
@overload
def jaccard_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "samples", "weighted"] = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float: ...
@overload
def jaccard_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: None,
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> np.ndarray: ...
def log_loss(
    y_true: Any,
    y_proba: Any = None,
    *,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
    y_pred: Any = "deprecated",
) -> float: ...
def matthews_corrcoef(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float: ...
def max_error(y_true: Any, y_pred: Any) -> float: ...
@overload
def mean_absolute_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def mean_absolute_error(y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any) -> float | np.ndarray: ...
@overload
def mean_absolute_percentage_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def mean_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any
) -> float | np.ndarray: ...
def mean_gamma_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float: ...
@overload
def mean_pinball_loss(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    alpha: float = ...,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def mean_pinball_loss(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, alpha: float = ..., multioutput: Any
) -> float | np.ndarray: ...
def mean_poisson_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float: ...
@overload
def mean_squared_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def mean_squared_error(y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any) -> float | np.ndarray: ...
@overload
def mean_squared_log_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def mean_squared_log_error(y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any) -> float | np.ndarray: ...
def mean_tweedie_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None, power: float = 0) -> float: ...
@overload
def median_absolute_error(
    y_true: Any,
    y_pred: Any,
    *,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
    sample_weight: Any = None,
) -> float: ...
@overload
def median_absolute_error(y_true: Any, y_pred: Any, *, multioutput: Any, sample_weight: Any = None) -> float | np.ndarray: ...
def multilabel_confusion_matrix(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None, samplewise: bool = False
) -> np.ndarray: ...
def ndcg_score(
    y_true: Any, y_score: Any, *, k: int | None = None, sample_weight: Any = None, ignore_ties: bool = False
) -> float: ...
def precision_recall_fscore_support(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = ...,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = None,
    warn_for: Any = ...,
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> tuple[Any, Any, Any, Any]: ...
@overload
def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "samples", "weighted"] = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float: ...
@overload
def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: None,
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> np.ndarray: ...
@overload
def r2_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
    force_finite: bool = True,
) -> float: ...
@overload
def r2_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any, force_finite: bool = True
) -> float | np.ndarray: ...
@overload
def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "samples", "weighted"] = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float: ...
@overload
def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: None,
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> np.ndarray: ...
@overload
def root_mean_squared_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def root_mean_squared_error(y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any) -> float | np.ndarray: ...
@overload
def root_mean_squared_log_error(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average",
) -> float: ...
@overload
def root_mean_squared_log_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any
) -> float | np.ndarray: ...
def top_k_accuracy_score(
    y_true: Any, y_score: Any, *, k: int = 2, normalize: bool = True, sample_weight: Any = None, labels: Any = None
) -> float: ...
def zero_one_loss(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float: ...

__all__ = [
    "InvalidParameterError",
    "State",
    "UndefinedMetricWarning",
    "accuracy_score",
    "balanced_accuracy_score",
    "brier_score_loss",
    "cohen_kappa_score",
    "confusion_matrix",
    "d2_absolute_error_score",
    "d2_brier_score",
    "d2_log_loss_score",
    "d2_pinball_score",
    "d2_tweedie_score",
    "dcg_score",
    "explained_variance_score",
    "f1_score",
    "fbeta_score",
    "hamming_loss",
    "hinge_loss",
    "jaccard_score",
    "log_loss",
    "matthews_corrcoef",
    "max_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_gamma_deviance",
    "mean_pinball_loss",
    "mean_poisson_deviance",
    "mean_squared_error",
    "mean_squared_log_error",
    "mean_tweedie_deviance",
    "median_absolute_error",
    "multilabel_confusion_matrix",
    "ndcg_score",
    "precision_recall_fscore_support",
    "precision_score",
    "r2_score",
    "recall_score",
    "root_mean_squared_error",
    "root_mean_squared_log_error",
    "state_of",
    "top_k_accuracy_score",
    "zero_one_loss",
]
