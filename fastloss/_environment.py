"""What happens to the command ``fastloss`` while the package is being imported, before its own code can catch anything."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

_EXIT_USAGE, _EXIT_INTERRUPT = 2, 130


def is_command() -> bool:
    """Tell whether this process is the command ``fastloss``, or ``python -m fastloss``."""
    # argv[0] is -m until the module that is to be run has been found
    first = sys.argv[0] if sys.argv else ""
    stem = os.path.splitext(os.path.basename(first))[0]
    return stem == "fastloss" or (first == "-m" and bool({"fastloss", "-mfastloss"} & set(sys.orig_argv)))


def end_quietly_when_interrupted() -> None:
    """Let Ctrl-C end the command with the exit status of an interrupt, and nothing else, until it catches that itself."""
    if not is_command():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and threading.current_thread() is threading.main_thread():
        # not by an exception: NumPy makes an ImportError of what is raised while its extensions are loaded
        signal.signal(signal.SIGINT, _end)

    def end(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            _end()
        sys.__excepthook__(kind, error, traceback)

    sys.excepthook = end


def let_interrupts_raise() -> None:
    """Make an interrupt an exception again, once the package has been imported: programs may have to tidy up."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: Any) -> None:
    # nothing has been written yet
    os._exit(_EXIT_INTERRUPT)


def stop_the_command(error: ValueError) -> None:
    """End the command with one line and the exit status of a wrong usage; everybody else gets the error itself.

    Parameters
    ----------
    error : ValueError
        What is wrong with an environment variable, and what is allowed.
    """
    if is_command():
        if sys.stderr is not None:
            print(f"fastloss: error: {error}", file=sys.stderr)
        raise SystemExit(_EXIT_USAGE)
