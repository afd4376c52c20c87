/* What the driver needs from the machine: the floating-point environment, a clock, signals, and what there is of CPUs and of OpenMP. */
#ifndef FASTLOSS_PLATFORM_H
#define FASTLOSS_PLATFORM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- the floating-point environment: round to nearest, subnormals kept, nothing trapped; the caller's flags untouched -- */

#if defined(__x86_64__)
#include <xmmintrin.h>
typedef unsigned int fl_environment;
static inline fl_environment fl_environment_enter(void)
{
    /* it is nearly always the default already, but for flags, and is slow to set */
    const fl_environment saved = _mm_getcsr();
    if ((saved & ~0x3fu) != 0x1f80)
        _mm_setcsr(0x1f80);
    return saved;
}
static inline void fl_environment_leave(fl_environment saved)
{
    if (_mm_getcsr() != saved)
        _mm_setcsr(saved);
}
/* After stores past the caches, before other threads may look. */
static inline void fl_store_fence(void)
{
    _mm_sfence();
}
#else
#include <fenv.h>
typedef fenv_t fl_environment;
static inline fl_environment fl_environment_enter(void)
{
    fl_environment saved;
    fegetenv(&saved);
    fesetenv(FE_DFL_ENV);
    return saved;
}
static inline void fl_environment_leave(fl_environment saved)
{
    fesetenv(&saved);
}
static inline void fl_store_fence(void)
{
}
#endif

#ifdef __clang__
#define FL_COMPILER "Clang " __clang_version__
#else
#define FL_COMPILER "GCC " __VERSION__
#endif

/* A hint that this thread is waiting for another one. */
static inline void fl_pause(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

typedef sigset_t fl_signals;
static inline fl_signals fl_signals_block(void)
{
    fl_signals all, saved;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    return saved;
}
static inline void fl_signals_restore(fl_signals saved)
{
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

static inline double fl_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* CPUs this process may use now; 0 when that cannot be told. */
static inline int fl_affinity(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
#endif
    return 0;
}

/* Threads OpenMP would use: OMP_NUM_THREADS, or what threadpoolctl and omp_set_num_threads said since. */
static inline int fl_openmp_threads(void)
{
#ifdef _OPENMP
    return omp_in_parallel() ? 1 : omp_get_max_threads();
#else
    return 1;
#endif
}

/* Where the runtime's functions are: which of the runtimes in the process this is; 0 without OpenMP. */
static inline size_t fl_openmp_address(void)
{
#ifdef _OPENMP
    return (size_t)&omp_get_max_threads;
#else
    return 0;
#endif
}

static inline int fl_openmp_version(void)
{
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}

#endif
