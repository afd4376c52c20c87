# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Teams of threads: how many there are, and how tasks are shared out among them.

Tasks are numbered, independent of one another, and each can be done by any member of a team. A team works on one of two layers:
the package's own pool, or OpenMP.
"""

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange

from .platform cimport fl_environment, fl_environment_enter, fl_environment_leave, fl_seconds


cdef extern from "platform.h" nogil:
    ctypedef struct fl_signals:
        pass
    fl_signals fl_signals_block()
    void fl_signals_restore(fl_signals)
    int fl_affinity()
    int fl_openmp_threads()
    int fl_openmp_version()
    size_t fl_openmp_address()
    Py_ssize_t __atomic_fetch_add(Py_ssize_t *, Py_ssize_t, int)
    int __ATOMIC_RELAXED

cdef extern from "pool.h" nogil:
    void fl_pool_work(int, void (*)(void *, int) noexcept nogil, void *)
    void fl_install_fork_handlers()
    int fl_has_forked()
    int fl_local_threads()
    void fl_set_local_threads(int)
    int fl_is_locally_on_openmp()
    void fl_set_locally_on_openmp(int)

cdef extern from "Python.h":
    int PyGILState_Ensure()

cdef enum:
    MOST_MEMBERS = 256
    SHORT_TASKS = 4  # take a few microseconds: less than giving the interpreter away and waiting for it to come back
    FIRST_TASKS = 15  # done by the calling thread, or as many as take FIRST_SECONDS, to see what a task costs
    MOST_TASKS = 64  # that a member takes at a time: neighbours in memory are read faster

MOST_THREADS = MOST_MEMBERS

# Work worth less than this stays in the calling thread; interrupts are looked for this often.
cdef double FIRST_SECONDS = 20e-6
cdef double PARALLEL_SECONDS = 30e-6
cdef double TURN_SECONDS = 200e-6
cdef double INTERRUPT_SECONDS = 20e-3


# ---- how many --------------------------------------------------------------------------------------------------

cdef int configured_threads = 0  # 0: decided by the environment
cdef int quota_threads = 0  # what the container allows; 0: no limit


def configure_threads(int n, int quota):
    """Set the number of threads of the process (0: as many as OpenMP, the affinity and the quota allow)."""
    global configured_threads, quota_threads
    configured_threads = n
    quota_threads = quota


def local_threads(int n):
    """Set the number of threads of the calling Python thread (0: that of the process); returns the previous one."""
    previous = fl_local_threads()
    fl_set_local_threads(n)
    return previous


cpdef int thread_count() noexcept:
    """The number of threads a large call made now by this Python thread would use."""
    cdef int n = fl_local_threads() or configured_threads
    cdef int limit
    if not n:
        n = fl_openmp_threads()
        limit = fl_affinity()
        if limit and limit < n:
            n = limit
        if quota_threads and quota_threads < n:
            n = quota_threads
    return 1 if n < 1 else MOST_MEMBERS if n > MOST_MEMBERS else n


def keep_thread_state():
    """Keep Python's state of the calling thread for as long as the interpreter lives.

    Libraries that call Python from threads of their own make a state for each call and throw it away afterwards, which asks
    the system for memory and gives it back, thousands of times a second. What stays is some kilobytes for each such thread.
    """
    # a count that nobody takes down again
    PyGILState_Ensure()


# ---- layers ----------------------------------------------------------------------------------------------------

LAYERS = ("pool", "openmp")
OPENMP_VERSION = fl_openmp_version()

cdef bint on_openmp = False


def use_layer(str name):
    """Let teams work on this layer from now on, in the whole process."""
    global on_openmp
    if name not in LAYERS:
        raise ValueError(f"FASTLOSS_THREADING_LAYER must be {' or '.join(LAYERS)}; got {name!r}")
    if name == "openmp" and not OPENMP_VERSION:
        raise ValueError("FASTLOSS_THREADING_LAYER is openmp, but this build of fastloss has no OpenMP: use pool")
    on_openmp = name == "openmp"


def local_openmp(bint on):
    """Let the calling Python thread work on OpenMP from now on, or on the layer of the process; returns what it did before."""
    previous = bool(fl_is_locally_on_openmp())
    fl_set_locally_on_openmp(on)
    return previous


def openmp_address():
    """Where ``omp_get_max_threads`` of the OpenMP runtime is that this module works with; 0: it has none."""
    return fl_openmp_address()


def active_layer():
    """The layer that a call made now uses: after a fork always the pool, because OpenMP may hang there."""
    return LAYERS[uses_openmp()]


cdef inline bint uses_openmp() noexcept nogil:
    return (on_openmp or fl_is_locally_on_openmp()) and not fl_has_forked()


cdef void work_on_openmp(int members, void (*work)(void *, int) noexcept nogil, void *context) noexcept nogil:
    cdef int member
    for member in prange(members, num_threads=members, schedule="static", chunksize=1):
        work(context, member)


cdef void work_together(int members, void (*work)(void *, int) noexcept nogil, void *context) noexcept nogil:
    """Call ``work(context, member)`` in several threads: each member takes a part of what is left."""
    cdef fl_signals signals
    if members < 2 or not uses_openmp():
        fl_pool_work(members, work, context)
        return
    # Signals are for Python's threads. Those that OpenMP makes, for each thread that calls it, inherit what is blocked.
    signals = fl_signals_block()
    work_on_openmp(members, work, context)
    fl_signals_restore(signals)


# ---- tasks -----------------------------------------------------------------------------------------------------

cdef struct Team:
    do_tasks work
    void *context
    Py_ssize_t next  # the first task nobody has taken
    Py_ssize_t end
    Py_ssize_t step  # tasks to take at a time


cdef void take_tasks(void *memory, int member) noexcept nogil:
    """Take tasks until none is left: what each member of a team does."""
    cdef Team *team = <Team *> memory
    cdef fl_environment saved = fl_environment_enter()
    cdef Py_ssize_t first, last
    while True:
        first = __atomic_fetch_add(&team.next, team.step, __ATOMIC_RELAXED)
        if first >= team.end:
            fl_environment_leave(saved)
            return
        last = first + team.step if first + team.step < team.end else team.end
        team.work(team.context, member, first, last)


cdef int share_out_here(do_tasks work, hire prepare, void *context, Py_ssize_t tasks, int most) except -1:
    """Do what `share_out` does, in the environment of this thread."""
    cdef Team team
    cdef Py_ssize_t slice, first
    cdef double seconds, start
    cdef int members = 1
    prepare(context, 1)
    if tasks <= SHORT_TASKS:
        work(context, 0, 0, tasks)
        return 0
    team.end = 0
    with nogil:
        start = fl_seconds()
        seconds = 0.0
        while team.end < FIRST_TASKS and team.end < tasks and seconds < FIRST_SECONDS:
            first = team.end
            team.end = 2 * first + 1 if 2 * first + 1 < tasks else tasks
            work(context, 0, first, team.end)
            seconds = fl_seconds() - start
        seconds = (seconds + 1e-9) / team.end
    if seconds * (tasks - team.end) > PARALLEL_SECONDS:
        members = thread_count()
    if members > most:
        members = most
    if members > 1:
        prepare(context, members)
    team.work = work
    team.context = context
    slice = 1 + <Py_ssize_t> (members * INTERRUPT_SECONDS / seconds)
    # some turns for each member, so that they end together
    team.step = slice if members == 1 else (tasks - team.end) // (8 * members) + 1
    if members > 1 and team.step > MOST_TASKS:
        team.step = MOST_TASKS
    if members > 1 and team.step * seconds > TURN_SECONDS:
        team.step = 1 + <Py_ssize_t> (TURN_SECONDS / seconds)
    while team.end < tasks:
        team.next = team.end
        team.end = team.end + slice if slice < tasks - team.end else tasks
        with nogil:
            work_together(members, take_tasks, &team)
        PyErr_CheckSignals()
    return 0


cdef int share_out(do_tasks work, hire prepare, void *context, Py_ssize_t tasks, int most=MOST_MEMBERS) except -1:
    """Do tasks 0 to ``tasks`` - 1, rounding as everywhere: the first ones in this thread alone, to see what the others are worth.

    ``prepare`` makes the memory of a team, of which member 0 is the calling thread: first that of one, then, if there is enough to do,
    that of several, ``most`` at the most; what member 0 has found out must stay.
    """
    cdef fl_environment saved = fl_environment_enter()
    try:
        return share_out_here(work, prepare, context, tasks, most)
    finally:
        fl_environment_leave(saved)

cdef int work_out(do_tasks work, void *context, Py_ssize_t tasks, int members) except -1:
    """Do tasks 0 to ``tasks`` - 1 in so many threads at once: what they are worth is known, and their memory is there."""
    cdef Team team
    team.work = work
    team.context = context
    team.next = 0
    team.end = tasks
    team.step = 1
    with nogil:
        work_together(members if tasks > members else <int> tasks, take_tasks, &team)
    PyErr_CheckSignals()
    return 0


fl_install_fork_handlers()
