"""Loss functions on the CPU: value, exact gradient and exact Hessian of NumPy arrays in one pass over memory."""

from . import _environment

_environment.end_quietly_when_interrupted()
try:
    from . import _core, _threads  # noqa: F401 - these read environment variables
except ValueError as _error:
    _environment.stop_the_command(_error)
    raise

from importlib.util import find_spec as _find_spec
from typing import NoReturn as _NoReturn

from . import losses as _losses
from . import metrics
from ._config import config, show_config
from ._include import get_include
from ._threads import get_num_threads, num_threads, set_num_threads
from .custom import CustomLoss, check_loss, custom_loss
from .errors import InputError, NotDifferentiableError
from .evaluation import Evaluation, evaluate
from .linear import linear_objective
from .loss import Loss
from .losses import *  # noqa: F403 - the classes; losses/__init__.py finds them
from .multi_task import MultiTask
from .penalties import PenalizedLoss, Penalty
from .registry import advice_on as _advice_on
from .registry import get_loss, list_losses
from .registry import names_with_defaults as _names_with_defaults

__version__ = "0.1.0"

# a ready default instance of every class, in snake case, and the short names
_defaults = {name: get_loss(name) for name in _names_with_defaults()}
globals().update(_defaults)
_environment.let_interrupts_raise()

__all__ = [
    "CustomLoss",
    "Evaluation",
    "InputError",
    "Loss",
    "MultiTask",
    "NotDifferentiableError",
    "PenalizedLoss",
    "Penalty",
    "check_loss",
    "config",
    "custom_loss",
    "evaluate",
    "get_include",
    "get_loss",
    "get_num_threads",
    "linear_objective",
    "list_losses",
    "metrics",
    "num_threads",
    "set_num_threads",
    "show_config",
    *_losses.__all__,
    *_defaults,
]


def __getattr__(name: str) -> _NoReturn:
    """Say which names are near one that is not there."""
    message = f"module 'fastloss' has no attribute {name!r}"
    if name.startswith("_"):
        raise AttributeError(message)
    if _find_spec(f"fastloss.{name}") is not None:
        raise AttributeError(f"{message} before it is imported: import fastloss.{name}")
    advice = _advice_on(name, __all__)
    raise AttributeError(f"{message}. {advice}" if advice else message)
