"""One objective and one metric for XGBoost, LightGBM, CatBoost and scikit-learn's HistGradientBoosting.

The libraries are extras: ``pip install 'fastloss[boosting]'`` installs all four. Importing this package needs none of them.
"""

from .leaves import refit_leaves
from .metric import Metric
from .objective import HESSIANS, Objective
from .parity import LIBRARIES

__all__ = ["HESSIANS", "LIBRARIES", "Metric", "Objective", "refit_leaves"]
