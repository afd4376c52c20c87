"""Loss functions on the CPU: value, exact gradient and exact Hessian of NumPy arrays in one pass over memory."""

try:
    from . import _core, _threads  # noqa: F401 - these read environment variables
except ValueError as _error:
    from ._environment import stop_the_command as _stop_the_command

    _stop_the_command(_error)
    raise

from . import losses as _losses
from . import metrics
from ._config import config, show_config
from ._include import get_include
from ._threads import get_num_threads, num_threads, set_num_threads
from .base import SHORT_NAMES as _SHORT_NAMES
from .base import Loss, NotDifferentiableError, get_loss, list_losses
from .evaluation import Evaluation, evaluate
from .losses import *  # noqa: F403 - the classes; losses/__init__.py finds them

__version__ = "0.1.0"

# a ready default instance of every class, in snake case, and the short names
_defaults = {name: get_loss(name) for name in [*list_losses(), *_SHORT_NAMES]}
globals().update(_defaults)

__all__ = [
    "Evaluation",
    "Loss",
    "NotDifferentiableError",
    "config",
    "evaluate",
    "get_include",
    "get_loss",
    "get_num_threads",
    "list_losses",
    "metrics",
    "num_threads",
    "set_num_threads",
    "show_config",
    *_losses.__all__,
    *_defaults,
]
