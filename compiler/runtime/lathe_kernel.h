/* The ABI of generated kernels, version 1. Plain C; ships with deployed kernels.
 *
 * A kernel is position-independent code without undefined symbols. It exports
 *
 *   int32_t lathe_kernel(void* const* args, const lathe_runtime* rt);
 *   const char lathe_kernel_metadata[];   JSON, NUL-terminated, see below
 *
 * `args` points at the tensors, inputs then outputs, in the order of the
 * tensor function. Each pointer has its element's natural alignment; outputs
 * alias nothing. Returns 0, or a LATHE_E* code, in which case the outputs are
 * undefined. A kernel is re-entrant: it keeps no state.
 *
 * A kernel whose metadata has "prepare" computes something from const arguments
 * (weights) once, ahead of its calls, and exports for that
 *
 *   int32_t lathe_prepare(void* const* args, const lathe_runtime* rt);
 *
 * Its `args`, and those of lathe_kernel, go on with the packed arguments behind
 * the outputs, in the order of "packed", each 64-byte aligned and aliasing
 * nothing. lathe_prepare reads the arguments in "reads" and writes the packed
 * ones; it takes null for all others. lathe_kernel reads the packed ones, and
 * takes null for the arguments in "replaces". Packed arguments hold no pointers:
 * they may be copied and stored, and belong to this very kernel.
 *
 * A kernel whose metadata has "libraries" calls routines of libraries. It still has
 * no undefined symbols: it asks the runtime for each routine, by its name, and
 * returns LATHE_ELIBRARY when it gets none.
 *
 * Metadata: {"abi": 1, "function", "key", "key_version", "lathe", "llvm",
 * "arguments": [{"name", "type", "shape", "access": "in"|"const"|"out"}],
 * "workspace_bytes", "workspace_bytes_per_thread", "parallel": bool,
 * "features": [..], "libraries": [{"routine", "library"}], "prepare": null or {"symbol":
 * "lathe_prepare", "reads": [..], "replaces": [..], "packed": [{"name", "type", "shape", "bytes"}],
 * "workspace_bytes", "workspace_bytes_per_thread", "parallel"}}, where the last
 * three are those of lathe_prepare.
 */
#ifndef LATHE_KERNEL_H_
#define LATHE_KERNEL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_ABI_VERSION 1

enum {
  LATHE_OK = 0,
  LATHE_ENOMEM = 1,   /* workspace could not be had */
  LATHE_EFEATURE = 2, /* this CPU lacks a required feature */
  LATHE_EABI = 3,     /* runtime older than the kernel needs */
  LATHE_EARG = 4,     /* a null argument, or a misaligned packed block */
  LATHE_ELIBRARY = 5  /* a routine of a library could not be had */
};

typedef struct lathe_runtime lathe_runtime;

/* One iteration of a parallel loop. `thread` < num_threads; no two iterations
 * with the same `thread` run at once. Non-zero stops the loop early. */
typedef int32_t (*lathe_task)(void* closure, int64_t iteration, int32_t thread);

/* Passed by the caller of a kernel. Fields are only ever added at the end;
 * struct_size tells a kernel which ones exist. */
struct lathe_runtime {
  uint32_t abi_version; /* LATHE_ABI_VERSION */
  uint32_t struct_size; /* sizeof(lathe_runtime) of the caller */
  void* state;          /* the runtime's own */
  int32_t num_threads;  /* at least 1 */
  int32_t reserved;
  /* Runs task(closure, i, thread) for i in [0, iterations), on up to
   * num_threads threads; returns after all have ended, with the first
   * non-zero result or 0. */
  int32_t (*parallel_for)(const lathe_runtime* rt, int64_t iterations, lathe_task task,
                          void* closure);
  /* At least `bytes`, 64-byte aligned, contents undefined, valid until the
   * kernel returns; null when it cannot be had. Called at most once a call. */
  void* (*workspace)(const lathe_runtime* rt, uint64_t bytes);
  /* The address of a library's routine, null when it cannot be had. This field
   * may be null; kernels that call no library do not ask for it. */
  void* (*library_routine)(const lathe_runtime* rt, const char* name);
};

typedef int32_t (*lathe_kernel_fn)(void* const* args, const lathe_runtime* rt);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_KERNEL_H_ */
