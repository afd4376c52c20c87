"""Teams of threads, on one of two layers."""

# Does the tasks from `first` to `last` in the memory of one member of a team.
ctypedef void (*do_tasks)(void *context, int member, Py_ssize_t first, Py_ssize_t last) noexcept nogil
# Makes the memory of a team of so many; called once, with the GIL.
ctypedef int (*hire)(void *context, int members) except -1

cpdef int thread_count() noexcept
cdef int work_out(do_tasks work, void *context, Py_ssize_t tasks, int members) except -1
cdef int share_out(do_tasks work, hire prepare, void *context, Py_ssize_t tasks, int most=*) except -1
