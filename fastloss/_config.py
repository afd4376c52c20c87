"""What this installation is made of."""

from __future__ import annotations

from typing import Any

from . import _core
from ._threads import get_num_threads


def config() -> dict[str, Any]:
    """How fastloss was built and what it uses, as a dictionary.

    Returns
    -------
    dict
        Compiler and flags, instruction sets built and active, OpenMP version (0: built without),
        threading layer, number of threads.
    """
    return {
        **_core.build_info(),
        "openmp": _core.OPENMP_VERSION,
        "isa_available": list(_core.available_isas()),
        "isa_active": _core.active_isa(),
        "threading_layer": _core.active_layer(),
        "threads": get_num_threads(),
    }


def show_config() -> None:
    """Print how fastloss was built and what it uses."""
    facts = config()
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key:{width}}  {', '.join(value) if isinstance(value, list) else value}")
