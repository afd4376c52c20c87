# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Losses of rows of one matrix against those of another: panel by panel, never the whole matrix of their products.

A panel has the products of some rows and all keys. Four steps, each shared out among threads, make of it what is wanted: the products; by
the kernel, in their place, the values and the derivatives by the products; and of these and the keys the gradient by the rows, of these
and the rows what they add to the gradient by the keys. Every number has one owner in every step, and its sums are in an order that nothing
but the shapes decides.

Matrices are read in place where they are contiguous and of the kernel's type, and converted as a whole where they are not.
"""

cimport cython
from cpython.buffer cimport PyBUF_ANY_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from numpy cimport PyArray_NDIM, ndarray

from fastloss cimport *
from .kernels cimport FOR_WEIGHT, IS_BAD_WEIGHT, IS_NO_WEIGHT, Kernel, active
from .operands cimport *
from .platform cimport fl_environment, fl_environment_enter, fl_environment_leave
from .sums cimport Sums, divide_sum, is_finite, merge_sum, round_sum, round_sum_down
from .threads cimport thread_count, work_out


cdef extern from *:
    int __atomic_fetch_or(int *, int, int) nogil
    int __ATOMIC_RELAXED


cdef enum:
    GROUP = 96  # keys of a task
    WIDEST = 512  # columns of a task
    WHOLE_TILES = 12  # rows of a task are a multiple of this
    NARROWEST = 32  # a multiple of the columns of every tile
    MOST_MATRICES = 10

# A panel is to be smaller than this, if it is to have FL_TILE_DEPTH rows at least, and has no more rows than MOST_ROWS.
cdef Py_ssize_t PANEL_BYTES = 1 << 24
cdef Py_ssize_t LARGEST_PANEL_BYTES = 1 << 26
cdef Py_ssize_t MOST_ROWS = 1024
# Fewer operations than this are not worth another thread.
cdef double PARALLEL_OPERATIONS = 1e6


# ---- matrices --------------------------------------------------------------------------------------------------

cdef struct Matrix:
    Operand operand
    Axes items
    Axes row
    char *memory
    void *numbers

cdef struct Tiles:
    Matrix[MOST_MATRICES] matrix
    int matrices
    void *memory  # of everything below that is no matrix
    const fl_passes *passes
    const fl_products *products
    fl_map map
    fl_block block  # what all blocks have in common
    Py_ssize_t size  # of a number
    Py_ssize_t rows
    Py_ssize_t keys
    Py_ssize_t depth
    char *row_matrix
    char *key_matrix
    char *row_gradient  # NULL: not wanted
    char *key_gradient
    double *bias_gradient
    const double *weight  # of rows; NULL: 1
    char *panel
    char *packed_rows
    char *packed_columns
    Py_ssize_t padded  # the depth, in whole strips
    Py_ssize_t first  # row of the panel
    Py_ssize_t count  # of its rows
    Py_ssize_t at_once  # rows of a task of the kernel
    Py_ssize_t width  # columns of a task of the gradient by rows, and of that by keys
    Py_ssize_t key_width
    Py_ssize_t part  # rows of a task of the gradient by rows
    char *scratch
    Py_ssize_t scratch_bytes
    int members
    int flags


cdef inline Py_ssize_t parts(Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    return (n + size - 1) // size


cdef inline Py_ssize_t least(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a if a < b else b


cdef inline Py_ssize_t line(Py_ssize_t bytes) noexcept nogil:
    """Whole lines of the cache."""
    return (bytes + 63) & ~<Py_ssize_t> 63


cdef Matrix *add_matrix(Tiles *tiles, item, int kind, bint of_vectors, bint output, bint copied) except NULL:
    """Describe an array of vectors, or of numbers, and give it memory where it cannot be used in place."""
    cdef Matrix *matrix = &tiles.matrix[tiles.matrices]
    cdef Operand *operand = &matrix.operand
    cdef ndarray array = item[0]
    cdef int last = PyArray_NDIM(array), ndim = last - of_vectors
    cdef Py_ssize_t bytes
    if tiles.matrices == MOST_MATRICES:
        raise AssertionError("there is no room for another matrix")
    memset(matrix, 0, sizeof(Matrix))
    describe(operand, array, item[1], kind, output)
    tiles.matrices += 1
    set_axes(&matrix.items, item[0].shape, 0, ndim)
    set_axes(&matrix.row, item[0].shape, ndim, last)
    set_strides(operand.strides, &matrix.items, array, 0)
    if of_vectors:
        set_strides(operand.row_strides, &matrix.row, array, ndim)
        operand.width = matrix.row.size
    # in any other order the axes must stay as they are
    if matrix.items.ndim != 1 and in_c_order(&matrix.items, operand, &matrix.row):
        simplify(&matrix.items, &operand, 1, &matrix.row)
    bytes = lay_out(operand, &matrix.items, &matrix.row, matrix.items.size, 0, copied)
    if operand.direct and not copied:
        operand.buffer = -1
        operand.streamed = False
        matrix.numbers = operand.data
        return matrix
    matrix.memory = <char *> malloc(bytes + 64)
    if matrix.memory == NULL:
        raise MemoryError(f"no memory for a copy of {bytes} bytes")
    matrix.numbers = aligned(matrix.memory) + operand.buffer
    if not output and matrix.items.size:
        convert_block(operand, &matrix.items, &matrix.row, operand.data, aligned(matrix.memory), 0, matrix.items.size)
    return matrix


cdef void write_matrix(Matrix *matrix, const void *numbers, bint doubles) noexcept nogil:
    """Put the numbers of an output into its array, if they are not there."""
    if matrix.items.size and numbers != matrix.operand.data:
        write_block(
            &matrix.operand, &matrix.items, &matrix.row, matrix.operand.data, numbers, doubles, aligned(matrix.memory), 0,
            matrix.items.size,
        )


# ---- the steps of a panel --------------------------------------------------------------------------------------

cdef inline char *scratch_of(const Tiles *tiles, int member) noexcept nogil:
    return tiles.scratch + member * tiles.scratch_bytes


cdef void pack(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """Lay FL_TILE_DEPTH rows of the panel out: as columns of the products, and as those of the gradient by keys."""
    cdef const Tiles *tiles = <const Tiles *> memory
    cdef Py_ssize_t row, count, depth = tiles.depth
    cdef const char *source
    cdef const double *weight = NULL
    while task < last:
        row = task * FL_TILE_DEPTH
        if tiles.weight != NULL:
            weight = tiles.weight + tiles.first + row
        count = least(FL_TILE_DEPTH, tiles.count - row)
        source = tiles.row_matrix + (tiles.first + row) * depth * tiles.size
        tiles.products.pack_rows(source, depth, count, depth, tiles.packed_rows + row * depth * tiles.size)
        if tiles.key_gradient != NULL:
            tiles.products.pack_columns(
                source, depth, depth, count, weight, tiles.packed_columns + row * tiles.padded * tiles.size
            )
        task += 1


cdef void multiply(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """The products of FL_TILE_DEPTH rows and a group of keys."""
    cdef const Tiles *tiles = <const Tiles *> memory
    cdef Py_ssize_t blocks = parts(tiles.count, FL_TILE_DEPTH)
    cdef Py_ssize_t row, key
    cdef fl_product product
    memset(&product, 0, sizeof(product))
    product.depth = product.a_step = tiles.depth
    product.c_step = tiles.keys
    product.by_column = True
    while task < last:
        row, key = task % blocks * FL_TILE_DEPTH, task // blocks * GROUP
        product.a = tiles.key_matrix + key * tiles.depth * tiles.size
        product.rows = least(GROUP, tiles.keys - key)
        product.b = tiles.packed_rows + row * tiles.depth * tiles.size
        product.columns = least(FL_TILE_DEPTH, tiles.count - row)
        product.c = tiles.panel + (row * tiles.keys + key) * tiles.size
        tiles.products.multiply(&product)
        task += 1


cdef void map_rows(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """What the kernel makes of some rows of products."""
    cdef Tiles *tiles = <Tiles *> memory
    cdef fl_block block = tiles.block
    cdef Py_ssize_t row
    cdef int flags = 0
    block.scratch = scratch_of(tiles, member)
    while task < last:
        row = task * tiles.at_once
        block.first = tiles.first + row
        block.units = least(tiles.at_once, tiles.count - row)
        block.gradient[0] = tiles.panel + row * tiles.keys * tiles.size
        flags |= tiles.map(&block)
        task += 1
    if flags:
        __atomic_fetch_or(&tiles.flags, flags, __ATOMIC_RELAXED)


cdef void add_to_rows(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """The gradient by some rows, in some columns: the derivatives times the keys."""
    cdef const Tiles *tiles = <const Tiles *> memory
    cdef Py_ssize_t column_tasks = parts(tiles.depth, tiles.width)
    cdef Py_ssize_t row, column, columns, key
    cdef char *packed = scratch_of(tiles, member)
    cdef fl_product product
    memset(&product, 0, sizeof(product))
    product.b = packed
    product.a_step = tiles.keys
    product.c_step = tiles.depth
    while task < last:
        row, column = task // column_tasks * tiles.part, task % column_tasks * tiles.width
        columns = least(tiles.width, tiles.depth - column)
        product.rows = least(tiles.part, tiles.count - row)
        product.columns = columns
        product.c = tiles.row_gradient + ((tiles.first + row) * tiles.depth + column) * tiles.size
        key = 0
        while key < tiles.keys:
            product.depth = least(FL_TILE_DEPTH, tiles.keys - key)
            tiles.products.pack_columns(
                tiles.key_matrix + (key * tiles.depth + column) * tiles.size, tiles.depth, columns, product.depth, NULL, packed
            )
            product.a = tiles.panel + (row * tiles.keys + key) * tiles.size
            tiles.products.multiply(&product)
            key += FL_TILE_DEPTH
        task += 1


cdef void add_to_keys(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """What the panel adds to the gradient by a group of keys, in some columns: the derivatives times the rows."""
    cdef const Tiles *tiles = <const Tiles *> memory
    cdef Py_ssize_t column_tasks = parts(tiles.depth, tiles.key_width)
    cdef Py_ssize_t row, column, key
    cdef fl_product product
    memset(&product, 0, sizeof(product))
    product.scratch = scratch_of(tiles, member)
    product.turned = True
    product.a_step = tiles.keys
    product.c_step = tiles.depth
    while task < last:
        key, column = task // column_tasks * GROUP, task % column_tasks * tiles.key_width
        product.rows = least(GROUP, tiles.keys - key)
        product.columns = least(tiles.key_width, tiles.depth - column)
        product.c = tiles.key_gradient + (key * tiles.depth + column) * tiles.size
        row = 0
        while row < tiles.count:
            product.depth = least(FL_TILE_DEPTH, tiles.count - row)
            product.a = tiles.panel + (row * tiles.keys + key) * tiles.size
            product.b = tiles.packed_columns + (row * tiles.padded + column * product.depth) * tiles.size
            tiles.products.multiply(&product)
            if column == 0 and tiles.bias_gradient != NULL:
                tiles.products.add_columns(product.a, tiles.keys, product.depth, product.rows, tiles.bias_gradient + key)
            row += FL_TILE_DEPTH
        task += 1


cdef int do_panels(Tiles *tiles, Py_ssize_t panel_rows) except -1:
    cdef Py_ssize_t blocks, groups = parts(tiles.keys, GROUP)
    cdef int members = tiles.members
    tiles.first = 0
    while tiles.first < tiles.rows:
        tiles.count = least(panel_rows, tiles.rows - tiles.first)
        blocks = parts(tiles.count, FL_TILE_DEPTH)
        work_out(pack, tiles, blocks, members)
        work_out(multiply, tiles, groups * blocks, members)
        work_out(map_rows, tiles, parts(tiles.count, tiles.at_once), members)
        if tiles.row_gradient != NULL:
            work_out(add_to_rows, tiles, parts(tiles.count, tiles.part) * parts(tiles.depth, tiles.width), members)
        if tiles.key_gradient != NULL:
            work_out(add_to_keys, tiles, groups * parts(tiles.depth, tiles.key_width), members)
        tiles.first += tiles.count
    return 0


cdef Py_ssize_t rows_of_panel(const Tiles *tiles) noexcept nogil:
    """How many rows a panel has: what the shapes alone decide, because sums over rows are in steps of their number at the most."""
    cdef Py_ssize_t bytes = tiles.keys * tiles.size
    cdef Py_ssize_t rows = PANEL_BYTES // bytes // FL_TILE_DEPTH * FL_TILE_DEPTH
    if rows > MOST_ROWS:
        rows = MOST_ROWS
    if rows == 0:
        rows = LARGEST_PANEL_BYTES // bytes // 16 * 16
        rows = FL_TILE_DEPTH if rows > FL_TILE_DEPTH else rows if rows else 16
    return least(rows, tiles.rows)


cdef Py_ssize_t width_of_task(Py_ssize_t depth, Py_ssize_t tasks) noexcept nogil:
    """How many columns a task has, if there are to be so many."""
    return least(WIDEST, parts(parts(depth, tasks), NARROWEST) * NARROWEST)


# ---- one call --------------------------------------------------------------------------------------------------

cdef inline Py_ssize_t place(Py_ssize_t *bytes, Py_ssize_t size) noexcept nogil:
    """The place of so many bytes behind those that are there."""
    cdef Py_ssize_t begin = bytes[0]
    bytes[0] += line(size)
    return begin


cdef tuple execute_tiles(Kernel kernel, Inputs inputs, weights, list outputs, bint mean, bint overwrites):
    """Do what `execute` does for a call of a kernel of tiles; returns the value, if one is summed, and faults."""
    cdef Tiles tiles
    cdef int k
    tiles.matrices = 0
    tiles.memory = NULL
    try:
        return compute(&tiles, kernel, inputs, weights, outputs, mean, overwrites)
    finally:
        for k in range(tiles.matrices):
            free(tiles.matrix[k].memory)
        free(tiles.memory)


cdef tuple compute(Tiles *tiles, Kernel kernel, Inputs inputs, weights, list outputs, bint mean, bint overwrites):
    cdef const fl_kernel *found = kernel.found()
    cdef int precision = 0 if inputs.single else 1
    cdef bint cosines = found.against != FL_AGAINST_KEYS
    cdef int views = 1
    cdef const fl_classes *classes = kernel.classes()
    cdef Matrix *vectors[3]
    cdef Matrix *gradients[3]
    cdef Matrix *value_array = NULL
    cdef const int64_t *label = NULL
    cdef const void *bias = NULL
    cdef const double *given = NULL
    cdef double *weight = NULL
    cdef double *product
    cdef double *lengths
    cdef char *values
    cdef char *memory
    cdef Py_ssize_t units = 1, bytes = 0, panel_rows, numbers, i
    cdef Py_ssize_t at_weight, at_product, at_lengths, at_values, at_cosines, at_gradients, at_panel, at_packed, at_columns, at_bias, at_scratch
    cdef bint weighs, wants_gradients = False, sums = False
    cdef double divisor = 1.0, heavy = 1.0
    cdef fl_sum total, count
    cdef int k, n_vectors = 0
    cdef object value = None
    tiles.passes, tiles.products = active.passes[precision], active.products[precision]
    tiles.map = found.map[precision]
    tiles.size = 4 if inputs.single else 8
    tiles.flags = 0
    tiles.row_gradient = tiles.key_gradient = NULL
    tiles.bias_gradient = NULL
    for length in inputs.shape:
        units *= length
    for k in range(3):
        vectors[k] = gradients[k] = NULL
    # the inputs: labels, two or one matrices, numbers of the keys
    for k in range(<int> len(inputs.operands)):
        if k == inputs.label_place:
            label = <const int64_t *> add_matrix(tiles, inputs.operands[k], LABELS, False, False, False).numbers
        elif inputs.operands[k][0].ndim == 1:
            bias = add_matrix(tiles, inputs.operands[k], precision, False, False, False).numbers
        else:
            vectors[n_vectors] = add_matrix(tiles, inputs.operands[k], precision, True, False, False)
            n_vectors += 1
    tiles.depth = vectors[0].row.size
    views = n_vectors if found.against == FL_AGAINST_ALL else 1
    tiles.rows = units * views
    tiles.keys = tiles.rows if found.against == FL_AGAINST_ALL else vectors[1].items.size
    if weights is not None:
        given = <const double *> add_matrix(tiles, weights, NUMBERS_F64, False, False, False).numbers
        if active.bad_weights(given, units):
            return value, IS_BAD_WEIGHT
    # the outputs
    memset(&tiles.block, 0, sizeof(fl_block))
    for output in outputs:
        if output.what == FOR_WEIGHT:
            continue
        tiles.block.want |= output.what
        if output.what == FL_VALUE:
            if isinstance(output.to, tuple):
                value_array = add_matrix(tiles, output.to, precision, False, True, True)
            else:
                sums = True
        else:
            wants_gradients = True
            k = output.by
            gradients[k] = add_matrix(
                tiles, output.to, precision, output.to[0].ndim > 1, True, overwrites or views > 1
            )
    # memory
    weighs = given != NULL or classes.ignores
    panel_rows = rows_of_panel(tiles)
    tiles.members = 1 if 2.0 * tiles.rows * tiles.keys * tiles.depth < PARALLEL_OPERATIONS else thread_count()
    tiles.padded = parts(tiles.depth, tiles.products.columns) * tiles.products.columns
    tiles.at_once = active.layout(FL_TILES, tiles.keys, &numbers)
    if tiles.at_once < 4:
        tiles.at_once = 4
    numbers = max(numbers, FL_TILE_DEPTH * WIDEST)
    tiles.scratch_bytes = line(numbers * tiles.size)
    at_weight = place(&bytes, tiles.rows * 8 if weighs else 0)
    at_product = place(&bytes, units * 8 if weighs else 0)
    at_lengths = place(&bytes, (tiles.rows + tiles.keys) * 8 if cosines else 0)
    at_values = place(&bytes, tiles.rows * tiles.size)
    at_cosines = place(&bytes, (tiles.rows + (0 if found.against == FL_AGAINST_ALL else tiles.keys)) * tiles.depth * tiles.size if cosines else 0)
    at_gradients = place(&bytes, tiles.rows * tiles.depth * tiles.size if views > 1 and wants_gradients else 0)
    at_bias = place(&bytes, tiles.keys * 8 if bias != NULL else 0)
    at_panel = place(&bytes, panel_rows * tiles.keys * tiles.size)
    # whole strips
    at_packed = place(&bytes, (panel_rows + NARROWEST) * tiles.depth * tiles.size)
    at_columns = place(&bytes, panel_rows * tiles.padded * tiles.size if wants_gradients else 0)
    at_scratch = place(&bytes, tiles.members * tiles.scratch_bytes)
    tiles.memory = malloc(bytes + 64)
    if tiles.memory == NULL:
        raise MemoryError(f"no memory for {bytes} bytes of buffers")
    memory = aligned(<char *> tiles.memory)
    values = memory + at_values
    product = <double *> (memory + at_product)
    lengths = <double *> (memory + at_lengths)
    tiles.panel, tiles.packed_rows, tiles.packed_columns = memory + at_panel, memory + at_packed, memory + at_columns
    tiles.scratch = memory + at_scratch
    # weights
    memset(&count, 0, sizeof(fl_sum))
    memset(&total, 0, sizeof(fl_sum))
    if weighs:
        weight = <double *> (memory + at_weight)
        for i in range(units):
            weight[i] = given[i] if given != NULL else 1.0
            if classes.ignores and label[i] == classes.ignored:
                weight[i] = 0.0
        active.passes[1].sum(&count, weight, units)
        if mean and round_sum(&count) - round_sum(&count) != 0.0 and is_finite(&count):
            # finite weights, whose sum is too large for a double
            for i in range(units):
                weight[i] *= 2.0**-64
            divisor = round_sum_down(&count)
        elif mean:
            divisor = round_sum(&count)
        for i in range(units, tiles.rows):
            weight[i] = weight[i - units]
    elif mean:
        divisor = <double> units
    if divisor == 0.0:
        return value, IS_NO_WEIGHT
    tiles.weight = weight
    # what is multiplied
    tiles.row_matrix = <char *> vectors[0].numbers
    tiles.key_matrix = tiles.row_matrix if n_vectors == 1 else <char *> vectors[1].numbers
    if cosines:
        tiles.row_matrix = memory + at_cosines
        for k in range(n_vectors):
            tiles.products.normalise(
                vectors[k].numbers, units, tiles.depth, weight, tiles.row_matrix + k * units * tiles.depth * tiles.size, lengths + k * units
            )
        tiles.key_matrix = tiles.row_matrix + (units * tiles.depth * tiles.size if found.against == FL_AGAINST_OTHERS else 0)
    if wants_gradients:
        if views > 1:
            tiles.row_gradient = tiles.key_gradient = memory + at_gradients
        else:
            tiles.row_gradient = <char *> gradients[0].numbers
            tiles.key_gradient = tiles.row_gradient if n_vectors == 1 else <char *> gradients[1].numbers
        memset(tiles.row_gradient, 0, tiles.rows * tiles.depth * tiles.size)
        memset(tiles.key_gradient, 0, tiles.keys * tiles.depth * tiles.size)
        if bias != NULL:
            tiles.bias_gradient = <double *> (memory + at_bias)
            memset(tiles.bias_gradient, 0, tiles.keys * 8)
    tiles.block.width = tiles.keys
    tiles.block.label = label
    tiles.block.weight = weight
    tiles.block.parameters = kernel.parameters
    tiles.block.classes = classes
    tiles.block.divisor = divisor * views
    tiles.block.input[3] = bias
    tiles.block.value = values
    tiles.width = width_of_task(tiles.depth, tiles.members)
    tiles.key_width = width_of_task(tiles.depth, 1 if tiles.keys >= 4 * tiles.members * GROUP else 2 * tiles.members)
    # keys are packed once for each part of the rows: no more of these than threads need
    tiles.part = parts(parts(panel_rows, max(1, tiles.members // parts(tiles.depth, tiles.width))), WHOLE_TILES) * WHOLE_TILES
    do_panels(tiles, panel_rows)
    # what came of it
    if views > 1:
        average(values, units, views, precision)
    if tiles.block.want & FL_VALUE:
        if weighs:
            tiles.passes.weigh(values, weight, product, units)
            active.passes[1].sum(&total, product, units)
        else:
            tiles.passes.sum(&total, values, units)
        if value_array != NULL:
            write_matrix(value_array, <void *> product if weighs else <void *> values, weighs)
    if wants_gradients:
        if cosines:
            tiles.products.lengthen(tiles.row_gradient, tiles.row_matrix, tiles.rows, tiles.depth, lengths)
            if found.against == FL_AGAINST_OTHERS:
                tiles.products.lengthen(tiles.key_gradient, tiles.key_matrix, tiles.keys, tiles.depth, lengths + units)
        if bias != NULL:
            write_doubles(gradients[2], tiles.bias_gradient, tiles.keys, precision)
        for k in range(n_vectors):
            write_matrix(
                gradients[k],
                tiles.row_gradient + k * units * tiles.depth * tiles.size if views > 1 else gradients[k].numbers,
                False,
            )
    if sums:
        value = divide_sum(&total, divisor) if mean else round_sum(&total)
    for output in outputs:
        if isinstance(output.to, Sums):
            add_to_sums(output, &total, &count, weighs, units)
    return value, tiles.flags


cdef void write_doubles(Matrix *matrix, const double *numbers, Py_ssize_t n, int precision) noexcept nogil:
    """Round doubles to the precision of a call, and write them."""
    active.passes[1].store[FL_FROM_F64 if precision else FL_FROM_F32](numbers, matrix.numbers, n)
    write_matrix(matrix, matrix.numbers, False)


cdef void average(char *values, Py_ssize_t units, int views, int precision) noexcept nogil:
    """The value of a unit: the mean of those of its two rows."""
    cdef float *single = <float *> values
    cdef double *numbers = <double *> values
    cdef Py_ssize_t i
    for i in range(units if views == 2 else 0):
        if precision:
            numbers[i] = 0.5 * numbers[i] + 0.5 * numbers[units + i]
        else:
            single[i] = <float> (0.5 * (<double> single[i] + <double> single[units + i]))


cdef int add_to_sums(output, const fl_sum *total, const fl_sum *count, bint weighs, Py_ssize_t units) except -1:
    """Add what was found to the exact sums of the caller."""
    cdef Sums sums = output.to
    cdef Py_ssize_t place = output.place
    cdef bint of_weights = output.what == FOR_WEIGHT
    cdef double number = <double> units
    with cython.critical_section(sums):
        if not of_weights:
            merge_sum(sums.at(place), total)
        elif weighs:
            merge_sum(sums.at(place), count)
        else:
            active.passes[1].sum(sums.at(place), &number, 1)
    return 0


# ---- products of stacks of matrices ----------------------------------------------------------------------------

cdef struct Stack:
    const fl_products *products
    const fl_passes *passes
    const char *a
    const char *b
    char *c
    char *scratch
    Py_ssize_t size  # of a number
    Py_ssize_t rows  # of a matrix of the first stack
    Py_ssize_t depth
    Py_ssize_t columns  # of a product
    Py_ssize_t scratch_bytes
    double divisor


cdef void multiply_by_itself(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """The products of a group of rows of a matrix and all its rows, divided."""
    cdef const Stack *stack = <const Stack *> memory
    cdef Py_ssize_t groups = parts(stack.rows, GROUP), width = stack.depth * stack.size
    cdef Py_ssize_t row, column, k
    cdef const char *matrix
    cdef char *c
    cdef fl_product product
    memset(&product, 0, sizeof(product))
    product.b = stack.scratch + member * stack.scratch_bytes
    product.depth = product.a_step = stack.depth
    product.c_step = stack.rows
    product.by_column = True
    while task < last:
        matrix = stack.a + task // groups * stack.rows * width
        c = stack.c + task // groups * stack.rows * stack.rows * stack.size
        row = task % groups * GROUP
        product.a = matrix + row * width
        product.rows = least(GROUP, stack.rows - row)
        column = 0
        while column < stack.rows:
            product.columns = least(FL_TILE_DEPTH, stack.rows - column)
            stack.products.pack_rows(matrix + column * width, stack.depth, product.columns, stack.depth, <void *> product.b)
            product.c = c + (column * stack.rows + row) * stack.size
            stack.products.multiply(&product)
            for k in range(product.columns):
                stack.passes.divide(
                    <char *> product.c + k * stack.rows * stack.size, stack.divisor,
                    <char *> product.c + k * stack.rows * stack.size, product.rows,
                )
            column += FL_TILE_DEPTH
        task += 1


cdef void multiply_stacks(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """What is a group of rows of a matrix times some columns of another one."""
    cdef const Stack *stack = <const Stack *> memory
    cdef Py_ssize_t groups = parts(stack.rows, GROUP), wide = parts(stack.columns, WIDEST), size = stack.size
    cdef Py_ssize_t row, column, k, unit
    cdef char *packed = stack.scratch + member * stack.scratch_bytes
    cdef fl_product product
    memset(&product, 0, sizeof(product))
    product.b = packed
    product.a_step = stack.depth
    product.c_step = stack.columns
    while task < last:
        unit, column = task // (groups * wide), task % wide * WIDEST
        row = task // wide % groups * GROUP
        product.rows = least(GROUP, stack.rows - row)
        product.columns = least(WIDEST, stack.columns - column)
        product.c = stack.c + ((unit * stack.rows + row) * stack.columns + column) * size
        for k in range(product.rows):
            memset(<char *> product.c + k * stack.columns * size, 0, product.columns * size)
        k = 0
        while k < stack.depth:
            product.depth = least(FL_TILE_DEPTH, stack.depth - k)
            stack.products.pack_columns(
                stack.b + ((unit * stack.depth + k) * stack.columns + column) * size, stack.columns, product.columns,
                product.depth, NULL, packed,
            )
            product.a = stack.a + ((unit * stack.rows + row) * stack.depth + k) * size
            stack.products.multiply(&product)
            k += FL_TILE_DEPTH
        task += 1


cdef int do_stacks(Stack *stack, Py_ssize_t units, Py_ssize_t packed, a, b, c, bint squares) except -1:
    """Multiply stacks of matrices that lie in contiguous arrays of one type, each product by the same steps."""
    cdef Py_buffer buffers[3]
    cdef Py_ssize_t tasks = units * parts(stack.rows, GROUP)
    cdef int members = thread_count(), held = 0
    cdef char *memory
    cdef fl_environment saved
    if 2.0 * units * stack.rows * stack.depth * stack.columns < PARALLEL_OPERATIONS:
        members = 1
    stack.scratch = NULL
    stack.scratch_bytes = line(packed * stack.size)
    try:
        for item in (a, b, c):
            PyObject_GetBuffer(item, &buffers[held], PyBUF_ANY_CONTIGUOUS if held < 2 else PyBUF_WRITABLE | PyBUF_ANY_CONTIGUOUS)
            held += 1
        stack.a, stack.b, stack.c = <const char *> buffers[0].buf, <const char *> buffers[1].buf, <char *> buffers[2].buf
        stack.scratch = <char *> malloc(members * stack.scratch_bytes + 64)
        if stack.scratch == NULL:
            raise MemoryError(f"no memory for {members * stack.scratch_bytes} bytes of buffers")
        memory = stack.scratch
        stack.scratch = aligned(memory)
        saved = fl_environment_enter()
        try:
            if squares:
                work_out(multiply_by_itself, stack, tasks, members)
            else:
                work_out(multiply_stacks, stack, tasks * parts(stack.columns, WIDEST), members)
        finally:
            fl_environment_leave(saved)
            free(memory)
    finally:
        for k in range(held):
            PyBuffer_Release(&buffers[k])
    return 0


cdef Stack stack_of(int itemsize):
    cdef Stack stack
    memset(&stack, 0, sizeof(stack))
    stack.size = itemsize
    stack.products, stack.passes = active.products[itemsize == 8], active.passes[itemsize == 8]
    stack.divisor = 1.0
    return stack


def products_of_rows(a, c, double divisor):
    """Write the products of all rows of each matrix of a stack, divided: a a^T / divisor. Arrays are in C order, of one precision.

    They are symmetric to the last bit, and the same with any number of threads.
    """
    cdef Stack stack = stack_of(a.itemsize)
    if a.ndim != 3 or c.shape != (a.shape[0], a.shape[1], a.shape[1]) or c.dtype != a.dtype:
        raise AssertionError("these are no stacks of one size")
    stack.rows = stack.columns = a.shape[1]
    stack.depth, stack.divisor = a.shape[2], divisor
    do_stacks(&stack, a.shape[0], (FL_TILE_DEPTH + NARROWEST) * stack.depth, a, a, c, True)


def products_of_stacks(a, b, c):
    """Write the products a b of the matrices of two stacks. Arrays are in C order, of one precision."""
    cdef Stack stack = stack_of(a.itemsize)
    if a.ndim != 3 or b.shape[:2] != (a.shape[0], a.shape[2]) or c.shape != (*a.shape[:2], b.shape[2]) or not a.dtype == b.dtype == c.dtype:
        raise AssertionError("these are no stacks of one size")
    stack.rows, stack.depth, stack.columns = a.shape[1], a.shape[2], b.shape[2]
    do_stacks(&stack, a.shape[0], FL_TILE_DEPTH * (WIDEST + NARROWEST), a, b, c, False)
