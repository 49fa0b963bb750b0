#include "compiler/runtime/serial_runtime.h"

#include <stddef.h>

static int32_t run_in_order(const lathe_runtime* rt, int64_t iterations, lathe_task task,
                            void* closure) {
  (void)rt;
  for (int64_t i = 0; i < iterations; ++i) {
    int32_t result = task(closure, i, 0);
    if (result != 0) return result;
  }
  return LATHE_OK;
}

static void* give_workspace(const lathe_runtime* rt, uint64_t bytes) {
  const lathe_serial_runtime* self = (const lathe_serial_runtime*)rt->state;
  return bytes <= self->bytes ? self->workspace : NULL;
}

void lathe_serial_runtime_init(lathe_serial_runtime* rt, void* workspace, uint64_t bytes) {
  rt->base.abi_version = LATHE_ABI_VERSION;
  rt->base.struct_size = sizeof(lathe_runtime);
  rt->base.state = rt;
  rt->base.num_threads = 1;
  rt->base.reserved = 0;
  rt->base.parallel_for = run_in_order;
  rt->base.workspace = give_workspace;
  rt->base.library_routine = NULL;
  rt->workspace = workspace;
  rt->bytes = bytes;
}
