/* The interface of peer plug-ins, version 1: other libraries that compute what
 * Lathe's kernels compute, to be timed beside them by `lathe bench`. Plain C.
 *
 * A plug-in is a shared object lathe-peer-NAME.so that exports
 *
 *   const lathe_peer* lathe_peer_entry(const lathe_peer_host* host);
 *
 * which is called once, before anything else, and returns null when the library
 * cannot be used here (host->error may then say why). What the plug-in returns
 * lives as long as the process: plug-ins are never unloaded. */
#ifndef LATHE_BENCH_PEER_H_
#define LATHE_BENCH_PEER_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_PEER_ABI 1
#define LATHE_PEER_ENTRY "lathe_peer_entry"
#define LATHE_PEER_ERROR_BYTES 256

typedef struct lathe_peer_host {
  uint32_t abi;            /* LATHE_PEER_ABI */
  int32_t threads;         /* of every call; the process is pinned to as many CPUs already */
  char* error;             /* LATHE_PEER_ERROR_BYTES, for a message */
  const char* onnxruntime; /* the library that --onnxruntime names, or null */
} lathe_peer_host;

enum { LATHE_PEER_INPUT = 0, LATHE_PEER_CONST = 1, LATHE_PEER_OUTPUT = 2 };

typedef struct lathe_peer_tensor {
  const char* name;
  const char* type; /* "f32", "i8", ... as in tensor functions */
  const int64_t* shape;
  int32_t rank;
  int32_t role; /* LATHE_PEER_INPUT, ... */
  void* data;   /* dense, row-major; inputs hold their values, outputs anything */
} lathe_peer_tensor;

typedef struct lathe_peer_parameter {
  const char* name;
  const char* value; /* as it is written: "64", "1e-5", "nhwc" */
} lathe_peer_parameter;

/* One operator of Lathe's operator library (`lathe ops`) with all its
 * parameters, and the tensors of its function, inputs then outputs. */
typedef struct lathe_peer_problem {
  const char* op; /* "matmul" */
  const lathe_peer_parameter* parameters;
  int32_t num_parameters;
  const lathe_peer_tensor* tensors;
  int32_t num_tensors;
} lathe_peer_problem;

/* The result may differ from a sum in any order by more than rounding: Winograd. */
#define LATHE_PEER_RELAXED 1u

/* One way of computing a problem, bound to its tensors. */
typedef struct lathe_peer_runner {
  char variant[32]; /* distinguishes it from the plug-in's others: "", "[P]" */
  uint32_t flags;   /* LATHE_PEER_RELAXED */
  void* state;
  int32_t (*run)(void* state); /* computes the outputs; 0 on success; null: it failed to open */
  void (*destroy)(void* state);
  char error[LATHE_PEER_ERROR_BYTES]; /* why there is no `run` */
} lathe_peer_runner;

typedef struct lathe_peer {
  uint32_t abi;        /* LATHE_PEER_ABI */
  const char* name;    /* "onednn" */
  const char* version; /* of the library, and what was forced: "0.9.0, skx" */
  /* Fills at most `capacity` runners and returns how many; 0: not mine. The
   * problem's arrays live for the call only; the tensors' memory stays where it
   * is until the runners are destroyed, and CONST tensors keep their values:
   * packing them ahead is fair and belongs here, as it is not timed. */
  int32_t (*open)(const lathe_peer_problem* problem, lathe_peer_runner* runners, int32_t capacity);
} lathe_peer;

typedef const lathe_peer* (*lathe_peer_entry_fn)(const lathe_peer_host* host);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_BENCH_PEER_H_ */
