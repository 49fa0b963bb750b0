/* A lathe_runtime without threads: runs parallel loops on the caller. */
#ifndef LATHE_SERIAL_RUNTIME_H_
#define LATHE_SERIAL_RUNTIME_H_

#include "compiler/runtime/lathe_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `workspace` of `bytes` stays the caller's and must be 64-byte aligned; it may
 * be null when `bytes` is 0. Larger requests of a kernel get null. */
typedef struct lathe_serial_runtime {
  lathe_runtime base;
  void* workspace;
  uint64_t bytes;
} lathe_serial_runtime;

void lathe_serial_runtime_init(lathe_serial_runtime* rt, void* workspace, uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_SERIAL_RUNTIME_H_ */
