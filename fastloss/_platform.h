/*
 * What the driver (_core.pyx) needs from the machine: the floating-point environment, a clock, and OpenMP teams that
 * survive fork, scarce threads and signals.
 */
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
    const fl_environment saved = _mm_getcsr();
    _mm_setcsr(0x1f80);
    return saved;
}
static inline void fl_environment_leave(fl_environment saved)
{
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

static inline double fl_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- teams --------------------------------------------------------------------------------------------------- */

/* One team works at a time in this process; who comes second computes alone. That bounds the number of threads when many
   Python threads call at once. */
static int fl_team_busy;
/* The size of the calling thread's last team: that many workers exist already. */
static __thread int fl_team_ready = 1;
/* The number of threads the calling thread asked for in a `with` block; 0 outside of one. */
static __thread int fl_local_count;

static inline int fl_local_threads(void)
{
    return fl_local_count;
}

static inline void fl_set_local_threads(int n)
{
    fl_local_count = n;
}

static inline int fl_team_take(void)
{
    return !__atomic_test_and_set(&fl_team_busy, __ATOMIC_ACQUIRE);
}

static inline void fl_team_release(void)
{
    __atomic_clear(&fl_team_busy, __ATOMIC_RELEASE);
}

/* GNU's OpenMP keeps a thread's idle workers in a pool, and a child process that inherits the pool waits for them for ever.
   Giving the pool up before a fork costs the next call some microseconds, on both sides. LLVM's runtime does this itself. */
static void fl_before_fork(void)
{
#if defined(_OPENMP) && !defined(__clang__) && __GNUC__ >= 9
    if (fl_team_ready > 1 && !omp_in_parallel())
        omp_pause_resource_all(omp_pause_soft);
#endif
    fl_team_ready = 1;
}

static void fl_after_fork_in_child(void)
{
    /* whoever held it does not exist here */
    fl_team_release();
}

static inline void fl_install_fork_handlers(void)
{
    pthread_atfork(fl_before_fork, NULL, fl_after_fork_in_child);
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

static inline int fl_openmp_version(void)
{
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    int open;
} fl_gate;

static void *fl_wait_at_gate(void *argument)
{
    fl_gate *gate = argument;
    pthread_mutex_lock(&gate->mutex);
    while (!gate->open)
        pthread_cond_wait(&gate->opened, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

/* How many of `wanted` threads the system grants at once, this one included. GNU's OpenMP ends the process when it cannot
   create a worker: ask with threads of our own first. */
static inline int fl_granted_threads(int wanted)
{
    enum { MOST = 256 };
    pthread_t threads[MOST];
    fl_gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    int created = 0;
    while (created < wanted - 1 && created < MOST && !pthread_create(&threads[created], NULL, fl_wait_at_gate, &gate))
        created++;
    pthread_mutex_lock(&gate.mutex);
    gate.open = 1;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.mutex);
    for (int i = 0; i < created; i++)
        pthread_join(threads[i], NULL);
    return created + 1;
}

/* Before a parallel region of `wanted` threads: how many there may be. New workers are born with every signal blocked, so that
   signals go to Python's threads; fl_team_started ends that. */
static inline int fl_team_start(int wanted, sigset_t *saved)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, saved);
    const int granted = wanted > fl_team_ready ? fl_granted_threads(wanted) : wanted;
    fl_team_ready = granted;
    return granted;
}

static inline void fl_team_started(const sigset_t *saved)
{
    pthread_sigmask(SIG_SETMASK, saved, NULL);
}

#endif
