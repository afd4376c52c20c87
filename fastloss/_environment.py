"""What happens when an environment variable makes no sense."""

from __future__ import annotations

import sys
from pathlib import PurePath


def stop_the_command(error: ValueError) -> None:
    """End the process with one line and the exit status of a wrong usage, if it is the command ``fastloss``.

    Environment variables are read when the package is imported, which comes before anything the command line could catch.
    Everybody else gets the error itself.

    Parameters
    ----------
    error : ValueError
        What is wrong, and what is allowed.
    """
    # argv[0] is -m until the module that is to be run has been found
    first = sys.argv[0] if sys.argv else ""
    if PurePath(first).stem == "fastloss" or (first == "-m" and {"fastloss", "-mfastloss"} & set(sys.orig_argv)):
        print(f"fastloss: error: {error}", file=sys.stderr)
        raise SystemExit(2)
