/*
 * What the driver (_core.pyx) needs from the machine: the floating-point environment, a clock, and teams of threads that
 * survive fork, scarcity and signals.
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

/*
 * A pool of threads of our own, and not OpenMP's, for four reasons. A process that forks keeps working on both sides (GNU's
 * OpenMP hangs in the child). Where no thread can be created the work is done by fewer (it ends the process). A worker that
 * the system has not scheduled when the work is done is not waited for (its barrier would, for milliseconds on a busy
 * machine). And all Python threads share one pool: one team works at a time, who comes second computes alone.
 */

enum { FL_MOST_THREADS = 256 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t called, finished;
    void (*work)(void *context, int member);
    void *context;
    unsigned call; /* counts the calls; changes are watched without the mutex */
    int busy;      /* a team is at work */
    int wanted;    /* members that may still join it */
    int joined;    /* members that did */
    unsigned left; /* counts those that have left a team; changes are watched without the mutex */
    int active;    /* members that joined and have not left */
    int workers;   /* threads that exist */
} fl_pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};

static inline void fl_pause(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

/* Watches a number for a moment (50 microseconds on an AMD EPYC) before its watcher goes to sleep: calls follow one another, and
   waking a thread takes longer than many of them. Watching for longer, or yielding in between, is no courtesy to the threads of other
   libraries: Linux counts a yield as a turn that was had, and a worker that has yielded often is let in late the next time,
   with a part of the work in its hands. XGBoost's rounds took 5 % longer. */
static inline int fl_changes_soon(const unsigned *number, unsigned from)
{
    for (int i = 0; i < 2000; i++) {
        if (__atomic_load_n(number, __ATOMIC_ACQUIRE) != from)
            return 1;
        fl_pause();
    }
    return 0;
}

static void *fl_worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&fl_pool.mutex);
    for (;;) {
        if (fl_pool.wanted == 0) {
            const unsigned call = fl_pool.call;
            pthread_mutex_unlock(&fl_pool.mutex);
            const int soon = fl_changes_soon(&fl_pool.call, call);
            pthread_mutex_lock(&fl_pool.mutex);
            while (!soon && fl_pool.wanted == 0)
                pthread_cond_wait(&fl_pool.called, &fl_pool.mutex);
            continue;
        }
        fl_pool.wanted--;
        fl_pool.active++;
        const int member = ++fl_pool.joined;
        void (*const work)(void *, int) = fl_pool.work;
        void *const context = fl_pool.context;
        pthread_mutex_unlock(&fl_pool.mutex);
        work(context, member);
        pthread_mutex_lock(&fl_pool.mutex);
        __atomic_fetch_add(&fl_pool.left, 1, __ATOMIC_RELEASE);
        if (--fl_pool.active == 0)
            pthread_cond_signal(&fl_pool.finished);
    }
    return NULL;
}

/* Creates workers up to a number, as far as the system lets us. They are born with every signal blocked: signals are for
   Python's threads. */
static inline void fl_hire(int workers)
{
    sigset_t all, saved;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1 << 18);
    while (fl_pool.workers < workers && !pthread_create(&thread, &attributes, fl_worker, NULL))
        fl_pool.workers++;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

/* Calls work(context, member) in the calling thread, as member 0, and in up to threads - 1 others. The work must be such that
   whoever comes takes a part of what is left, and nobody has to come. Returns when all who came are done. */
static inline void fl_work_together(int threads, void (*work)(void *, int), void *context)
{
    pthread_mutex_lock(&fl_pool.mutex);
    const int alone = fl_pool.busy || threads < 2;
    if (!alone) {
        fl_pool.busy = 1;
        fl_hire(threads - 1);
        const int others = threads - 1 < fl_pool.workers ? threads - 1 : fl_pool.workers;
        fl_pool.work = work;
        fl_pool.context = context;
        fl_pool.joined = 0;
        fl_pool.wanted = others;
        __atomic_fetch_add(&fl_pool.call, 1, __ATOMIC_RELEASE);
        for (int i = 0; i < others; i++)
            pthread_cond_signal(&fl_pool.called);
    }
    pthread_mutex_unlock(&fl_pool.mutex);
    work(context, 0);
    if (!alone) {
        pthread_mutex_lock(&fl_pool.mutex);
        fl_pool.wanted = 0;
        while (fl_pool.active) {
            const unsigned left = fl_pool.left;
            pthread_mutex_unlock(&fl_pool.mutex);
            const int soon = fl_changes_soon(&fl_pool.left, left);
            pthread_mutex_lock(&fl_pool.mutex);
            if (!soon && fl_pool.active && fl_pool.left == left)
                pthread_cond_wait(&fl_pool.finished, &fl_pool.mutex);
        }
        fl_pool.busy = 0;
        pthread_mutex_unlock(&fl_pool.mutex);
    }
}

static void fl_before_fork(void)
{
    pthread_mutex_lock(&fl_pool.mutex);
}

static void fl_after_fork_in_parent(void)
{
    pthread_mutex_unlock(&fl_pool.mutex);
}

static void fl_after_fork_in_child(void)
{
    /* only the thread that forked exists here: no workers, and no team, even if one was at work */
    fl_pool.busy = fl_pool.wanted = fl_pool.active = fl_pool.workers = 0;
    pthread_mutex_init(&fl_pool.mutex, NULL);
    pthread_cond_init(&fl_pool.called, NULL);
    pthread_cond_init(&fl_pool.finished, NULL);
}

static inline void fl_install_fork_handlers(void)
{
    pthread_atfork(fl_before_fork, fl_after_fork_in_parent, fl_after_fork_in_child);
}

/* The number of threads the calling Python thread asked for in a `with` block; 0 outside of one. */
static __thread int fl_local_count;

static inline int fl_local_threads(void)
{
    return fl_local_count;
}

static inline void fl_set_local_threads(int n)
{
    fl_local_count = n;
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

/* Threads OpenMP would use: OMP_NUM_THREADS, or what threadpoolctl and omp_set_num_threads said since. That is all OpenMP is
   asked here. */
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

#endif
