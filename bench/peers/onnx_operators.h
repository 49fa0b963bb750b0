// Our operators as graphs of ONNX's.
#ifndef LATHE_BENCH_PEERS_ONNX_OPERATORS_H_
#define LATHE_BENCH_PEERS_ONNX_OPERATORS_H_

#include <optional>
#include <vector>

#include "bench/peers/onnx_model.h"
#include "bench/peers/plugin.h"

namespace lathe::peers::onnx {

// A graph and the memory that it computes on.
struct BoundGraph {
  Graph graph;
  std::vector<void*> inputs;  // of graph.inputs, one by one
  void* output = nullptr;     // of graph.outputs[0]
};

// The graph of a problem; nothing for types other than f32, channels last, and
// operators that are not in onnx_operators.cc. Shapes are the
// tensors', but for groups of channels, which ONNX does not keep apart. With
// `constants_inside`, constant tensors are initializers, which the runtime may
// pack ahead, rather than inputs.
std::optional<BoundGraph> GraphOf(const Problem& problem, bool constants_inside);

}  // namespace lathe::peers::onnx

#endif  // LATHE_BENCH_PEERS_ONNX_OPERATORS_H_
