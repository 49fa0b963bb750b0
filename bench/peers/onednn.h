// Peer: oneDNN. Variants: "" with plain layouts, "[P]" with constant operands in
// the layout that oneDNN asks for, "-winograd[P]" with that algorithm.
#ifndef LATHE_BENCH_PEERS_ONEDNN_H_
#define LATHE_BENCH_PEERS_ONEDNN_H_

#include <memory>
#include <optional>
#include <unordered_map>

#include "bench/peers/plugin.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace lathe::peers {

const dnnl::engine& Engine();
dnnl::stream& Stream();

inline dnnl::memory::desc Dense(dnnl::memory::dims dims, dnnl::memory::format_tag tag) {
  return {std::move(dims), dnnl::memory::data_type::f32, tag};
}
inline dnnl::memory Wrap(const dnnl::memory::desc& desc, const float* data) {
  return dnnl::memory(desc, Engine(), const_cast<float*>(data));
}

// `plain` in the layout `wanted`: itself, or a reordered copy made now.
dnnl::memory Reordered(const dnnl::memory& plain, const dnnl::memory::desc& wanted);

// What is timed: one primitive on fixed memory.
std::function<void()> Execute(dnnl::primitive primitive,
                              std::unordered_map<int, dnnl::memory> arguments);

// The variants of each kind of problem; empty for others.
std::vector<Variant> GemmVariants(const Problem& problem);
std::vector<Variant> ConvolutionVariants(const Problem& problem);  // and pooling
std::vector<Variant> RowVariants(const Problem& problem);  // softmax, gelu, reductions, transpose
std::vector<Variant> ComposedVariants(const Problem& problem);  // attention, triangle

// Each step, one after another.
std::function<void()> InOrder(std::vector<std::function<void()>> steps);
std::function<void()> Reorder(const dnnl::memory& x, const dnnl::memory& y);

// softmax(x) along dimension `axis`, into y, which may be x.
std::function<void()> SoftmaxOfRows(const dnnl::memory& x, const dnnl::memory& y, int axis);

}  // namespace lathe::peers

#endif  // LATHE_BENCH_PEERS_ONEDNN_H_
