/* Kernels for the tests of the correctness gate, hand-written against the ABI:
 * y[i, j] = sum(k) x[i, k] * w[k, j] for x: f32[7, 5], w: f32[5, 9]. MUTANT
 * selects what is wrong; without it, all is well. With PREPARE, lathe_prepare
 * transposes w into the packed argument p: f32[9, 5], and the kernel reads that. */
#include "compiler/runtime/lathe_kernel.h"

enum { kM = 7, kK = 5, kN = 9 };

#ifdef REFERENCE
typedef double element; /* outputs: y, and the running error bound */
#else
typedef float element;
#endif

#if defined(MUTANT_SWAPPED) || (defined(PREPARE) && !defined(MUTANT_READS_REPLACED))
#define W(k, j) ((j)*kK + (k)) /* the transposed operand */
#else
#define W(k, j) ((k)*kN + (j))
#endif

typedef struct closure {
  float* x;
  float* w;
  element* y;
  double* err;
  char* workspace;
} closure;

static int32_t row(void* argument, int64_t i, int32_t thread) {
  closure* c = argument;
#if defined(SCRATCH)
  /* A row of partial sums in this thread's part of the workspace. */
  float* sums = (float*)(c->workspace + thread * 64);
#endif
  for (int64_t j = 0; j < kN; ++j) {
    element sum = 0;
    double bound = 0;
    for (int64_t k = 0; k < kK; ++k) {
      element term = (element)c->x[i * kK + k] * (element)c->w[W(k, j)];
      sum += term;
      bound += term < 0 ? -(double)term : (double)term;
    }
#if defined(SCRATCH)
    sums[j] = sum;
#else
    c->y[i * kN + j] = sum;
#endif
    if (c->err) c->err[i * kN + j] = (kK + 4) * bound;
  }
#if defined(SCRATCH)
  for (int64_t j = 0; j < kN; ++j) c->y[i * kN + j] = sums[j];
#endif
  return 0;
}

#if defined(MUTANT_RACE)
/* Iterations over k accumulate into the same y. */
static int32_t slice(void* argument, int64_t k, int32_t thread) {
  closure* c = argument;
  for (int64_t i = 0; i < kM; ++i) {
    for (int64_t j = 0; j < kN; ++j) c->y[i * kN + j] += c->x[i * kK + k] * c->w[k * kN + j];
  }
  return 0;
}
#endif

__attribute__((visibility("default"))) const char lathe_kernel_metadata[] = "{\"abi\": 1}";

#if defined(PREPARE)
static int32_t pack(void* argument, int64_t j, int32_t thread) {
  closure* c = argument; /* from w to y */
  for (int64_t k = 0; k < kK; ++k) c->y[j * kK + k] = c->w[k * kN + j];
#if defined(MUTANT_PREPARE_RACE)
  c->y[kK] = (float)j;
#endif
  return 0;
}

__attribute__((visibility("default"))) int32_t lathe_prepare(void* const* args,
                                                             const lathe_runtime* rt) {
  closure c = {0, args[1], args[3], 0, 0};
#if defined(MUTANT_PREPARE_ERROR)
  return LATHE_EARG;
#elif defined(MUTANT_PREPARE_READS_INPUT)
  c.w = args[0]; /* x is not const */
#elif defined(MUTANT_PREPARE_PAST_END)
  ((volatile float*)c.y)[4 * kK * kN] = 1;
#elif defined(MUTANT_PREPARE_INPUT)
  c.w[3] = 0;
#elif defined(MUTANT_PREPARE_WORKSPACE)
  if (!rt->workspace(rt, 64)) return LATHE_ENOMEM;
#elif defined(MUTANT_PREPARE_LOOP)
  for (;;) __asm__ volatile("");
#elif defined(MUTANT_PREPARE_TAIL)
  return rt->parallel_for(rt, kN - 1, pack, &c);
#endif
  return rt->parallel_for(rt, kN, pack, &c);
}
#endif

__attribute__((visibility("default"))) int32_t lathe_kernel(void* const* args,
                                                            const lathe_runtime* rt) {
  closure c = {args[0], args[1], args[2], 0, 0};
#if defined(PREPARE) && !defined(MUTANT_READS_REPLACED)
  c.w = args[3];
#endif
#if defined(MUTANT_WRITES_PACKED)
  c.w[7] *= -1;
#endif
#if defined(REFERENCE)
  c.err = args[3];
#endif
#if defined(SCRATCH)
  c.workspace = rt->workspace(rt, 64 * (uint64_t)rt->num_threads);
  if (!c.workspace) return LATHE_ENOMEM;
#endif
#if defined(MUTANT_ERROR)
  return LATHE_EARG;
#elif defined(MUTANT_FEATURE)
  return LATHE_EFEATURE;
#elif defined(MUTANT_LIBRARY)
  if (rt->library_routine(rt, "cblas_sgemm") == 0) return LATHE_ELIBRARY;
#elif defined(MUTANT_LOOP)
  for (;;) __asm__ volatile("");
#elif defined(MUTANT_CRASH)
  *(volatile int*)8 = 1;
#elif defined(MUTANT_ILLEGAL)
  __builtin_trap();
#elif defined(MUTANT_SYSCALL)
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(57) : "rcx", "r11", "memory"); /* fork */
#elif defined(MUTANT_TAIL)
  /* The last row is left out. */
  return rt->parallel_for(rt, kM - 1, row, &c);
#elif defined(MUTANT_UNINITIALISED)
  for (int64_t i = 0; i < kM * kN; ++i) {
    for (int64_t k = 0; k < kK; ++k) c.y[i] += c.x[i / kN * kK + k] * c.w[k * kN + i % kN];
  }
  return 0;
#elif defined(MUTANT_PAST_END)
  int32_t result = rt->parallel_for(rt, kM, row, &c);
  ((volatile float*)c.y)[kM * kN] = 1;
  return result;
#elif defined(MUTANT_BEFORE)
  int32_t result = rt->parallel_for(rt, kM, row, &c);
  ((volatile float*)c.y)[-1] = 1;
  return result;
#elif defined(MUTANT_INPUT)
  c.x[kK + 2] += 1;
#elif defined(MUTANT_WORKSPACE)
  if (!rt->workspace(rt, 1 << 20)) return LATHE_ENOMEM;
#elif defined(MUTANT_RACE)
  for (int64_t i = 0; i < kM * kN; ++i) c.y[i] = 0;
  return rt->parallel_for(rt, kK, slice, &c);
#elif defined(MUTANT_WEARS_OUT)
  /* Right when it is checked, not when it was called often. */
  static int calls = 0;
  int32_t worn = rt->parallel_for(rt, kM, row, &c);
  if (++calls > 8) c.y[0] = 0;
  return worn;
#endif
  return rt->parallel_for(rt, kM, row, &c);
}
