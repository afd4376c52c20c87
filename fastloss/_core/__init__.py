"""The driver: arrays are cut into blocks, blocks are shared out among threads, and kernels map them.

The only place that knows threads. The way of the data: `evaluate`, a call of a loss, reads plain arrays and has the loss read
others; `execute` takes arrays of a known type and equal shape (``_arrays.py`` sees to that) and calls of kernels. Below,
``operands`` cuts the arrays, ``threads`` shares the blocks out, ``kernels`` has the functions of one instruction set, ``sums``
keeps exact sums, ``counts`` does for metrics what is no loss, and ``tensors`` sees the memory of torch's tensors.
"""

from .counts import (
    NOT_FINITE,
    ROW_ABOVE_ONE,
    ROW_NEGATIVE,
    ROW_NOT_FINITE,
    ROW_SUM,
    ZERO,
    add_moments,
    add_top_k,
    check_rows,
    count_equal,
    count_pairs,
    label_range,
    largest_difference,
    look_at,
    weigh_pairs,
)
from .evaluate import CallSetup, evaluate, kinds_of
from .execute import (
    BAD_WEIGHT,
    GRADIENT,
    HESSIAN,
    INFINITE_DERIVATIVE,
    NO_WEIGHT,
    NOT_ONE,
    OUTSIDE_DOMAIN,
    STATISTICS,
    VALUE,
    WEIGHT,
    Finish,
    Found,
    Output,
    count_of_statistics,
    execute,
    outcome_of,
)
from .kernels import (
    ClassOptions,
    Kernel,
    OwnFunctions,
    OwnKernel,
    active_isa,
    addresses,
    available_isas,
    build_info,
    functions,
    kernels,
    layout,
    map_function,
    table,
    use_isa,
)
from .operands import (
    CODES,
    SWAPPED,
    TYPE_CODES,
    Inputs,
    is_single,
    read_ordinary,
    read_ordinary_rows,
    read_ordinary_units,
    result_dtype,
    write,
)
from .sums import SUM_BYTES, Sums
from .tensors import Tensors
from .threads import (
    LAYERS,
    MOST_THREADS,
    OPENMP_VERSION,
    active_layer,
    configure_threads,
    keep_thread_state,
    local_openmp,
    local_threads,
    openmp_address,
    thread_count,
    use_layer,
)
from .tiles import products_of_rows, products_of_stacks

__all__ = [name for name in dir() if not name.startswith("_")]
