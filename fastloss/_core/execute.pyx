# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The one entry to the driver: calls of kernels over the same inputs, and where what they produce goes.

The inputs are cut into blocks that fit in the first-level cache. A block is read once for all calls; each maps it, and generic passes
weigh, divide and sum what the kernel has written. Blocks are independent and sums are exact, so that neither the order nor the number of
threads can change a bit of the result.

A unit of a loss, that for which there is one value, lies within a block: a number, a row, a group. Of a loss of statistics units may be
longer, up to the whole array: then blocks are parts of units, a first pass adds up the statistics of each, and a second one, which needs
what these amount to, writes the gradients. A unit may also be made of numbers that each have a loss of their own: its value is the sum
of these, rounded once. Short ones lie side by side in a block, and longer ones come in parts, whose sums are exact.
"""

cimport cython
from cpython.bytes cimport PyBytes_AsString
from libc.math cimport INFINITY
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset, strstr
from numpy cimport PyArray_NDIM, ndarray

from fastloss cimport *
from .kernels cimport FOR_STATISTICS, FOR_WEIGHT, IS_BAD_WEIGHT, IS_INFINITE, IS_NO_WEIGHT, Kernel, OwnKernel, active
from .operands cimport *
from .platform cimport fl_environment, fl_environment_enter, fl_environment_leave, fl_store_fence
from .sums cimport Sums, divide_sum, is_finite, merge_sum, round_sum, round_sum_down
from .threads cimport share_out, thread_count, work_out
from .tiles cimport execute_tiles


# What a call produces: an output of the kernel, what its units count for in a mean, or the sums of the statistics.
VALUE = FL_VALUE
GRADIENT = FL_GRADIENT
HESSIAN = FL_HESSIAN
WEIGHT = FOR_WEIGHT
STATISTICS = FOR_STATISTICS

# What `execute` reports about the data. NOT_ONE: probabilities of a row may sum to something else than 1.
OUTSIDE_DOMAIN = FL_OUTSIDE
BAD_WEIGHT = IS_BAD_WEIGHT
NO_WEIGHT = IS_NO_WEIGHT
NOT_ONE = FL_NOT_ONE
INFINITE_DERIVATIVE = IS_INFINITE

cdef enum:
    IS_HEAVY = 32  # the weights of a unit have a sum that is too large for a double
    MAX_OPERANDS = 12  # inputs and weights, and the outputs of one call
    # Units of statistics that are longer are computed in parts. (Shorter ones lie on sheets: engine/sheets.h.)
    LONGEST_ROW = 4096
    # Blocks whose values are written at a time, where kernels cannot add them up.
    MOST_UNFOLDED = 63
    NOT_YET = -1
    # What is added up by kernels in a block. The first values tell what to expect of the others; so many are not worth it.
    FOLDED_BLOCK = 4096
    FIRST_VALUES = 64
    FEW_VALUES = 512
    # A few sequences are shared out at once if they take so long, and more if they do not take so long that interrupts must wait.
    FEW_SEQUENCES = 4
    # Losses are expected to lie below 2 to this: a few numbers are then folded once.
    FIRST_SCALE = 8
    # A call on a few numbers needs no more memory than this, and does not ask the system for it.
    SMALL_MEMORY = 4096

# Numbers from here on are infinite in the types that can be written.
cdef double[4] BOUNDS = [2.0**128 - 2.0**103, INFINITY, 65520.0, 2.0**128 - 2.0**119]

# What sequences are worth, in nanoseconds: those that are worth less than the first stay in one thread.
cdef double SHORT_SEQUENCES = 1e5
cdef double LONG_SEQUENCES = 5e7

cdef Axes ONE_ITEM
memset(&ONE_ITEM, 0, sizeof(ONE_ITEM))
ONE_ITEM.ndim = 1
ONE_ITEM.size = 1
ONE_ITEM.shape[0] = 1


cdef class Finish:
    """What boosting makes of the derivatives while they lie in the cache.

    ``gradient_factor`` multiplies the gradient, ``hessian_factor`` the Hessian, which is then raised to ``floor`` and multiplied by
    ``sign``.
    """

    def __init__(self, double gradient_factor, double hessian_factor, double floor, double sign):
        self.gradient_factor, self.hessian_factor = gradient_factor, hessian_factor
        self.floor, self.sign = floor, sign


# outputs and what is found hold nothing that could hold them; each call makes some
@cython.no_gc
@cython.freelist(8)
cdef class Output:
    """One thing that a call produces, and where it goes.

    ``what`` is VALUE, GRADIENT or HESSIAN, these by the differentiated input number ``by``, WEIGHT or STATISTICS; ``call`` says of which
    call. It goes to an array (a pair of array and type code), or is summed: ``to`` exact `Sums`, from ``place`` on, or, where ``to`` is
    None, to be returned: what several calls return is one sum.
    """

    def __init__(self, int what, to=None, int by=0, int call=0, Py_ssize_t place=0, Finish finish=None):
        self.what, self.by, self.call = what, by, call
        self.to, self.place, self.finish = to, place, finish


cdef Output output_to(int what, tuple to, int by):
    """An output to an array."""
    cdef Output output = Output.__new__(Output)
    output.what, output.to, output.by = what, to, by
    return output


@cython.no_gc
@cython.freelist(8)
cdef class Found:
    """What `execute` found out.

    ``value`` is the sum that was to be returned, or the mean; ``fault`` says what is wrong with the data of the first call, or-ed, and
    ``faults`` with those of each; ``least`` is the smallest Hessian, before it was raised, of what is finished for boosting (infinity: there is none).
    """

    @property
    def faults(self):
        return [self.fault] if self.by_call is None else self.by_call


# ---- what is to be done ----------------------------------------------------------------------------------------

# Of a weighted sum of kernels, each term has a call of its own: the first one, which says how many they are, has the outputs and writes
# them when the last one has been added.
cdef struct Call:
    const fl_kernel *kernel
    int terms  # of the sum that begins here: 1 for a kernel alone, 0 for a term that is not the first one
    double factor  # multiplies what the kernel produces, in sums
    fl_map map  # of whole units; NULL: the first input itself is summed
    fl_map part  # of parts of units
    fl_block block  # what all blocks have in common
    int value  # places of the operands for outputs; -1: none
    int[FL_MAX_GRADIENTS] gradient
    int[FL_MAX_GRADIENTS] hessian
    Py_ssize_t value_buffer  # where in the scratch memory values and gradients go that no operand is given for; -1: nowhere
    Py_ssize_t gradient_buffer
    Py_ssize_t[FL_MAX_GRADIENTS] term_gradient  # the same, of the derivatives of a term that is not the first one, and of that alone
    Py_ssize_t[FL_MAX_GRADIENTS] term_hessian
    Py_ssize_t counted_buffer  # where what rows count for goes; -1: nowhere
    Py_ssize_t sums_buffer  # where the sums of rows go
    Py_ssize_t[FL_MAX_STATISTICS] statistic_buffer
    void (*prepare)(const void *, void *, Py_ssize_t) noexcept nogil  # what parts want done with their last input first; or NULL
    Py_ssize_t prepared_buffer  # where that goes
    bint keeps_prepared  # it stays in the array of the gradient until that is written
    bint writes_derivatives
    bint sums_value
    bint sums_gradient
    bint folds  # the kernel may add up its values itself
    bint divides  # the kernel divides the derivatives
    bint counts  # what rows count for in a mean is more than their weights
    bint adds  # the value of a unit is the sum of those of its numbers
    bint rounds  # the values of units are rounded to single precision
    bint for_boosting  # the derivatives are changed for boosting
    double gradient_factor
    double hessian_factor
    double floor
    double sign

cdef struct Job:
    Operand[MAX_OPERANDS] operand
    Axes items  # what blocks are cut of: numbers, or rows of numbers
    Axes row
    Axes units  # of parts and of groups; of sequences, those of the labels
    Call *call
    const Py_ssize_t *sequence  # for each the number of frames, then for each the place of the first label, then their number
    const Py_ssize_t *starts  # of groups
    const Py_ssize_t *first_group  # of each block
    const fl_passes *passes
    Py_ssize_t[MAX_OPERANDS][MAX_DIMS] unit_strides
    Py_ssize_t block  # items in a block
    Py_ssize_t tasks
    Py_ssize_t scratch  # bytes
    Py_ssize_t product  # where in the scratch memory the weighted numbers go
    Py_ssize_t kernel_scratch
    Py_ssize_t group_starts
    double divisor
    int precision
    int operands
    int inputs  # the first operands
    int weight  # -1: none
    int calls  # those of the terms of a sum are calls, too
    bint labels  # the first input holds class indices
    bint counting  # adds the weights up
    bint in_parts
    bint of_sums  # units are made of numbers that have a loss each
    int unit_axis  # of the arrays of frames
    bint streams  # writes past the caches
    bint weights_down  # weights are made smaller by 2^-64: their sum is too large for a double

# What a member of a team has found out of all calls, and of each.
cdef struct Tally:
    fl_sum weight  # where there are weights
    int flags

cdef struct CallTally:
    fl_sum total
    fl_sum counted  # where what rows count for is more than their weights
    double least
    int flags
    int unfolded  # blocks whose values are written before the kernel may add them up itself again, or NOT_YET
    int unfolded_last  # how many they were when they were last counted
    fl_block block  # what the kernel is given, with the buffers of this member

# The memory of a team: for each member a tally, one for each call, sums and outcomes of the statistics of each, and scratch memory.
cdef struct Team:
    Job *job
    char *memory
    Py_ssize_t bytes  # of a member
    Py_ssize_t unit  # the unit whose parts are computed
    int members
    char[SMALL_MEMORY] small


cdef inline char *member_of(const Team *team, int member) noexcept nogil:
    return aligned(team.memory) + member * team.bytes


cdef inline CallTally *call_tally(const Team *team, int member, int call) noexcept nogil:
    return <CallTally *> (member_of(team, member) + sizeof(Tally)) + call


cdef inline fl_sum *statistics_of(const Team *team, int member, int call) noexcept nogil:
    return <fl_sum *> (
        member_of(team, member) + sizeof(Tally) + team.job.calls * sizeof(CallTally)
    ) + call * FL_MAX_STATISTICS


cdef inline fl_outcome *outcomes_of(const Team *team, int member) noexcept nogil:
    return <fl_outcome *> (statistics_of(team, member, team.job.calls))


cdef inline char *scratch_of(const Team *team, int member) noexcept nogil:
    return member_of(team, member) + team.bytes - team.job.scratch


cdef void clear_tallies(const Team *team, int member) noexcept nogil:
    cdef CallTally *tally
    cdef int k
    (<Tally *> member_of(team, member)).flags = 0
    if team.job.weight >= 0:
        memset(&(<Tally *> member_of(team, member)).weight, 0, sizeof(fl_sum))
    for k in range(team.job.calls):
        tally = call_tally(team, member, k)
        memset(&tally.total, 0, sizeof(fl_sum))
        if team.job.call[k].counts:
            memset(&tally.counted, 0, sizeof(fl_sum))
        tally.total.scale = FIRST_SCALE
        tally.least = INFINITY
        tally.flags = 0
        tally.unfolded = NOT_YET
        tally.unfolded_last = 0
        if team.job.in_parts:
            memset(statistics_of(team, member, k), 0, FL_MAX_STATISTICS * sizeof(fl_sum))


cdef void set_block(const Job *job, const Call *call, char *scratch, fl_block *block) noexcept nogil:
    """What all blocks of a member have in common."""
    cdef int k
    block[0] = call.block
    block.scratch = scratch + job.kernel_scratch
    block.starts = <const Py_ssize_t *> (scratch + job.group_starts)
    if call.value_buffer >= 0:
        block.value = scratch + call.value_buffer
    if call.gradient_buffer >= 0:
        block.gradient[0] = scratch + call.gradient_buffer
    if call.counted_buffer >= 0:
        block.counted = <double *> (scratch + call.counted_buffer)
    if call.terms:
        return
    for k in range(FL_MAX_GRADIENTS):
        if call.term_gradient[k] >= 0:
            block.gradient[k] = scratch + call.term_gradient[k]
        if call.term_hessian[k] >= 0:
            block.hessian[k] = scratch + call.term_hessian[k]


cdef int hire(void *memory, int members) except -1:
    """Make the memory of a team; what member 0 has found stays."""
    cdef Team *team = <Team *> memory
    cdef Py_ssize_t tallies = sizeof(Tally) + team.job.calls * sizeof(CallTally), bytes
    cdef char *old = team.memory
    cdef int member, k
    if team.job.in_parts:
        tallies += team.job.calls * (FL_MAX_STATISTICS * sizeof(fl_sum) + sizeof(fl_outcome))
    if team.members >= members:
        return 0
    team.bytes = ((tallies + 63) & ~<Py_ssize_t> 63) + team.job.scratch
    bytes = members * team.bytes + 64
    team.memory = &team.small[0] if bytes <= SMALL_MEMORY else <char *> malloc(bytes)
    if team.memory == NULL:
        team.memory = old
        raise MemoryError(f"no memory for {bytes} bytes of buffers")
    for member in range(members):
        if member == 0 and old != NULL:
            memcpy(member_of(team, 0), aligned(old), tallies)
        else:
            clear_tallies(team, member)
        for k in range(team.job.calls):
            set_block(team.job, &team.job.call[k], scratch_of(team, member), &call_tally(team, member, k).block)
    free_memory(team, old)
    team.members = members
    return 0


cdef void free_memory(const Team *team, char *memory) noexcept:
    if memory != &team.small[0]:
        free(memory)


cdef void merge_members(Team *team) noexcept:
    """Add what the other members have found to what member 0 has."""
    cdef Tally *mine = <Tally *> member_of(team, 0)
    cdef Tally *theirs
    cdef CallTally *call
    cdef CallTally *other
    cdef int member, k, j
    for member in range(1, team.members):
        theirs = <Tally *> member_of(team, member)
        if team.job.weight >= 0:
            merge_sum(&mine.weight, &theirs.weight)
        mine.flags |= theirs.flags
        for k in range(team.job.calls):
            call, other = call_tally(team, 0, k), call_tally(team, member, k)
            merge_sum(&call.total, &other.total)
            if team.job.call[k].counts:
                merge_sum(&call.counted, &other.counted)
            call.flags |= other.flags
            if other.least < call.least:
                call.least = other.least
            if team.job.in_parts:
                for j in range(FL_MAX_STATISTICS):
                    merge_sum(&statistics_of(team, 0, k)[j], &statistics_of(team, member, k)[j])
        clear_tallies(team, member)


# ---- a block ---------------------------------------------------------------------------------------------------

cdef inline bint has_weights_of_units(const Job *job) noexcept nogil:
    return job.weight >= 0 and job.operand[job.weight].of_units


cdef inline bint has_weights_of_numbers(const Job *job) noexcept nogil:
    return job.weight >= 0 and not job.operand[job.weight].of_units


cdef inline const double *read_weights(const Job *job, const char *data, char *scratch, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
    cdef const Operand *operand = &job.operand[job.weight]
    cdef double *weights = <double *> read_block(
        operand, &job.units if operand.of_units else &job.items, &job.row, data, scratch, first, count
    )
    cdef Py_ssize_t i
    if job.weights_down:
        # they are in a buffer
        for i in range(count):
            weights[i] *= 2.0**-64
    return weights


cdef inline void finish(const Job *job, const Call *call, int place, bint is_hessian, void *numbers, Py_ssize_t n, CallTally *tally) noexcept nogil:
    """What boosting makes of the derivatives in the cache, and what it wants to know of them."""
    cdef double bound = BOUNDS[job.operand[place].type]
    if not is_hessian:
        if job.passes.finish_gradient(numbers, call.gradient_factor, bound, n):
            tally.flags |= IS_INFINITE
    elif job.passes.finish_hessian(numbers, call.hessian_factor, call.floor, call.sign, bound, &tally.least, n):
        tally.flags |= IS_INFINITE


cdef inline void write_derivative(
    const Job *job, const Call *call, int place, bint is_hessian, void *derivative, const double *weights, double divisor,
    const char *data, char *scratch, Py_ssize_t first, Py_ssize_t count, CallTally *tally
) noexcept nogil:
    """Weigh and divide the derivatives of numbers, which those of rows are already, and put them in their array."""
    cdef const Operand *operand = &job.operand[place]
    cdef Py_ssize_t n = count * operand.width
    cdef void *quotient = derivative
    cdef bint in_place = operand.direct and not operand.streamed
    if in_place:
        quotient = <char *> data + first * operand.step
    if weights != NULL:
        job.passes.weigh_and_divide(derivative, weights, divisor, quotient, n)
    elif divisor != 1.0 or quotient != derivative:
        job.passes.divide(derivative, divisor, quotient, n)
    if call.for_boosting:
        finish(job, call, place, is_hessian, quotient, n, tally)
    if not in_place:
        write_block(operand, &job.items, &job.row, data, derivative, False, scratch, first, count)


cdef inline const char *beginning(const Job *job, int place, const char **data) noexcept nogil:
    """Where an operand begins: itself, or, where ``data`` is given, what a unit has of it."""
    if data == NULL:
        return job.operand[place].data
    return data[place]


cdef inline void aim_derivatives(
    const Job *job, const Call *call, fl_block *block, const char **data, char *scratch, Py_ssize_t first
) noexcept nogil:
    """Let a kernel write the derivatives of the items from ``first`` on to where they go."""
    cdef int k
    for k in range(FL_MAX_GRADIENTS):
        if call.gradient[k] >= 0:
            block.gradient[k] = target(&job.operand[call.gradient[k]], beginning(job, call.gradient[k], data), scratch, first)
        if call.hessian[k] >= 0:
            block.hessian[k] = target(&job.operand[call.hessian[k]], beginning(job, call.hessian[k], data), scratch, first)


cdef inline void write_derivatives(
    const Job *job, const Call *call, const fl_block *block, const double *weights, double divisor, const char **data, char *scratch,
    Py_ssize_t first, Py_ssize_t count, CallTally *tally
) noexcept nogil:
    """Weigh and divide all derivatives that a kernel has written, and put them in their arrays."""
    cdef int k
    for k in range(FL_MAX_GRADIENTS):
        if call.gradient[k] >= 0:
            write_derivative(
                job, call, call.gradient[k], False, block.gradient[k], weights, divisor, beginning(job, call.gradient[k], data),
                scratch, first, count, tally
            )
    for k in range(FL_MAX_GRADIENTS):
        if call.hessian[k] >= 0:
            write_derivative(
                job, call, call.hessian[k], True, block.hessian[k], weights, divisor, beginning(job, call.hessian[k], data),
                scratch, first, count, tally
            )


cdef inline void map_block(
    const Job *job, const Call *call, const void **inputs, const double *weights, Py_ssize_t units, CallTally *tally
) noexcept nogil:
    """Let the kernel of a call map a block of whole units."""
    cdef fl_block *block = &tally.block
    cdef int k
    for k in range(job.inputs):
        block.input[k] = inputs[k]
    if job.labels:
        block.label = <const int64_t *> inputs[0]
        block.input[0] = NULL
    block.units = units
    block.weight = weights
    tally.flags |= call.map(block)


cdef inline void join_term(
    const Job *job, const Call *head, const Call *term, int place, const fl_block *from_, const fl_block *to, Py_ssize_t units, Py_ssize_t count
) noexcept nogil:
    """Add what a term has produced, times its factor, to what the terms before it come to; ``place`` says which one it is."""
    cdef double factor = head.factor if place == 1 else 1.0
    cdef int k
    if head.block.want & FL_VALUE:
        job.passes.accumulate(to.value, factor, from_.value, term.factor, units)
    for k in range(FL_MAX_GRADIENTS):
        if head.gradient[k] >= 0:
            job.passes.accumulate(to.gradient[k], factor, from_.gradient[k], term.factor, count * job.operand[head.gradient[k]].width)
        elif k == 0 and head.sums_gradient:
            job.passes.accumulate(to.gradient[0], factor, from_.gradient[0], term.factor, units)
        if head.hessian[k] >= 0:
            job.passes.accumulate(to.hessian[k], factor, from_.hessian[k], term.factor, count * job.operand[head.hessian[k]].width)


cdef inline void scale_term(const Job *job, const Call *head, const fl_block *block, Py_ssize_t units, Py_ssize_t count) noexcept nogil:
    """Multiply what the only term of a sum has produced by its factor."""
    cdef int k
    if head.block.want & FL_VALUE:
        job.passes.accumulate(block.value, head.factor, NULL, 0.0, units)
    for k in range(FL_MAX_GRADIENTS):
        if head.gradient[k] >= 0:
            job.passes.accumulate(block.gradient[k], head.factor, NULL, 0.0, count * job.operand[head.gradient[k]].width)
        elif k == 0 and head.sums_gradient:
            job.passes.accumulate(block.gradient[0], head.factor, NULL, 0.0, units)
        if head.hessian[k] >= 0:
            job.passes.accumulate(block.hessian[k], head.factor, NULL, 0.0, count * job.operand[head.hessian[k]].width)


cdef inline void map_terms(
    const Team *team, int member, int number, const void **inputs, const double *weights, Py_ssize_t units, Py_ssize_t count
) noexcept nogil:
    """Let the kernel of a call, or those of all terms of a sum, map a block, and leave what they come to in the block of the call."""
    cdef const Job *job = team.job
    cdef const Call *call = &job.call[number]
    cdef CallTally *tally = call_tally(team, member, number)
    cdef CallTally *term
    cdef int k
    map_block(job, call, inputs, weights, units, tally)
    for k in range(1, call.terms):
        term = call_tally(team, member, number + k)
        map_block(job, &job.call[number + k], inputs, weights, units, term)
        join_term(job, call, &job.call[number + k], k, &term.block, &tally.block, units, count)
    if call.terms == 1 and call.factor != 1.0:
        scale_term(job, call, &tally.block, units, count)


cdef inline bint fold_values(const Job *job, const Call *call, const void **inputs, Py_ssize_t units, CallTally *tally) noexcept nogil:
    """Let the kernel map a block and add up its values; False where they must be written, and then added.

    Numbers that are unlike those before, again and again, are not tried out for more and more blocks.
    """
    cdef fl_folds folds
    if tally.unfolded == NOT_YET:
        if units < FEW_VALUES:
            return False
        map_block(job, call, inputs, NULL, FIRST_VALUES, tally)
        job.passes.expect(&tally.total, tally.block.value, FIRST_VALUES)
        tally.unfolded = 0
    if tally.unfolded:
        tally.unfolded -= 1
        return False
    job.passes.begin_folds(&tally.total, &folds)
    tally.block.folds = &folds
    map_block(job, call, inputs, NULL, units, tally)
    tally.block.folds = NULL
    if not job.passes.add_folds(&tally.total, &folds):
        tally.unfolded_last = 0
        return True
    tally.unfolded = tally.unfolded_last
    tally.unfolded_last = min(2 * tally.unfolded_last + 1, MOST_UNFOLDED)
    return False


cdef void do_call(
    const Team *team, int member, int number, const void **inputs, const double *weights, Py_ssize_t first, Py_ssize_t count,
    Py_ssize_t unit, Py_ssize_t units
) noexcept nogil:
    """Map a block of whole units, add up the terms of a sum, and do with the results what the call wants."""
    cdef const Job *job = team.job
    cdef const Call *call = &job.call[number]
    cdef CallTally *tally = call_tally(team, member, number)
    cdef char *scratch = scratch_of(team, member)
    cdef fl_block *block = &tally.block
    cdef const fl_passes *passes = job.passes
    cdef const Axes *axes = &job.units if job.starts != NULL else &job.items
    cdef double *product = <double *> (scratch + job.product)
    cdef const void *summand
    cdef const double *own_weights = weights
    cdef double divisor = job.divisor
    cdef bint folded = False
    if call.map != NULL:
        if call.value >= 0:
            block.value = target(&job.operand[call.value], job.operand[call.value].data, scratch, unit)
        if call.writes_derivatives:
            aim_derivatives(job, call, block, NULL, scratch, first)
        folded = call.folds and fold_values(job, call, inputs, units, tally)
        if not folded:
            map_terms(team, member, number, inputs, weights, units, count)
    if call.counted_buffer >= 0:
        active.passes[1].sum(&tally.counted, block.counted, units)
    if not folded and (call.sums_value or call.sums_gradient or (weights != NULL and call.value >= 0)):
        summand = inputs[0] if call.map == NULL else block.gradient[0] if call.sums_gradient else block.value
        if weights != NULL:
            passes.weigh(summand, weights, product, units)
        if call.sums_value or call.sums_gradient:
            if weights != NULL:
                active.passes[1].sum(&tally.total, product, units)
            else:
                passes.sum(&tally.total, summand, units)
    if call.value >= 0:
        if weights != NULL:
            write_block(&job.operand[call.value], axes, &job.row, job.operand[call.value].data, product, True, scratch, unit, units)
        elif job.operand[call.value].buffer >= 0:
            write_block(&job.operand[call.value], axes, &job.row, job.operand[call.value].data, block.value, False, scratch, unit, units)
    if not call.writes_derivatives:
        return
    if call.kernel.plan != FL_ELEMENTS:
        # the kernel has weighed them
        own_weights = NULL
    if call.divides:
        divisor = 1.0
    write_derivatives(job, call, block, own_weights, divisor, NULL, scratch, first, count, tally)


cdef void do_rows(
    const Team *team, int member, int number, const void **inputs, const double *weights, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """Map the numbers of whole rows, and add up the losses of each row."""
    cdef const Job *job = team.job
    cdef const Call *call = &job.call[number]
    cdef CallTally *tally = call_tally(team, member, number)
    cdef char *scratch = scratch_of(team, member)
    cdef fl_block *block = &tally.block
    cdef double *sums = <double *> (scratch + call.sums_buffer)
    cdef Py_ssize_t width = job.row.size, itemsize = 4 if job.precision == 0 else 8, row
    cdef char *derivative
    cdef float single
    cdef int place, k
    aim_derivatives(job, call, block, NULL, scratch, first)
    if call.map != NULL:
        map_terms(team, member, number, inputs, NULL, count * width, count)
    if call.sums_value or call.value >= 0:
        job.passes.add_rows(inputs[0] if call.map == NULL else block.value, count, width, sums)
        for row in range(count):
            if call.rounds:
                single = <float> sums[row]
                sums[row] = single
        if weights != NULL:
            active.passes[1].weigh(sums, weights, sums, count)
        if call.sums_value:
            active.passes[1].sum(&tally.total, sums, count)
        if call.value >= 0:
            write_block(&job.operand[call.value], &job.items, &job.row, job.operand[call.value].data, sums, True, scratch, first, count)
    for k in range(2 * FL_MAX_GRADIENTS):
        place = call.gradient[k] if k < FL_MAX_GRADIENTS else call.hessian[k - FL_MAX_GRADIENTS]
        if place < 0 or weights == NULL:
            continue
        derivative = <char *> (block.gradient[k] if k < FL_MAX_GRADIENTS else block.hessian[k - FL_MAX_GRADIENTS])
        for row in range(count):
            if weights[row] > 0.0:
                job.passes.divide(
                    derivative + row * width * itemsize, job.divisor / weights[row], derivative + row * width * itemsize, width
                )
            else:
                memset(derivative + row * width * itemsize, 0, width * itemsize)
    write_derivatives(
        job, call, block, NULL, job.divisor if weights == NULL else 1.0, NULL, scratch, first, count, tally
    )


cdef inline void read_sequence(
    const Team *team, int member, Py_ssize_t unit, char *scratch, const void **inputs
) noexcept nogil:
    """The frames and labels of a sequence, and nothing of what is behind them."""
    cdef const Job *job = team.job
    cdef const Operand *operand = &job.operand[0]
    cdef const Py_ssize_t *numbers = job.sequence + unit
    cdef Py_ssize_t n = job.items.size, frames = numbers[0], first = numbers[n], labels = numbers[2 * n]
    cdef Operand part
    cdef Axes row
    cdef fl_block *block
    cdef int k, head = 0
    inputs[0] = operand.data + unit * operand.step
    if not operand.direct:
        part, row = operand[0], job.row
        row.shape[0] = frames
        part.width = row.size = frames * row.shape[1]
        inputs[0] = scratch + operand.buffer
        if part.width:
            convert_block(&part, &job.items, &row, operand.data, scratch, unit, 1)
    inputs[1] = NULL
    if labels:
        inputs[1] = read_block(&job.operand[1], &job.units, &job.row, job.operand[1].data, scratch, first, labels)
    for k in range(job.calls):
        block = &call_tally(team, member, k).block
        block.frames, block.labels, block.all_frames = frames, labels, job.row.shape[0]
        block.label = <const int64_t *> inputs[1]
        block.step = operand.frame_step
        if job.call[k].terms:
            head = k
        if job.call[head].gradient[0] >= 0:
            block.gradient_step = job.operand[job.call[head].gradient[0]].frame_step


cdef void do_blocks(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """Blocks of whole units: all calls do one block, then the next."""
    cdef const Team *team = <const Team *> memory
    cdef const Job *job = team.job
    cdef Tally *tally = <Tally *> member_of(team, member)
    cdef char *scratch = scratch_of(team, member)
    cdef const void *inputs[FL_MAX_INPUTS]
    cdef const double *weights = NULL
    cdef const double *number_weights = NULL
    cdef Py_ssize_t *starts
    cdef Py_ssize_t first, count, unit, units, i
    cdef int k
    while task < last:
        if job.starts != NULL:
            unit = job.first_group[task]
            units = job.first_group[task + 1] - unit
            first = job.starts[unit]
            count = job.starts[unit + units] - first
            starts = <Py_ssize_t *> (scratch + job.group_starts)
            for i in range(units + 1):
                starts[i] = job.starts[unit + i] - first
        else:
            first = unit = task * job.block
            count = units = job.block if first + job.block <= job.items.size else job.items.size - first
        if job.sequence != NULL:
            read_sequence(team, member, unit, scratch, inputs)
        else:
            for k in range(job.inputs):
                inputs[k] = read_block(&job.operand[k], &job.items, &job.row, job.operand[k].data, scratch, first, count)
        if job.weight >= 0:
            if job.starts != NULL and has_weights_of_numbers(job):
                number_weights = read_weights(job, job.operand[job.weight].data, scratch, first, count)
                if active.bad_weights(number_weights, count):
                    tally.flags |= IS_BAD_WEIGHT
            else:
                weights = read_weights(job, job.operand[job.weight].data, scratch, unit, units)
                if active.bad_weights(weights, units):
                    tally.flags |= IS_BAD_WEIGHT
                if job.counting:
                    active.passes[1].sum(&tally.weight, weights, units)
        for k in range(job.calls):
            call_tally(team, member, k).block.number_weight = number_weights
        for k in range(job.calls):
            if not job.call[k].terms:
                continue
            if job.of_sums:
                do_rows(team, member, k, inputs, weights, first, count)
            else:
                do_call(team, member, k, inputs, weights, first, count, unit, units)
        task += 1
    if job.streams:
        fl_store_fence()


cdef bint too_large(const fl_sum *sum) noexcept nogil:
    """Whether a sum of finite numbers is no finite double."""
    cdef double rounded = round_sum(sum)
    return rounded - rounded != 0.0 and is_finite(sum)


# ---- parts of units --------------------------------------------------------------------------------------------

cdef inline void find_unit(const Job *job, Py_ssize_t unit, const char **data) noexcept nogil:
    """Where the operands of a unit begin."""
    cdef Py_ssize_t rest = unit
    cdef Py_ssize_t index
    cdef int axis, k
    for k in range(job.operands):
        data[k] = job.operand[k].data
    for axis in range(job.units.ndim - 1, -1, -1):
        index = rest % job.units.shape[axis]
        rest //= job.units.shape[axis]
        for k in range(job.operands):
            data[k] += index * job.unit_strides[k][axis]


cdef inline void *place_of_prepared(const Job *job, const Call *call, const char **data, char *scratch, Py_ssize_t first) noexcept nogil:
    if call.keeps_prepared:
        return <char *> data[call.gradient[0]] + first * job.operand[call.gradient[0]].itemsize
    return scratch + call.prepared_buffer


cdef inline const void *prepare(
    const Job *job, const Call *call, const fl_block *part, const char **data, char *scratch, Py_ssize_t first
) noexcept nogil:
    """What the parts of a call take in place of their last input."""
    cdef void *prepared = place_of_prepared(job, call, data, scratch, first)
    call.prepare(part.input[job.inputs - 1], prepared, part.units)
    return prepared


cdef void add_up_numbers(
    const Team *team, int member, int number, const char **data, const void **inputs, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """Add the losses of the numbers of a block to the sum of their unit, and write their derivatives."""
    cdef const Job *job = team.job
    cdef const Call *call = &job.call[number]
    cdef CallTally *of_call = call_tally(team, member, number)
    cdef fl_block *part = &of_call.block
    cdef char *scratch = scratch_of(team, member)
    cdef double weight = unit_weight(team, member, data)
    cdef double divisor = job.divisor / weight if weight > 0.0 else INFINITY
    cdef Py_ssize_t itemsize = 4 if job.precision == 0 else 8
    cdef int k
    aim_derivatives(job, call, part, data, scratch, first)
    if call.map != NULL:
        map_terms(team, member, number, inputs, NULL, count, count)
    if part.want & FL_VALUE:
        job.passes.sum(statistics_of(team, member, number), inputs[0] if call.map == NULL else part.value, count)
    for k in range(FL_MAX_GRADIENTS):
        if weight == 0.0 and call.gradient[k] >= 0:
            memset(part.gradient[k], 0, count * itemsize)
        if weight == 0.0 and call.hessian[k] >= 0:
            memset(part.hessian[k], 0, count * itemsize)
    write_derivatives(job, call, part, NULL, divisor, data, scratch, first, count, of_call)


cdef void add_up_part(const Team *team, int member, const char **data, Py_ssize_t block) noexcept nogil:
    """Add the statistics of a block of a unit, and its weights, to the sums of a member; sum what calls of numbers want summed."""
    cdef const Job *job = team.job
    cdef Tally *tally = <Tally *> member_of(team, member)
    cdef char *scratch = scratch_of(team, member)
    cdef double *product = <double *> (scratch + job.product)
    cdef Py_ssize_t first = block * job.block
    cdef Py_ssize_t count = job.block if first + job.block <= job.items.size else job.items.size - first
    cdef const void *inputs[FL_MAX_INPUTS]
    cdef const double *weights = NULL
    cdef const Call *call
    cdef CallTally *of_call
    cdef fl_sum *sums
    cdef fl_block *part
    cdef int flags
    cdef int c, k, statistics
    for k in range(job.inputs):
        inputs[k] = read_block(&job.operand[k], &job.items, &job.row, data[k], scratch, first, count)
    if has_weights_of_numbers(job):
        weights = read_weights(job, data[job.weight], scratch, first, count)
        if active.bad_weights(weights, count):
            tally.flags |= IS_BAD_WEIGHT
        active.passes[1].sum(&tally.weight, weights, count)
    for c in range(job.calls):
        call = &job.call[c]
        of_call = call_tally(team, member, c)
        if call.adds:
            if call.terms:
                add_up_numbers(team, member, c, data, inputs, first, count)
            continue
        if call.part == NULL:
            if call.terms:
                do_call(team, member, c, inputs, weights, first, count, first, count)
            continue
        part = &of_call.block
        part.units = count
        part.outcome = NULL
        for k in range(job.inputs):
            part.input[k] = inputs[k]
        if call.prepare != NULL:
            part.input[job.inputs - 1] = prepare(job, call, part, data, scratch, first)
        statistics = call.kernel.statistics.usual
        for k in range(call.kernel.statistics.count):
            part.statistic[k] = scratch + call.statistic_buffer[k] if k < statistics else NULL
        flags = call.part(part)
        if flags & FL_UNUSUAL:
            statistics = call.kernel.statistics.count
            for k in range(statistics):
                part.statistic[k] = scratch + call.statistic_buffer[k]
            call.part(part)
        of_call.flags |= flags & ~FL_UNUSUAL
        sums = statistics_of(team, member, c)
        for k in range(statistics):
            if weights == NULL:
                job.passes.sum(&sums[k], part.statistic[k], count)
            else:
                job.passes.weigh(part.statistic[k], weights, product, count)
                active.passes[1].sum(&sums[k], product, count)


cdef void find_outcome(const Job *job, const Call *call, const fl_sum *sums, const fl_sum *weight, fl_outcome *outcome) noexcept nogil:
    """What the statistics of a unit amount to."""
    cdef double[FL_MAX_STATISTICS] rounded
    cdef int k
    if call.adds:
        outcome.value = round_sum(sums)
        return
    for k in range(call.kernel.statistics.count):
        rounded[k] = round_sum(&sums[k])
    call.kernel.statistics.outcome(
        rounded,
        <double> job.items.size if not has_weights_of_numbers(job) else round_sum(weight),
        job.precision,
        call.block.parameters,
        outcome,
    )


cdef double value_of(const Call *call, const fl_outcome *outcomes) noexcept nogil:
    """The value of a unit: what its statistics amount to, rounded to the precision of losses, or the sum of that of all terms."""
    cdef double value = outcomes[0].value, other
    cdef float single = <float> value, single_other
    cdef int k
    if call.adds:
        # the terms of each number have been added up
        return single if call.rounds else value
    if call.terms == 1 and call.factor != 1.0:
        active.passes[0].accumulate(&single, call.factor, NULL, 0.0, 1)
        active.passes[1].accumulate(&value, call.factor, NULL, 0.0, 1)
    for k in range(1, call.terms):
        other = outcomes[k].value
        single_other = <float> other
        active.passes[0].accumulate(&single, call.factor if k == 1 else 1.0, &single_other, call[k].factor, 1)
        active.passes[1].accumulate(&value, call.factor if k == 1 else 1.0, &other, call[k].factor, 1)
    return single if call.rounds else value


cdef void put_value(const Job *job, const Call *call, double value, double weight, const char **data, char *scratch, CallTally *tally) noexcept nogil:
    """Add the value of a unit to the sum, and write it."""
    cdef const Operand *operand
    if weight != 1.0:
        value = weight * value if weight > 0.0 else 0.0
    if call.sums_value:
        active.passes[1].sum(&tally.total, &value, 1)
    if call.value >= 0:
        operand = &job.operand[call.value]
        write_block(operand, &ONE_ITEM, &job.row, data[call.value], &value, True, scratch, 0, 1)


cdef inline double divisor_of(const Job *job, const fl_outcome *outcome, double weight) noexcept nogil:
    """What the gradients of a unit, which weighs so much, are divided by."""
    cdef double divisor = outcome.divisor * job.divisor
    if weight != 1.0:
        divisor = divisor / weight if weight > 0.0 else INFINITY
    return divisor


cdef inline void compute_part(
    const Team *team, int member, int number, const void **inputs, const char **data, char *scratch, Py_ssize_t first, Py_ssize_t count,
    const fl_outcome *outcome, double weight
) noexcept nogil:
    """The gradients of a block of a unit, before they are divided."""
    cdef const Job *job = team.job
    cdef const Call *call = &job.call[number]
    cdef fl_block *part = &call_tally(team, member, number).block
    cdef int k
    part.units = count
    part.outcome = outcome
    for k in range(job.inputs):
        part.input[k] = inputs[k]
    if call.keeps_prepared:
        part.input[job.inputs - 1] = place_of_prepared(job, call, data, scratch, first)
    elif call.prepare != NULL:
        part.input[job.inputs - 1] = prepare(job, call, part, data, scratch, first)
    aim_derivatives(job, call, part, data, scratch, first)
    call.part(part)
    if weight == 0.0:
        for k in range(FL_MAX_GRADIENTS):
            if part.gradient[k] != NULL:
                memset(part.gradient[k], 0, count * (4 if job.precision == 0 else 8))


cdef inline void divide_part(const Job *job, const fl_block *part, const double *weights, double divisor) noexcept nogil:
    """Weigh and divide the gradients of a term, where they are."""
    cdef int k
    for k in range(FL_MAX_GRADIENTS):
        if part.gradient[k] == NULL:
            continue
        if weights != NULL:
            job.passes.weigh_and_divide(part.gradient[k], weights, divisor, part.gradient[k], part.units)
        else:
            job.passes.divide(part.gradient[k], divisor, part.gradient[k], part.units)


cdef void write_gradient(
    const Team *team, int member, const char **data, Py_ssize_t block, const fl_outcome *outcomes, double weight
) noexcept nogil:
    """Write the gradients of a block of a unit."""
    cdef const Job *job = team.job
    cdef char *scratch = scratch_of(team, member)
    cdef Py_ssize_t first = block * job.block
    cdef Py_ssize_t count = job.block if first + job.block <= job.items.size else job.items.size - first
    cdef const void *inputs[FL_MAX_INPUTS]
    cdef const double *weights = NULL
    cdef const double *own_weights
    cdef const Call *call
    cdef fl_block *part
    cdef double divisor
    cdef int c, k, t
    for k in range(job.inputs):
        inputs[k] = read_block(&job.operand[k], &job.items, &job.row, data[k], scratch, first, count)
    if has_weights_of_numbers(job):
        weights = read_weights(job, data[job.weight], scratch, first, count)
    for c in range(job.calls):
        call = &job.call[c]
        if not call.terms:
            continue
        part = &call_tally(team, member, c).block
        compute_part(team, member, c, inputs, data, scratch, first, count, &outcomes[c], weight)
        divisor, own_weights = divisor_of(job, &outcomes[c], weight), weights
        if call.terms > 1 or call.factor != 1.0:
            # terms are added up when they have been divided
            divide_part(job, part, weights, divisor)
            divisor, own_weights = 1.0, NULL
            for t in range(1, call.terms):
                compute_part(team, member, c + t, inputs, data, scratch, first, count, &outcomes[c + t], weight)
                divide_part(job, &call_tally(team, member, c + t).block, weights, divisor_of(job, &outcomes[c + t], weight))
                join_term(job, call, &job.call[c + t], t, &call_tally(team, member, c + t).block, part, 0, count)
            if call.terms == 1:
                scale_term(job, call, part, 0, count)
        write_derivatives(job, call, part, own_weights, divisor, data, scratch, first, count, call_tally(team, member, c))


cdef void do_parts(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """Statistics of the parts of one unit."""
    cdef const Team *team = <const Team *> memory
    cdef const char *data[MAX_OPERANDS]
    find_unit(team.job, team.unit, data)
    while task < last:
        add_up_part(team, member, data, task)
        task += 1
    fl_store_fence()


cdef void do_gradients(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    """Gradients of the parts of one unit."""
    cdef const Team *team = <const Team *> memory
    cdef const char *data[MAX_OPERANDS]
    find_unit(team.job, team.unit, data)
    while task < last:
        # what the unit amounts to has been found by the calling thread
        write_gradient(team, member, data, task, outcomes_of(team, 0), unit_weight(team, member, data))
        task += 1
    fl_store_fence()


cdef double unit_weight(const Team *team, int member, const char **data) noexcept nogil:
    """What a unit weighs, where units have weights."""
    cdef const Job *job = team.job
    cdef Tally *tally = <Tally *> member_of(team, member)
    cdef const Operand *operand
    cdef const double *weight
    if not has_weights_of_units(job):
        return 1.0
    operand = &job.operand[job.weight]
    weight = <const double *> read_block(operand, &ONE_ITEM, &job.row, data[job.weight], scratch_of(team, member), 0, 1)
    if active.bad_weights(weight, 1):
        tally.flags |= IS_BAD_WEIGHT
    return weight[0] * 2.0**-64 if job.weights_down else weight[0]


cdef void end_unit(const Team *team, int member, const char **data) noexcept nogil:
    """Make of the sums of a unit what its calls want, and clear them."""
    cdef const Job *job = team.job
    cdef Tally *tally = <Tally *> member_of(team, member)
    cdef fl_outcome *outcomes = outcomes_of(team, member)
    cdef double weight = unit_weight(team, member, data), value
    cdef int c
    if has_weights_of_numbers(job) and too_large(&tally.weight):
        tally.flags |= IS_HEAVY
    if job.units.ndim == 0 and (job.items.size == 0 or (has_weights_of_numbers(job) and round_sum(&tally.weight) == 0.0)):
        tally.flags |= IS_NO_WEIGHT
    if job.counting and has_weights_of_units(job):
        active.passes[1].sum(&tally.weight, &weight, 1)
    for c in range(job.calls):
        find_outcome(job, &job.call[c], statistics_of(team, member, c), &tally.weight, &outcomes[c])
        memset(statistics_of(team, member, c), 0, FL_MAX_STATISTICS * sizeof(fl_sum))
    for c in range(job.calls):
        if job.call[c].terms:
            value = value_of(&job.call[c], &outcomes[c])
            put_value(job, &job.call[c], value, weight, data, scratch_of(team, member), call_tally(team, member, c))
    if not has_weights_of_units(job):
        memset(&tally.weight, 0, sizeof(fl_sum))


cdef bint wants_gradients(const Job *job) noexcept nogil:
    cdef int c
    for c in range(job.calls):
        if not job.call[c].adds and job.call[c].block.want & FL_GRADIENT:
            return True
    return False


cdef void do_units(void *memory, int member, Py_ssize_t unit, Py_ssize_t last) noexcept nogil:
    """Units from the first to the last of their parts."""
    cdef const Team *team = <const Team *> memory
    cdef const Job *job = team.job
    cdef const char *data[MAX_OPERANDS]
    cdef Py_ssize_t block
    cdef double weight
    while unit < last:
        find_unit(job, unit, data)
        for block in range(job.tasks):
            add_up_part(team, member, data, block)
        end_unit(team, member, data)
        if wants_gradients(job):
            weight = unit_weight(team, member, data)
            for block in range(job.tasks):
                write_gradient(team, member, data, block, outcomes_of(team, member), weight)
        unit += 1
    fl_store_fence()


# ---- setting up ------------------------------------------------------------------------------------------------

cdef struct Run:
    Job job
    Team team
    Call first_call


cdef int add_operand(Run *run, tuple item, int kind, bint output, bint of_units, bint of_rows) except -1:
    """Make the array and type code ``item`` an operand, over the units alone or over all numbers; returns its place."""
    cdef Job *job = &run.job
    cdef int place = job.operands
    cdef Operand *operand = &job.operand[place]
    cdef ndarray array = item[0]
    cdef int row_axis
    if place == MAX_OPERANDS:
        raise AssertionError("there is no room for another operand")
    describe(operand, array, item[1], kind, output)
    job.operands += 1
    operand.of_units = of_units and (job.in_parts or job.starts != NULL)
    if job.sequence != NULL:
        operand.of_units, operand.of_frames = kind == LABELS, of_rows
    if operand.of_frames:
        set_strides(operand.strides, &job.items, array, job.unit_axis)
        set_strides(operand.row_strides, &job.row, array, 0, job.unit_axis if job.items.ndim else MAX_DIMS)
        operand.width = job.row.size
    elif job.in_parts:
        set_strides(job.unit_strides[place], &job.units, array, 0)
        if not of_units:
            set_strides(operand.strides, &job.items, array, job.units.ndim)
    else:
        # of groups of rows, the axis of the rows comes before those of the group
        row_axis = job.items.ndim if job.starts == NULL else job.units.ndim
        if of_rows:
            set_strides(operand.strides, &job.items, array, 0, row_axis)
            set_strides(operand.row_strides, &job.row, array, row_axis)
            operand.width = job.row.size
        else:
            set_strides(operand.strides, &job.units if operand.of_units else &job.items, array, 0)
    return place


cdef bint may_come_in_parts(tuple kernels) except -1:
    """Whether the units are masks or whole arrays."""
    cdef Kernel kernel
    for kernel in kernels:
        if kernel is not None and strstr(kernel.found().signature, "...") != NULL:
            return True
    return False


cdef int begin(Run *run, tuple kernels, Inputs inputs, weights) except -1:
    """Set up what does not depend on the outputs: plan, axes, inputs, weights, calls. `end` must follow."""
    cdef Job *job = &run.job
    cdef Kernel kernel = kernels[0]
    cdef Kernel term
    cdef int plan = FL_ELEMENTS if kernel is None else kernel.found().plan
    cdef int units_ndim = <int> len(inputs.shape), ndim = units_ndim + inputs.core
    cdef Py_ssize_t scratch = 0, row_scratch
    cdef tuple shape, item
    cdef ndarray array
    cdef bint full, labels, of_rows, of_units
    cdef int k
    job.operands = 0
    job.call = NULL
    job.starts = NULL
    job.sequence = NULL
    run.team.memory = NULL
    job.inputs = <int> len(inputs.operands)
    job.precision = 0 if inputs.single else 1
    job.passes = active.passes[job.precision]
    job.labels = inputs.labels
    job.counting = job.weights_down = job.in_parts = False
    job.of_sums = plan == FL_ELEMENTS and inputs.core > 0
    job.divisor = 1.0
    job.row.ndim = job.units.ndim = 0
    job.row.size = job.units.size = 1
    # labels may have the axes of the units alone
    shape = inputs.shape
    if plan != FL_ELEMENTS or job.of_sums:
        for item in inputs.operands:
            array = item[0]
            if PyArray_NDIM(array) >= len(shape):
                shape = (<object> array).shape
    if plan == FL_GROUPS:
        set_axes(&job.items, inputs.operands[0][0].shape, 0, inputs.operands[0][0].ndim)
        set_axes(&job.units, inputs.shape, 0, units_ndim)
        set_groups(job, inputs.starts.tobytes())
        active.layout(plan, job.block, &scratch)
        if len(shape) > job.items.ndim:
            set_axes(&job.row, shape, units_ndim, units_ndim + 1)
            active.layout(FL_ROWS, job.row.size, &row_scratch)
            scratch += row_scratch + job.block * job.row.size
    elif plan == FL_SEQUENCES:
        shape = inputs.operands[0][0].shape
        job.unit_axis = inputs.unit_axis
        set_axes(&job.items, inputs.shape, 0, units_ndim)
        set_axes(&job.row, shape[: job.unit_axis] + shape[job.unit_axis + 1 :] if units_ndim else shape, 0, 2)
        set_axes(&job.units, inputs.operands[1][0].shape, 0, inputs.operands[1][0].ndim)
        set_sequences(job, inputs.sequences.tobytes())
        job.block = 1
    elif plan == FL_ELEMENTS and not job.of_sums:
        set_axes(&job.items, shape, 0, ndim)
        job.block = FL_BLOCK
    else:
        set_axes(&job.row, shape, units_ndim, ndim)
        # of what is all there is, the parts may come one by one; a vector is always whole
        job.in_parts = plan == FL_STATISTICS and may_come_in_parts(kernels) and (
            units_ndim == 0 or job.row.size > LONGEST_ROW or (weights is not None and weights[0].ndim == ndim)
        )
        if job.of_sums:
            job.block = FL_BLOCK if inputs.single else FL_BLOCK // 2
            job.in_parts = job.row.size > job.block
        if job.in_parts:
            job.items = job.row
            job.row.ndim = 0
            job.row.size = 1
            set_axes(&job.units, shape, 0, units_ndim)
            job.block = FL_BLOCK if inputs.single else FL_BLOCK // 2
        elif job.of_sums:
            set_axes(&job.items, shape, 0, units_ndim)
            job.block //= max(job.row.size, 1)
        else:
            set_axes(&job.items, shape, 0, units_ndim)
            job.block = active.layout(plan, job.row.size, &scratch)
    job.kernel_scratch = scratch
    of_rows = job.row.ndim > 0
    for k in range(job.inputs):
        item = inputs.operands[k]
        array = item[0]
        full = PyArray_NDIM(array) == len(shape)
        labels = k == 1 if plan == FL_SEQUENCES else k == 0 and inputs.labels
        add_operand(run, item, LABELS if labels else job.precision, False, False, of_rows and full)
    job.weight = -1
    if weights is not None:
        of_units = (plan != FL_ELEMENTS or job.of_sums) and weights[0].ndim == units_ndim
        job.weight = add_operand(run, weights, NUMBERS_F64, False, of_units, False)
    job.calls = 0
    for kernel in kernels:
        job.calls += 1 if kernel is None or not kernel.terms else <int> len(kernel.terms)
    job.call = &run.first_call
    if job.calls > 1:
        job.call = <Call *> malloc(job.calls * sizeof(Call))
        if job.call == NULL:
            raise MemoryError(f"no memory for {job.calls} calls at once")
    k = 0
    for kernel in kernels:
        if kernel is None or not kernel.terms:
            set_call(job, &job.call[k], kernel)
            k += 1
            continue
        for term in kernel.terms:
            set_call(job, &job.call[k], term)
            job.call[k].terms = 0
            k += 1
        job.call[k - len(kernel.terms)].terms = <int> len(kernel.terms)
    return 0


cdef int place_of_call(const Job *job, int number) noexcept:
    """Which call is that of a kernel, or of the first term of a sum."""
    cdef int place = 0
    while number:
        place += job.call[place].terms
        number -= 1
    return place


cdef void end(Run *run) noexcept:
    free(<void *> run.job.starts)
    free(<void *> run.job.sequence)
    free_memory(&run.team, run.team.memory)
    if run.job.call != &run.first_call:
        free(run.job.call)


cdef int set_groups(Job *job, bytes starts) except -1:
    """Cut groups into blocks; ``job.block`` becomes the length of the longest block."""
    cdef const int64_t *numbers = <const int64_t *> PyBytes_AsString(starts)
    cdef Py_ssize_t groups = len(starts) // sizeof(int64_t) - 1, group, first = 0, blocks = 0
    cdef Py_ssize_t *places = <Py_ssize_t *> malloc((2 * groups + 3) * sizeof(Py_ssize_t))
    cdef Py_ssize_t *first_group = places + groups + 1
    if places == NULL:
        raise MemoryError(f"no memory for the places of {groups} groups")
    job.starts = places
    job.first_group = first_group
    for group in range(groups + 1):
        places[group] = numbers[group]
    # _arrays.py has checked them; this keeps a mistake there from reading foreign memory
    if places[0] != 0 or places[groups] != job.items.size or groups != job.units.size:
        raise AssertionError("the groups do not fit the inputs")
    job.block = 0
    first_group[0] = 0
    for group in range(1, groups + 1):
        # a block ends where the next group would make it too long
        if group == groups or places[group + 1] - places[first] > FL_BLOCK or group - first == FL_BLOCK:
            if places[group] - places[first] > job.block:
                job.block = places[group] - places[first]
            blocks += 1
            first_group[blocks] = first = group
    job.tasks = blocks
    return 0


cdef int set_sequences(Job *job, bytes numbers) except -1:
    """Take the lengths of sequences, and where their labels begin."""
    cdef const int64_t *source = <const int64_t *> PyBytes_AsString(numbers)
    cdef Py_ssize_t n = job.items.size, i
    cdef Py_ssize_t *places = <Py_ssize_t *> malloc((3 * n + 1) * sizeof(Py_ssize_t))
    if places == NULL:
        raise MemoryError(f"no memory for the lengths of {n} sequences")
    job.sequence = places
    # _arrays.py has checked them; this keeps a mistake there from reading foreign memory
    if <Py_ssize_t> len(numbers) != 3 * n * <Py_ssize_t> sizeof(int64_t):
        raise AssertionError("the lengths do not fit the sequences")
    for i in range(3 * n):
        places[i] = source[i]
    for i in range(n):
        if not (0 <= places[i] <= job.row.shape[0] and 0 <= places[n + i] <= job.units.size - places[2 * n + i] <= job.units.size):
            raise AssertionError("a sequence is longer than its array")
    return 0


cdef Py_ssize_t room_of_sequences(const Job *job) noexcept nogil:
    """The scratch memory that the longest sequence needs."""
    cdef Py_ssize_t n = job.items.size, most = 0, needed, i
    cdef int k
    for k in range(job.calls):
        for i in range(n):
            needed = active.sequence_room(
                job.sequence[i], job.sequence[2 * n + i], job.row.shape[1], job.call[k].block.want
            )
            if needed > most:
                most = needed
    return most


cdef Py_ssize_t longest_target(const Job *job) noexcept nogil:
    cdef Py_ssize_t n = job.items.size, most = 1, i
    for i in range(2 * n, 3 * n):
        if job.sequence[i] > most:
            most = job.sequence[i]
    return most


cdef double worth_of_sequences(const Job *job) noexcept nogil:
    """About how many nanoseconds sequences take."""
    cdef Py_ssize_t n = job.items.size, i
    cdef double worth = 0.0
    for i in range(n):
        worth += <double> job.sequence[i] * <double> (job.row.shape[1] + 4 * job.sequence[2 * n + i] + 50)
    return worth * job.calls


cdef int set_call(Job *job, Call *call, Kernel kernel) except -1:
    """Set up what a call does not share with the others."""
    cdef int k
    memset(&call.block, 0, sizeof(fl_block))
    call.kernel = NULL
    call.terms = 1
    call.factor = 1.0
    call.map = call.part = NULL
    call.value = -1
    call.value_buffer = call.gradient_buffer = call.counted_buffer = -1
    for k in range(FL_MAX_GRADIENTS):
        call.gradient[k] = call.hessian[k] = -1
    call.prepare = NULL
    call.adds = job.of_sums
    call.writes_derivatives = call.sums_value = call.sums_gradient = call.folds = call.counts = call.for_boosting = call.keeps_prepared = False
    # frames are rows of a sequence's own
    call.block.width = job.row.size if job.sequence == NULL else job.row.shape[1]
    call.block.divisor = 1.0
    call.rounds = call.adds and job.precision == 0
    if kernel is None:
        return 0
    call.kernel = kernel.found()
    call.factor = kernel.factor
    call.block.parameters = kernel.parameters
    call.block.classes = kernel.classes()
    if type(kernel) is OwnKernel:
        # asked for like this, it costs the calls of all other kernels nothing
        call.block.own = (<OwnKernel> kernel).functions_for(job.precision)
    if job.in_parts and call.kernel.plan == FL_STATISTICS:
        call.part = call.kernel.statistics.part[job.precision]
        call.prepare = call.kernel.statistics.prepare[job.precision]
        # what is always that of all there is, is a result itself
        call.rounds = job.precision == 0 and strstr(call.kernel.signature, "(...)") == NULL
    else:
        call.map = call.kernel.map[job.precision]
    return 0


cdef int add_output(Run *run, Output output) except -1:
    """Set up where an output goes."""
    cdef Job *job = &run.job
    cdef Call *call = &job.call[place_of_call(job, output.call)]
    cdef bint of_rows = job.row.ndim > 0
    cdef int place, k
    if output.what == FOR_WEIGHT or output.what == FOR_STATISTICS:
        return 0
    for k in range(call.terms):
        call[k].block.want |= output.what
    if not isinstance(output.to, tuple):
        call.sums_value = call.sums_value or output.what == FL_VALUE
        call.sums_gradient = call.sums_gradient or output.what == FL_GRADIENT
        return 0
    place = add_operand(run, output.to, job.precision, True, output.what == FL_VALUE, of_rows and output.what != FL_VALUE)
    call.writes_derivatives = call.writes_derivatives or output.what != FL_VALUE
    if output.what == FL_VALUE:
        call.value = place
    elif output.what == FL_GRADIENT:
        call.gradient[output.by] = place
    else:
        call.hessian[output.by] = place
    if output.finish is not None:
        call.for_boosting = True
        call.gradient_factor, call.hessian_factor = output.finish.gradient_factor, output.finish.hessian_factor
        call.floor, call.sign = output.finish.floor, output.finish.sign
    return 0


cdef void lay_out_all(Run *run, bint overwrites) noexcept:
    """Simplify the axes, and give everything its place in the scratch memory."""
    cdef Job *job = &run.job
    cdef Operand *operands[MAX_OPERANDS]
    cdef Operand *rows[MAX_OPERANDS]
    cdef Operand *operand
    cdef Call *call
    cdef Call *head = job.call
    cdef const Axes *axes
    cdef Py_ssize_t scratch = 0, longest, kernel_scratch = job.kernel_scratch
    cdef bint divided = job.weight >= 0 or job.divisor != 1.0 or job.in_parts
    cdef bint copied, of_terms = False
    cdef int n = 0, n_rows = 0, k, c
    job.streams = False
    for c in range(job.calls):
        call = &job.call[c]
        of_terms = of_terms or not is_alone(call)
        call.folds = may_fold(job, call) and not overwrites
        call.divides = divides_itself(job, call)
        call.block.divisor = job.divisor if call.divides else 1.0
    # inputs last: the order of the last one in memory is followed
    for k in range(job.inputs, job.inputs + job.operands):
        operand = &job.operand[k % job.operands]
        if not operand.of_units:
            operands[n] = operand
            n += 1
        if operand.width > 1:
            rows[n_rows] = operand
            n_rows += 1
    if job.sequence != NULL:
        kernel_scratch = room_of_sequences(job)
    elif job.row.ndim:
        merge_in_order(&job.row, rows, n_rows, True)
    if job.starts != NULL:
        # a group is a run of items
        merge_in_order(&job.items, operands, n, False)
        if job.units.ndim == 0:
            job.units.ndim = 1
            job.units.shape[0] = 1
    else:
        simplify(&job.items, operands, n, &job.row)
    longest = job.block if job.block < job.items.size else job.items.size
    if job.starts != NULL and longest < FL_BLOCK:
        longest = FL_BLOCK
    for k in range(job.operands):
        operand = &job.operand[k]
        axes = &job.items if not operand.of_units else &ONE_ITEM if job.in_parts else &job.units
        # Weights must stay when outputs are written over them. A derivative that is divided afterwards reaches its array with that pass:
        # memory is written once.
        copied = (overwrites or job.weights_down) if k == job.weight else operand.output and divided and is_divided(job, k)
        # terms of a sum read the inputs after the first one has written, and gradients of frames are added up side by side
        copied = copied or (operand.output and of_terms and (overwrites or operand.of_frames))
        if operand.of_frames:
            scratch = lay_out_frames(operand, &job.row, scratch, copied)
            continue
        if job.sequence != NULL and operand.of_units:
            merge_in_order(&job.units, &operand, 1, False)
            scratch = lay_out(operand, &job.units, &job.row, longest_target(job), scratch, False)
            continue
        scratch = lay_out(operand, axes, &job.row, longest, scratch, copied)
        job.streams = job.streams or operand.streamed
    if scratch == 0 and job.calls == 1 and head.folds:
        # no block waits in the cache for its next step
        job.block = FOLDED_BLOCK
        longest = job.block if job.block < job.items.size else job.items.size
    job.product = scratch
    if job.weight >= 0:
        scratch += room(longest)
    for c in range(job.calls):
        call = &job.call[c]
        if call.terms:
            head = call
        else:
            scratch = lay_out_term(job, head, call, longest, scratch)
        if call.part != NULL:
            for k in range(call.kernel.statistics.count):
                call.statistic_buffer[k] = scratch
                scratch += room(longest)
            if call.prepare != NULL:
                call.prepared_buffer = scratch
                scratch += room(longest)
                call.keeps_prepared = (
                    call.terms == 1
                    and call.gradient[0] >= 0
                    and job.operand[call.gradient[0]].direct
                    and not job.operand[call.gradient[0]].streamed
                    and not overwrites
                )
        elif call.map != NULL and call.terms and call.block.want & FL_VALUE and (call.adds or call.value < 0):
            call.value_buffer = scratch
            scratch += room(longest * (job.row.size if call.adds else 1))
        if call.adds:
            call.sums_buffer = scratch
            scratch += room(longest)
        if call.sums_gradient:
            call.gradient_buffer = scratch
            scratch += room(longest)
        if call.counts:
            call.counted_buffer = scratch
            scratch += room(longest)
    job.group_starts = scratch
    if job.starts != NULL:
        scratch += room(FL_BLOCK + 1)
    job.kernel_scratch = scratch
    job.scratch = scratch + room(kernel_scratch)


cdef Py_ssize_t lay_out_term(const Job *job, const Call *head, Call *call, Py_ssize_t longest, Py_ssize_t scratch) noexcept nogil:
    """Give what a term of a sum produces its place in the scratch memory: there are outputs for the whole sum alone."""
    cdef int k
    for k in range(FL_MAX_GRADIENTS):
        call.term_gradient[k] = call.term_hessian[k] = -1
    if call.part == NULL and call.block.want & FL_VALUE:
        call.value_buffer = scratch
        scratch += room(longest * (job.row.size if call.adds else 1))
    for k in range(FL_MAX_GRADIENTS):
        if head.gradient[k] >= 0:
            call.term_gradient[k] = scratch
            scratch += room(longest * job.operand[head.gradient[k]].width)
        elif k == 0 and head.sums_gradient:
            call.gradient_buffer = scratch
            scratch += room(longest)
        if head.hessian[k] >= 0:
            call.term_hessian[k] = scratch
            scratch += room(longest * job.operand[head.hessian[k]].width)
    return scratch


cdef bint is_divided(const Job *job, int place) noexcept nogil:
    """Whether the numbers of this output are divided by the driver: derivatives by numbers."""
    cdef const Call *call
    cdef int c, k
    for c in range(job.calls):
        call = &job.call[c]
        for k in range(FL_MAX_GRADIENTS):
            if call.gradient[k] == place or call.hessian[k] == place:
                return call.part != NULL or not call.divides
    return False


cdef inline bint is_alone(const Call *call) noexcept nogil:
    """Whether what a kernel produces is the output itself: it is no term, and nothing multiplies it."""
    return call.terms == 1 and call.factor == 1.0


cdef bint divides_itself(const Job *job, const Call *call) noexcept nogil:
    """Whether the kernel of a call divides the derivatives of whole units: one of numbers does if that is by a number of its precision."""
    if call.kernel == NULL or call.kernel.plan != FL_ELEMENTS:
        return True
    return (
        call.block.want == FL_VALUE | FL_GRADIENT and not call.sums_gradient and is_alone(call) and job.weight < 0
        and not job.of_sums and (job.precision != 0 or <double> (<float> job.divisor) == job.divisor)
    )


cdef bint may_fold(const Job *job, const Call *call) noexcept nogil:
    """Whether the kernel of a call may add up its values while it computes them."""
    return (
        call.map != NULL and call.part == NULL and call.kernel.folds and is_alone(call) and call.sums_value and not call.adds
        and call.value < 0 and job.weight < 0 and call.block.want & FL_VALUE != 0 and call.block.want & FL_HESSIAN == 0
    )


# ---- doing it --------------------------------------------------------------------------------------------------

cdef bint at_once(const Job *job) noexcept nogil:
    """Whether sequences, of which one may be long, are shared out at once: before the first ones are done, and without a pause."""
    cdef double worth = worth_of_sequences(job)
    return job.tasks > 1 and worth > SHORT_SEQUENCES and (worth < LONG_SEQUENCES or job.tasks <= FEW_SEQUENCES)


cdef int perform(Run *run, bint sums_only) except -1:
    """Do all blocks; what was found is in the memory of member 0. ``sums_only``: the statistics of the only unit are left there."""
    cdef Job *job = &run.job
    cdef Team *team = &run.team
    cdef Py_ssize_t unit, members
    cdef const char *data[MAX_OPERANDS]
    team.job = job
    team.members = 0
    team.unit = 0
    if job.starts == NULL:
        job.tasks = (job.items.size + job.block - 1) // job.block
    if not job.in_parts:
        if job.sequence == NULL or not at_once(job):
            share_out(do_blocks, hire, team, job.tasks)
        else:
            members = min(<Py_ssize_t> thread_count(), job.tasks)
            hire(team, members)
            work_out(do_blocks, team, job.tasks, members)
        merge_members(team)
        return 0
    if sums_only:
        share_out(do_parts, hire, team, job.tasks)
        merge_members(team)
        return 0
    if job.units.size >= 2 * thread_count():
        share_out(do_units, hire, team, job.units.size)
        merge_members(team)
        return 0
    hire(team, 1)
    for unit in range(job.units.size):
        team.unit = unit
        share_out(do_parts, hire, team, job.tasks)
        merge_members(team)
        find_unit(job, unit, data)
        end_unit(team, 0, data)
        if wants_gradients(job):
            share_out(do_gradients, hire, team, job.tasks)
            merge_members(team)
    return 0


cdef void add_number(fl_sum *sum, double x) noexcept:
    active.passes[1].sum(sum, &x, 1)


cdef const fl_sum *weights_of(Run *run, int call) noexcept:
    """The sum of what all units count for in the mean of a call; NULL: each counts for 1."""
    cdef Job *job = &run.job
    if job.call[call].counts:
        return &call_tally(&run.team, 0, call).counted
    if job.weight >= 0 and not ((job.in_parts or job.starts != NULL) and has_weights_of_numbers(job)):
        return &(<Tally *> member_of(&run.team, 0)).weight
    return NULL


cdef double count_of(const Job *job) noexcept:
    """How many units there are."""
    return <double> (job.units.size if job.in_parts or job.starts != NULL else job.items.size)


cdef int sum_weights(Kernel kernel, Inputs inputs, weights, double *weight, bint *down) except -1:
    """Find out beforehand what all units count for in a mean, ``down``: times 2^-64; returns faults."""
    cdef Run run
    cdef bint by_class = kernel is not None and kernel.options is not None and kernel.options.weighs
    cdef const fl_sum *sum
    if not by_class and (weights is None or weights[0].ndim > len(inputs.shape)):
        weight[0] = 1.0
        for length in inputs.shape:
            weight[0] *= length
        return 0
    if not by_class:
        kernel, inputs, weights = None, Inputs((weights,), inputs.shape, False), None
    elif kernel.terms:
        # all of them count rows alike
        kernel = kernel.terms[0]
    try:
        begin(&run, (kernel,), inputs, weights)
        run.job.call.counts = by_class
        run.job.call.sums_value = not by_class
        lay_out_all(&run, False)
        perform(&run, False)
        sum = &call_tally(&run.team, 0, 0).counted if by_class else &call_tally(&run.team, 0, 0).total
        down[0] = too_large(sum)
        weight[0] = round_sum_down(sum) if down[0] else round_sum(sum)
        return call_tally(&run.team, 0, 0).flags | (<Tally *> member_of(&run.team, 0)).flags
    finally:
        end(&run)


cdef int export(Run *run, Output output, bint sums_only) except -1:
    """Add what was found to the exact sums of the caller."""
    cdef Sums sums = output.to
    cdef fl_sum *sum
    cdef int call = place_of_call(&run.job, output.call), place = output.place, term, k
    with cython.critical_section(sums):
        if output.what == FOR_STATISTICS:
            for term in range(call, call + run.job.call[call].terms):
                for k in range(run.job.call[term].kernel.statistics.count):
                    merge_sum(sums.at(place), &statistics_of(&run.team, 0, term)[k])
                    place += 1
            return 0
        sum = sums.at(place)
        if output.what != FOR_WEIGHT:
            merge_sum(sum, &call_tally(&run.team, 0, call).total)
        elif not sums_only:
            if weights_of(run, call) != NULL:
                merge_sum(sum, weights_of(run, call))
            else:
                add_number(sum, count_of(&run.job))
        elif has_weights_of_numbers(&run.job):
            merge_sum(sum, &(<Tally *> member_of(&run.team, 0)).weight)
        else:
            # what counts in a part of a unit are its numbers
            add_number(sum, <double> run.job.items.size)
    return 0


cdef Found attempt(tuple kernels, Inputs inputs, weights, tuple outputs, bint mean, bint overwrites, double weight, bint down):
    """Do what `execute` does, with what all units count for, if that is known (-1: it is not); ``down``: weights are made smaller."""
    cdef Run run
    cdef Job *job = &run.job
    cdef Found found = Found.__new__(Found)
    cdef Output output
    cdef Kernel kernel
    cdef const fl_sum *sum
    cdef fl_sum *total = NULL
    cdef double divisor
    cdef bint sums_only = False, counts = mean and weight < 0.0
    cdef int k, c, t, faults, own, returned = 0
    try:
        begin(&run, kernels, inputs, weights)
        for output in outputs:
            add_output(&run, output)
            sums_only = sums_only or output.what == FOR_STATISTICS
            counts = counts or output.what == FOR_WEIGHT
        for k in range(len(kernels)):
            kernel = kernels[k]
            c = place_of_call(job, k)
            job.call[c].counts = counts and kernel is not None and kernel.options is not None and kernel.options.weighs
        job.counting = counts and job.weight >= 0
        job.weights_down = down
        if weight > 0.0:
            job.divisor = weight
        lay_out_all(&run, overwrites)
        perform(&run, sums_only)
        found.least = call_tally(&run.team, 0, 0).least
        faults = (<Tally *> member_of(&run.team, 0)).flags
        found.heavy = faults & IS_HEAVY != 0
        faults &= ~IS_HEAVY
        c = 0
        for k in range(len(kernels)):
            own = faults
            for t in range(job.call[c].terms):
                own |= call_tally(&run.team, 0, c + t).flags
            c += job.call[c].terms
            if k == 0:
                found.fault = own
                if len(kernels) > 1:
                    found.by_call = []
            if len(kernels) > 1:
                found.by_call.append(own)
        for output in outputs:
            if isinstance(output.to, Sums):
                export(&run, output, sums_only)
            elif output.to is None and total == NULL:
                returned = place_of_call(job, output.call)
                total = &call_tally(&run.team, 0, returned).total
            elif output.to is None:
                merge_sum(total, &call_tally(&run.team, 0, place_of_call(job, output.call)).total)
        if total != NULL and not mean:
            found.value = round_sum(total)
        elif total != NULL:
            sum = weights_of(&run, returned)
            divisor = weight if weight > 0.0 else count_of(job) if sum == NULL else round_sum(sum)
            found.heavy = found.heavy or (divisor - divisor != 0.0 and is_finite(sum))
            if divisor == 0.0:
                found.fault |= IS_NO_WEIGHT
            else:
                found.value = divide_sum(total, divisor)
    finally:
        end(&run)
    return found


cpdef Found execute(tuple kernels, Inputs inputs, weights, tuple outputs, bint mean=False, bint overwrites=False):
    """Call kernels over the same inputs.

    Parameters
    ----------
    kernels : tuple of Kernel
        All of one plan; a kernel of whole arrays stands beside those of numbers where its statistics are all that is wanted. None in
        place of a kernel: the first input itself is summed.
    inputs : Inputs
        The inputs.
    weights : pair of array and type code, or None
        One for each unit, or, of statistics, for each number.
    outputs : tuple of Output
        What is wanted, and where it goes.
    mean : bool
        The sum that is returned is divided by what all units count for, and so are derivatives.
    overwrites : bool
        Whether the array of an output is that of an input.

    Returns
    -------
    Found
        With BAD_WEIGHT and NO_WEIGHT among the faults, outputs may not have been written.
    """
    cdef fl_environment saved = fl_environment_enter()
    try:
        if is_of_tiles(kernels):
            return execute_all_tiles(kernels, inputs, weights, outputs, mean, overwrites)
        return execute_here(kernels, inputs, weights, outputs, mean, overwrites)
    finally:
        fl_environment_leave(saved)


cdef Found execute_here(tuple kernels, Inputs inputs, weights, tuple outputs, bint mean, bint overwrites):
    """Do what `execute` does, rounding as everywhere."""
    cdef Found found
    cdef Output output
    cdef double weight = -1.0
    cdef bint down = False
    cdef int faults
    if mean:
        for output in outputs:
            if output.what != FL_VALUE and isinstance(output.to, tuple):
                faults = sum_weights(kernels[0], inputs, weights, &weight, &down)
                if not weight > 0.0 or faults & IS_BAD_WEIGHT:
                    found = Found.__new__(Found)
                    # weights that sum to zero may be negative ones and others
                    found.fault = faults | (IS_BAD_WEIGHT if weights is not None else 0) | (IS_NO_WEIGHT if weight == 0.0 else 0)
                    return found
                break
    found = attempt(kernels, inputs, weights, outputs, mean, overwrites, weight, down)
    if found.heavy and not down:
        # finite weights, whose sum is too large for a double
        found = attempt(kernels, inputs, weights, outputs, mean, overwrites, -1.0, True)
    return found


cdef bint is_of_tiles(tuple kernels) except -1:
    cdef Kernel kernel = kernels[0]
    return kernel is not None and kernel.found().plan == FL_TILES


cdef Found execute_all_tiles(tuple kernels, Inputs inputs, weights, tuple outputs, bint mean, bint overwrites):
    """Do what `execute` does for kernels of tiles, which have nothing in common: one call after the other."""
    cdef Found found = Found.__new__(Found)
    cdef list faults = []
    cdef int k
    for k in range(len(kernels)):
        value, fault = execute_tiles(kernels[k], inputs, weights, [output for output in outputs if output.call == k], mean, overwrites)
        faults.append(fault)
        if value is not None:
            found.value = value
    found.fault = faults[0]
    found.least = INFINITY
    if len(faults) > 1:
        found.by_call = faults
    return found


def outcome_of(Kernel kernel, bint single, Sums sums, Py_ssize_t place, double weight):
    """The value that exact sums of statistics amount to: those from ``place`` on, of numbers that weigh so much."""
    cdef const fl_kernel *found
    cdef double[FL_MAX_STATISTICS] rounded
    cdef fl_outcome *outcomes
    cdef Call *calls
    cdef Kernel term
    cdef list terms = list(kernel.terms) or [kernel]
    cdef double value
    cdef int t = 0, k
    outcomes = <fl_outcome *> malloc(len(terms) * (sizeof(fl_outcome) + sizeof(Call)))
    if outcomes == NULL:
        raise MemoryError(f"no memory for {len(terms)} outcomes")
    calls = <Call *> (outcomes + len(terms))
    try:
        for term in terms:
            found = term.found()
            for k in range(found.statistics.count):
                rounded[k] = sums.rounded(place)
                place += 1
            found.statistics.outcome(rounded, weight, 0 if single else 1, term.parameters, &outcomes[t])
            calls[t].factor, calls[t].adds = term.factor, False
            t += 1
        calls.terms = t
        calls.rounds = single and strstr(kernel.found().signature, "(...)") == NULL
        return value_of(calls, outcomes)
    finally:
        free(outcomes)


def count_of_statistics(Kernel kernel):
    """How many sums say everything of a unit; 0 for kernels of other plans."""
    cdef const fl_kernel *found
    cdef Kernel term
    cdef int count = 0
    for term in kernel.terms or (kernel,):
        found = term.found()
        count += 0 if found.statistics == NULL else found.statistics.count
    return count
