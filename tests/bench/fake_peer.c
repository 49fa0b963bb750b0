/* A peer plug-in for tests: plain products, some of them wrong in one way each. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peer.h"

typedef struct {
  const float *a, *b;
  float* c;
  int64_t m, n, k;
  int wrong;
} product;

static int32_t run(void* state) {
  const product* p = state;
  for (int64_t i = 0; i < p->m; ++i) {
    for (int64_t j = 0; j < p->n; ++j) {
      float sum = 0;
      for (int64_t k = 0; k < p->k; ++k) sum += p->a[i * p->k + k] * p->b[k * p->n + j];
      p->c[i * p->n + j] = sum;
    }
  }
  if (p->wrong) p->c[p->m * p->n - 1] += 1;
  return 0;
}

static int32_t fail(void* state) { return state ? 7 : 8; }

/* Does nothing, which is fast. */
static int32_t idle(void* state) { return state ? 0 : 1; }

/* Writes where it must not. */
static int32_t spoil(void* state) {
  ((float*)((product*)state)->a)[0] += 1;
  run(state);
  ((float*)((product*)state)->a)[0] -= 0.5f;
  return 0;
}

static int64_t parameter(const lathe_peer_problem* problem, const char* name) {
  for (int32_t i = 0; i < problem->num_parameters; ++i) {
    if (strcmp(problem->parameters[i].name, name) == 0) return atoll(problem->parameters[i].value);
  }
  return -1;
}

static lathe_peer_runner* add(lathe_peer_runner* runner, const char* variant, const product* p,
                              int32_t (*run)(void*), int wrong) {
  memset(runner, 0, sizeof(*runner));
  strcpy(runner->variant, variant);
  product* copy = malloc(sizeof(product));
  *copy = *p;
  copy->wrong = wrong;
  runner->state = copy;
  runner->run = run;
  runner->destroy = free;
  return runner + 1;
}

static int32_t open(const lathe_peer_problem* problem, lathe_peer_runner* runners,
                    int32_t capacity) {
  if (strcmp(problem->op, "matmul") != 0 || capacity < 7) return 0;
  const lathe_peer_tensor* t = problem->tensors;
  if (problem->num_tensors != 3 || t[0].role != LATHE_PEER_INPUT ||
      t[2].role != LATHE_PEER_OUTPUT || strcmp(t[0].type, "f32") != 0) {
    return 0;
  }
  product p = {t[0].data, t[1].data, t[2].data, t[2].shape[0], t[2].shape[1], t[0].shape[1], 0};
  /* The parameters say what the shapes say. */
  if (parameter(problem, "m") != p.m || parameter(problem, "n") != p.n ||
      parameter(problem, "k") != p.k || parameter(problem, "bias") != 0) {
    return 0;
  }
  lathe_peer_runner* next = runners;
  next = add(next, "", &p, run, 0);
  next = add(next, "[wrong]", &p, run, 1);
  next = add(next, "[idle]", &p, idle, 0);
  next = add(next, "[spoils]", &p, spoil, 0);
  next = add(next, "[fails]", &p, fail, 0);
  next = add(next, "-relaxed", &p, run, 0);
  next[-1].flags = LATHE_PEER_RELAXED;
  memset(next, 0, sizeof(*next));
  strcpy(next->variant, "[closed]");
  strcpy(next->error, "out of order");
  return (int32_t)(next + 1 - runners);
}

const lathe_peer* lathe_peer_entry(const lathe_peer_host* host) {
  static const lathe_peer peer = {LATHE_PEER_ABI, "fake", "1.2.3, plain loops", open};
  if (host->abi != LATHE_PEER_ABI) return NULL;
  if (host->threads > 1) {
    strcpy(host->error, "one thread only");
    return NULL;
  }
  if (host->onnxruntime) {
    snprintf(host->error, LATHE_PEER_ERROR_BYTES, "%s is not needed", host->onnxruntime);
    return NULL;
  }
  return &peer;
}
