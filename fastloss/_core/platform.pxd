"""What the driver calls of ``platform.h`` in several places."""


cdef extern from "platform.h" nogil:
    ctypedef unsigned int fl_environment
    fl_environment fl_environment_enter()
    void fl_environment_leave(fl_environment)
    void fl_store_fence()
    double fl_seconds()
