"""scikit-learn's metrics by the same names, with the same arguments, results, warnings and errors; computed by the kernels.

Each is a state that is updated with samples, merged and asked for the result: a function does that at once, `state_of` gives
the state for samples that come in parts.
"""

from ..state import State
from . import _state
from ._check import InvalidParameterError, UndefinedMetricWarning
from ._state import state_of
from .classification import *  # noqa: F403
from .probability import *  # noqa: F403
from .ranking import *  # noqa: F403
from .regression import *  # noqa: F403

__all__ = ["InvalidParameterError", "State", "UndefinedMetricWarning", "state_of"]
__all__ += sorted(_state.STATES)
