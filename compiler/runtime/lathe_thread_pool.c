#define _GNU_SOURCE
#include "compiler/runtime/lathe_thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* How long an idle thread watches for work before it sleeps: longer than the
 * serial gaps between a kernel's parallel loops, about 20 microseconds. */
enum { kSpins = 2000 };

typedef struct worker {
  lathe_thread_pool* pool;
  pthread_t thread;
  int32_t index;
} worker;

struct lathe_thread_pool {
  int32_t num_threads;
  int32_t started; /* workers that run, num_threads - 1 but for failed creations */
  worker* workers;
  atomic_flag busy; /* held by the caller whose loop runs */

  pthread_mutex_t mutex;
  pthread_cond_t wake;
  atomic_uint generation; /* changes with every loop, under the mutex */
  atomic_int stopping;

  /* The loop in progress: written before `generation` changes. */
  lathe_task task;
  void* closure;
  int64_t iterations;
  atomic_llong next;
  atomic_int result;  /* the first non-zero one */
  atomic_int running; /* workers that have not finished it */
};

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void work(lathe_thread_pool* pool, int32_t thread) {
  while (atomic_load_explicit(&pool->result, memory_order_relaxed) == 0) {
    int64_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (i >= pool->iterations) return;
    int32_t result = pool->task(pool->closure, i, thread);
    if (result != 0) {
      int none = 0;
      atomic_compare_exchange_strong(&pool->result, &none, result);
    }
  }
}

/* Waits until the generation differs from `seen`; returns the new one. */
static unsigned await_work(lathe_thread_pool* pool, unsigned seen) {
  for (int spin = 0; spin < kSpins; ++spin) {
    unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
    if (now != seen) return now;
    relax();
  }
  pthread_mutex_lock(&pool->mutex);
  unsigned now;
  while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == seen) {
    pthread_cond_wait(&pool->wake, &pool->mutex);
  }
  pthread_mutex_unlock(&pool->mutex);
  return now;
}

static void* worker_main(void* argument) {
  worker* self = argument;
  lathe_thread_pool* pool = self->pool;
  unsigned seen = 0;
  for (;;) {
    seen = await_work(pool, seen);
    if (atomic_load_explicit(&pool->stopping, memory_order_acquire)) return NULL;
    work(pool, self->index);
    atomic_fetch_sub_explicit(&pool->running, 1, memory_order_release);
  }
}

static void announce(lathe_thread_pool* pool) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
}

static int start_worker(lathe_thread_pool* pool, worker* w, const int32_t* cpus, int32_t num_cpus) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return 0;
  if (num_cpus > 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpus[w->index % num_cpus], &set);
    pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
  }
  int error = pthread_create(&w->thread, &attributes, worker_main, w);
  pthread_attr_destroy(&attributes);
  return error == 0;
}

lathe_thread_pool* lathe_thread_pool_create(int32_t num_threads, const int32_t* cpus,
                                            int32_t num_cpus) {
  if (num_threads < 1) return NULL;
  lathe_thread_pool* pool = calloc(1, sizeof(*pool));
  if (pool == NULL) return NULL;
  pool->num_threads = num_threads;
  pool->workers = calloc((size_t)num_threads, sizeof(worker));
  atomic_flag_clear(&pool->busy);
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  for (int32_t i = 1; pool->workers != NULL && i < num_threads; ++i) {
    worker* w = &pool->workers[i - 1];
    w->pool = pool;
    w->index = i;
    if (!start_worker(pool, w, cpus, num_cpus)) break;
    ++pool->started;
  }
  if (pool->workers == NULL || pool->started != num_threads - 1) {
    lathe_thread_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

void lathe_thread_pool_destroy(lathe_thread_pool* pool) {
  if (pool == NULL) return;
  atomic_store_explicit(&pool->stopping, 1, memory_order_release);
  announce(pool);
  for (int32_t i = 0; i < pool->started; ++i) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool->workers);
  free(pool);
}

int32_t lathe_thread_pool_size(const lathe_thread_pool* pool) { return pool->num_threads; }

int32_t lathe_thread_pool_run(lathe_thread_pool* pool, int64_t iterations, lathe_task task,
                              void* closure) {
  if (pool->started == 0 || iterations < 2 ||
      atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    for (int64_t i = 0; i < iterations; ++i) {
      int32_t result = task(closure, i, 0);
      if (result != 0) return result;
    }
    return LATHE_OK;
  }
  pool->task = task;
  pool->closure = closure;
  pool->iterations = iterations;
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->result, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->running, pool->started, memory_order_relaxed);
  announce(pool);
  work(pool, 0);
  /* Every worker has to pass, also one that finds nothing left to do: the next
   * loop overwrites the fields above. */
  for (int spin = 0; atomic_load_explicit(&pool->running, memory_order_acquire) != 0; ++spin) {
    if (spin < kSpins) {
      relax();
    } else {
      sched_yield();
    }
  }
  int32_t result = atomic_load_explicit(&pool->result, memory_order_relaxed);
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
  return result;
}
