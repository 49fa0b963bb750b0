#include "compiler/runtime/lathe_deployed.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/runtime/lathe_cpu_features.h"
#include "compiler/runtime/lathe_thread_pool.h"

/* Calls that run at once each hold a context; the first has the threads. Their
 * buffers are kept until the library is unloaded. More callers than contexts
 * allocate for the one call. */
enum { kContexts = 16 };

typedef struct context {
  atomic_int owner; /* 0, or the process that uses it: after a fork, the child
                       takes over what the parent's threads held */
  void* buffer;
  uint64_t bytes;
  lathe_thread_pool* pool;
  pid_t pool_process;             /* whose threads they are */
  const lathe_deployed* deployed; /* what is called */
} context;

static context contexts[kContexts];

static int32_t parallel_for(const lathe_runtime* rt, int64_t iterations, lathe_task task,
                            void* closure) {
  context* self = rt->state;
  if (self->pool != NULL && rt->num_threads > 1) {
    return lathe_thread_pool_run(self->pool, iterations, task, closure);
  }
  for (int64_t i = 0; i < iterations; ++i) {
    int32_t result = task(closure, i, 0);
    if (result != 0) return result;
  }
  return LATHE_OK;
}

static void* workspace(const lathe_runtime* rt, uint64_t bytes) {
  context* self = rt->state;
  if (bytes > self->bytes) {
    uint64_t rounded = (bytes + 63) / 64 * 64;
    free(self->buffer);
    self->buffer = aligned_alloc(64, rounded);
    self->bytes = self->buffer != NULL ? rounded : 0;
  }
  return self->buffer;
}

/* The library stays open: others may use it, and its threads may still run. */
static void* library_routine(const lathe_runtime* rt, const char* name) {
  const lathe_deployed* deployed = ((context*)rt->state)->deployed;
  for (int32_t i = 0; i < deployed->num_routines; ++i) {
    lathe_deployed_routine* routine = &deployed->routines[i];
    if (strcmp(routine->name, name) != 0) continue;
    void* address = __atomic_load_n(&routine->address, __ATOMIC_ACQUIRE);
    if (address != NULL) return address;
    void* library = dlopen(routine->library, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return NULL;
    address = dlsym(library, name);
    __atomic_store_n(&routine->address, address, __ATOMIC_RELEASE);
    return address;
  }
  return NULL;
}

static context* acquire(pid_t process) {
  for (int i = 0; i < kContexts; ++i) {
    int owner = atomic_load_explicit(&contexts[i].owner, memory_order_relaxed);
    if (owner != process &&
        atomic_compare_exchange_strong_explicit(&contexts[i].owner, &owner, process,
                                                memory_order_acquire, memory_order_relaxed)) {
      if (owner != 0) {
        /* Held by a thread that this process does not have: its state may be
         * half written, so it is abandoned. */
        contexts[i].buffer = NULL;
        contexts[i].bytes = 0;
        contexts[i].pool = NULL;
      }
      return &contexts[i];
    }
  }
  return NULL;
}

static int has_features(const lathe_deployed* deployed) {
  static atomic_int known; /* 0 not yet asked, 1 all there, 2 not */
  int answer = atomic_load_explicit(&known, memory_order_relaxed);
  if (answer == 0) {
    answer = 1;
    for (int32_t i = 0; i < deployed->num_features; ++i) {
      if (!lathe_cpu_has(deployed->features[i])) answer = 2;
    }
    atomic_store_explicit(&known, answer, memory_order_relaxed);
  }
  return answer == 1;
}

/* One thread's worth of runtime, or the pool's for the first context. */
static int32_t call_in(context* self, const lathe_deployed* deployed, void* const* args,
                       pid_t process) {
  lathe_runtime rt = {.abi_version = LATHE_ABI_VERSION,
                      .struct_size = sizeof(lathe_runtime),
                      .state = self,
                      .num_threads = 1,
                      .parallel_for = parallel_for,
                      .workspace = workspace,
                      .library_routine = library_routine};
  self->deployed = deployed;
  if (self == &contexts[0] && deployed->threads > 1) {
    if (self->pool != NULL && self->pool_process != process) self->pool = NULL;
    if (self->pool == NULL) {
      self->pool = lathe_thread_pool_create(deployed->threads, NULL, 0);
      self->pool_process = process;
      if (self->pool == NULL) return LATHE_ENOMEM;
    }
    rt.num_threads = deployed->threads;
  }
  return deployed->kernel(args, &rt);
}

int32_t lathe_deployed_call(const lathe_deployed* deployed, void* const* args,
                            const lathe_runtime* rt) {
  if (!has_features(deployed)) return LATHE_EFEATURE;
  if (rt != NULL || !deployed->needs_runtime) return deployed->kernel(args, rt);
  pid_t process = getpid();
  context* self = acquire(process);
  if (self != NULL) {
    int32_t result = call_in(self, deployed, args, process);
    atomic_store_explicit(&self->owner, 0, memory_order_release);
    return result;
  }
  context temporary = {0};
  int32_t result = call_in(&temporary, deployed, args, process);
  free(temporary.buffer);
  return result;
}

/* At unload or exit. Nobody calls any more. */
__attribute__((destructor)) static void release_contexts(void) {
  pid_t process = getpid();
  for (int i = 0; i < kContexts; ++i) {
    if (contexts[i].pool != NULL && contexts[i].pool_process == process) {
      lathe_thread_pool_destroy(contexts[i].pool);
    }
    contexts[i].pool = NULL;
    free(contexts[i].buffer);
    contexts[i].buffer = NULL;
    contexts[i].bytes = 0;
  }
}
