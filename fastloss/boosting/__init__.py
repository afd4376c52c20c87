"""One objective and one metric for XGBoost, LightGBM, CatBoost and scikit-learn's HistGradientBoosting.

The libraries are yours to install, whichever you use and however it was built: ``pip install xgboost`` (or ``xgboost-cpu``),
``lightgbm``, ``catboost``, ``scikit-learn``. Importing this package needs none of them.

`fastloss.boosting.lightgbm`, which does need LightGBM, has its estimators with what they leave out for an objective that is not
LightGBM's own: the starting score and the link.
"""

from .leaves import refit_leaves
from .metric import Metric
from .objective import HESSIANS, Objective
from .parity import LIBRARIES

__all__ = ["HESSIANS", "LIBRARIES", "Metric", "Objective", "refit_leaves"]
