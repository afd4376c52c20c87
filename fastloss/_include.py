"""Where the C header is."""

from __future__ import annotations

from pathlib import Path


def get_include() -> str:
    """Return the folder of ``fastloss.h``, the table of kernels as C sees it.

    For those who call the kernels from C and Cython: ``fl_import()`` of that header gives the table, a ``const fl_table *``, of
    the instruction set that was picked when the package was imported.

    Returns
    -------
    str

    See Also
    --------
    fastloss.native.get_kernel : the same for numba and ctypes.

    Examples
    --------
    >>> import os
    >>> import fastloss as fl
    >>> os.listdir(fl.get_include())
    ['fastloss.h']
    """
    return str(Path(__file__).parent / "include")
