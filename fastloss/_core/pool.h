/*
 * A pool of threads of our own. Beside OpenMP it has four advantages: a process that forks keeps working on both sides (GNU's OpenMP hangs
 * in the child). Where no thread can be created, fewer do the work (OpenMP ends the process). A worker that the system has not scheduled
 * when the work is done is not waited for (OpenMP's barrier waits, for milliseconds on a busy machine). And all Python threads share the
 * pool: one team works at a time, and a Python thread that finds the pool busy computes alone.
 */
#ifndef FASTLOSS_POOL_H
#define FASTLOSS_POOL_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "platform.h"

typedef void (*fl_work)(void *context, int member);

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t called, finished;
    fl_work work;
    void *context;
    unsigned call; /* counts the calls; changes are watched without the mutex */
    int busy;      /* a team is at work */
    int wanted;    /* members that may still join it */
    int joined;    /* members that did */
    unsigned left; /* counts the members that have left a team; changes are watched without the mutex */
    int active;    /* members that joined and have not left */
    int workers;   /* threads that exist */
    int forked;    /* this process is the child of one that had the package */
} fl_pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};

/* Watches a number for a moment (50 microseconds on an AMD EPYC) before the watching thread goes to sleep: calls follow one another, and
   waking a thread takes longer than many of them. Watching for longer, or yielding in between, is no courtesy to the threads of other
   libraries: Linux counts a yield as a turn that was had, and a worker that has yielded often is scheduled late the next time,
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
        const fl_work work = fl_pool.work;
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

/* Creates workers up to a number, as far as the system allows. Workers start with every signal blocked: signals are for Python's
   threads. */
static inline void fl_hire(int workers)
{
    pthread_attr_t attributes;
    pthread_t thread;
    const fl_signals saved = fl_signals_block();
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1 << 18);
    while (fl_pool.workers < workers && !pthread_create(&thread, &attributes, fl_worker, NULL))
        fl_pool.workers++;
    pthread_attr_destroy(&attributes);
    fl_signals_restore(saved);
}

/* Calls work(context, member) in the calling thread, as member 0, and in up to threads - 1 workers. The work must be such that each
   member takes a part of what is left, and that member 0 alone can do it all. Returns when all members that joined are done. */
static inline void fl_pool_work(int threads, fl_work work, void *context)
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
    fl_pool.forked = 1;
    pthread_mutex_init(&fl_pool.mutex, NULL);
    pthread_cond_init(&fl_pool.called, NULL);
    pthread_cond_init(&fl_pool.finished, NULL);
}

static inline void fl_install_fork_handlers(void)
{
    pthread_atfork(fl_before_fork, fl_after_fork_in_parent, fl_after_fork_in_child);
}

static inline int fl_has_forked(void)
{
    return fl_pool.forked;
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

/* Whether the calling Python thread works on OpenMP for now, whatever the layer of the process is. */
static __thread int fl_local_openmp;

static inline int fl_is_locally_on_openmp(void)
{
    return fl_local_openmp;
}

static inline void fl_set_locally_on_openmp(int on)
{
    fl_local_openmp = on;
}

#endif
