/* What a deployed kernel embeds: feature check, threads, workspace. */
#ifndef LATHE_DEPLOYED_H_
#define LATHE_DEPLOYED_H_

#include <stdint.h>

#include "compiler/runtime/lathe_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A routine that the kernel calls, and the library that has it. */
typedef struct lathe_deployed_routine {
  const char* name;
  const char* library;
  void* address; /* null until its first use; accessed atomically */
} lathe_deployed_routine;

/* Written by code generation (compiler/codegen/wrapper.cc), constant but
 * for the addresses of routines. */
typedef struct lathe_deployed {
  lathe_kernel_fn kernel;      /* or what prepares its packed arguments */
  const char* const* features; /* required, in LLVM's names */
  int32_t num_features;
  int32_t threads;       /* of the pool; 1 never starts a thread */
  int32_t needs_runtime; /* for workspace, parallel loops or routines */
  int32_t num_routines;
  lathe_deployed_routine* routines;
} lathe_deployed;

/* Runs the kernel: with `rt`, or with the embedded runtime when it is null.
 * Returns 0 or a LATHE_E* code; the arguments are the caller's to check. Safe from several threads
 * at once and after a fork: one call at a time has the thread pool, others run on their own thread.
 */
int32_t lathe_deployed_call(const lathe_deployed* deployed, void* const* args,
                            const lathe_runtime* rt);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_DEPLOYED_H_ */
