/* A pool of threads that runs the parallel loops of kernels: in deployed kernels
 * and, so that what is timed is what ships, in the measurer. */
#ifndef LATHE_THREAD_POOL_H_
#define LATHE_THREAD_POOL_H_

#include <stdint.h>

#include "compiler/runtime/lathe_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lathe_thread_pool lathe_thread_pool;

/* A pool of `num_threads` (at least 1) including the caller of lathe_thread_pool_run.
 * With `num_cpus` > 0, thread i is pinned to cpus[i % num_cpus]; the caller's own
 * affinity is the caller's affair. Null when memory or threads cannot be had. */
lathe_thread_pool* lathe_thread_pool_create(int32_t num_threads, const int32_t* cpus,
                                            int32_t num_cpus);

/* Ends the threads. No run may be in progress. */
void lathe_thread_pool_destroy(lathe_thread_pool* pool);

int32_t lathe_thread_pool_size(const lathe_thread_pool* pool);

/* The contract of lathe_runtime.parallel_for. The caller is thread 0. While one
 * caller's loop runs, other callers' and nested loops run on their own caller. */
int32_t lathe_thread_pool_run(lathe_thread_pool* pool, int64_t iterations, lathe_task task,
                              void* closure);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_THREAD_POOL_H_ */
