// Operators on a matrix: softmax, gelu, normalisations, reductions, transpose.
#include "bench/peers/onednn.h"

namespace lathe::peers {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;

std::function<void()> Elementwise(algorithm how, const memory& x, const memory& y) {
  dnnl::eltwise_forward::desc desc(prop_kind::forward_inference, how, x.get_desc(), 0, 0);
  dnnl::eltwise_forward primitive({desc, Engine()});
  return Execute(primitive, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
}

std::function<void()> Fold(algorithm how, const memory& x, const memory& y) {
  dnnl::reduction::desc desc(how, x.get_desc(), y.get_desc(), 0, 0);
  dnnl::reduction primitive({desc, Engine()});
  return Execute(primitive, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
}

// layer_norm over the last dimension, with gamma and beta.
std::function<void()> LayerNorm(const memory& x, const float* gamma, const float* beta,
                                const memory& y, float eps) {
  using Flags = dnnl::normalization_flags;
  const memory::desc vector = Dense({x.get_desc().dims()[1]}, Tag::a);
  dnnl::layer_normalization_forward::desc desc(prop_kind::forward_inference, x.get_desc(), eps,
                                               Flags::use_scale | Flags::use_shift);
  dnnl::layer_normalization_forward::primitive_desc chosen(desc, Engine());
  return Execute(dnnl::layer_normalization_forward(chosen), {{DNNL_ARG_SRC, x},
                                                             {DNNL_ARG_SCALE, Wrap(vector, gamma)},
                                                             {DNNL_ARG_SHIFT, Wrap(vector, beta)},
                                                             {DNNL_ARG_DST, y}});
}

std::function<void()> Binary(algorithm how, const memory& a, const memory& b, const memory& y,
                             bool relu) {
  dnnl::primitive_attr attributes;
  dnnl::post_ops after;
  if (relu) after.append_eltwise(1, algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(after);
  dnnl::binary::primitive_desc chosen({how, a.get_desc(), b.get_desc(), y.get_desc()}, attributes,
                                      Engine());
  return Execute(dnnl::binary(chosen),
                 {{DNNL_ARG_SRC_0, a}, {DNNL_ARG_SRC_1, b}, {DNNL_ARG_DST, y}});
}

// Operators of one matrix and nothing else.
std::vector<Variant> UnaryVariants(const Problem& problem, int64_t rows, int64_t columns) {
  static constexpr std::pair<const char*, algorithm> kElementwise[] = {
      {"gelu", algorithm::eltwise_gelu_erf},        {"gelu_tanh", algorithm::eltwise_gelu_tanh},
      {"hard_swish", algorithm::eltwise_hardswish}, {"relu", algorithm::eltwise_relu},
      {"sigmoid", algorithm::eltwise_logistic},     {"tanh", algorithm::eltwise_tanh},
  };
  static constexpr std::pair<const char*, algorithm> kReductions[] = {
      {"mean", algorithm::reduction_mean},
      {"max", algorithm::reduction_max},
      {"min", algorithm::reduction_min},
      {"sum", algorithm::reduction_sum},
  };
  const memory x = Wrap(Dense({rows, columns}, Tag::ab), Floats(*problem.inputs()[0]));
  // y in x's logical dimensions, whatever the operator does to them.
  auto y = [&](int64_t r, int64_t c, Tag tag = Tag::ab) {
    return Wrap(Dense({r, c}, tag), Floats(*problem.outputs()[0]));
  };
  if (problem.Is("softmax")) {
    return {{"", [x, y = y(rows, columns)] { return SoftmaxOfRows(x, y, 1); }}};
  }
  if (problem.Is("transpose")) {
    return {{"", [x, y = y(rows, columns, Tag::ba)] { return Reorder(x, y); }}};
  }
  for (auto [name, how] : kElementwise) {
    if (!problem.Is(name)) continue;
    return {{"", [x, how = how, y = y(rows, columns)] { return Elementwise(how, x, y); }}};
  }
  for (auto [name, how] : kReductions) {
    const bool row = problem.Is(std::string("row_") + name);
    if (!row && !problem.Is(std::string("column_") + name)) continue;
    return {{"", [x, how = how, y = row ? y(rows, 1) : y(1, columns)] { return Fold(how, x, y); }}};
  }
  return {};
}

}  // namespace

std::function<void()> SoftmaxOfRows(const memory& x, const memory& y, int axis) {
  dnnl::softmax_forward::desc desc(prop_kind::forward_inference, x.get_desc(), axis);
  dnnl::softmax_forward primitive({desc, Engine()});
  return Execute(primitive, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
}

std::vector<Variant> RowVariants(const Problem& problem) {
  const auto& inputs = problem.inputs();
  if (!problem.All("f32") || inputs.empty() || problem.outputs().size() != 1 ||
      inputs[0]->rank != 2) {
    return {};
  }
  const int64_t rows = inputs[0]->shape[0], columns = inputs[0]->shape[1];
  if (inputs.size() == 1) return UnaryVariants(problem, rows, columns);
  const memory::desc matrix = Dense({rows, columns}, Tag::ab);
  const memory x = Wrap(matrix, Floats(*inputs[0])),
               y = Wrap(matrix, Floats(*problem.outputs()[0]));
  if (problem.Is("layer_norm")) {
    const float *gamma = Floats(*inputs[1]), *beta = Floats(*inputs[2]);
    const auto eps = static_cast<float>(problem.Number("eps"));
    return {{"", [=] { return LayerNorm(x, gamma, beta, y, eps); }}};
  }
  const bool relu = problem.Is("add_relu") || problem.Is("bias_relu");
  const bool bias = problem.Is("bias_add") || problem.Is("bias_relu");
  if (problem.Is("add") || problem.Is("sub") || problem.Is("mul") || relu || bias) {
    const algorithm how = problem.Is("sub")   ? algorithm::binary_sub
                          : problem.Is("mul") ? algorithm::binary_mul
                                              : algorithm::binary_add;
    const memory b = Wrap(bias ? Dense({1, columns}, Tag::ab) : matrix, Floats(*inputs[1]));
    return {{"", [=] { return Binary(how, x, b, y, relu); }}};
  }
  return {};
}

}  // namespace lathe::peers
