// Convolutions and pooling. Plain layouts of x and y are the workload's; [P]: the
// filter, where it is constant, in the layout that oneDNN asks for.
#include "bench/peers/onednn.h"

namespace lathe::peers {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;

// conv2d, depthwise_conv2d and conv1d (as a convolution of height 1) in oneDNN's
// logical order: x and y [n, c, h, w], filter [g, o, c, h, w] or [o, c, h, w].
struct Convolution {
  memory::dims x, f, y, bias;
  memory::dims strides, dilates, padding;
  Tag x_tag, f_tag;
  const float *x_data, *f_data, *bias_data;
  float* y_data;
  bool relu, const_f;
};

// Reads [n, h, w, c] or [n, c, h, w] (without h in one dimension) as [n, c, h, w];
// groups of channels, a dimension of their own, are channels again.
memory::dims Spatial(const lathe_peer_tensor& tensor, bool first, int spatial) {
  const std::vector<int64_t> shape = Shape(tensor);
  const size_t channels = shape.size() - 1 - static_cast<size_t>(spatial);
  int64_t c = 1;
  const size_t c_at = first ? 1 : 1 + static_cast<size_t>(spatial);
  for (size_t i = 0; i < channels; ++i) c *= shape[c_at + i];
  memory::dims dims{shape[0], c};
  if (spatial == 1) dims.push_back(1);
  const size_t s_at = first ? 1 + channels : 1;
  for (int i = 0; i < spatial; ++i) dims.push_back(shape[s_at + static_cast<size_t>(i)]);
  return dims;
}

std::optional<Convolution> AsConvolution(const Problem& problem) {
  const bool depthwise = problem.Is("depthwise_conv2d"), flat = problem.Is("conv1d");
  if (!depthwise && !flat && !problem.Is("conv2d")) return std::nullopt;
  if (!problem.All("f32") || problem.Word("act") == "gelu") return std::nullopt;
  const bool first = problem.Word("layout") == "nchw" || problem.Word("layout") == "ncw";
  const int spatial = flat ? 1 : 2;
  const lathe_peer_tensor &x = *problem.inputs()[0], &f = *problem.inputs()[1],
                          &y = *problem.outputs()[0];
  Convolution c{};
  c.x = Spatial(x, first, spatial);
  c.y = Spatial(y, first, spatial);
  const int64_t groups = depthwise ? c.x[1] : problem.Integer("groups", 1);
  const int64_t s = problem.Integer("s", 3), r = flat ? 1 : problem.Integer("r", 3);
  c.f = {c.y[1] / groups, c.x[1] / groups, r, s};
  if (groups > 1) c.f.insert(c.f.begin(), groups);
  // Ours: [r, s, c, g, o] channels last, [g, o, c, r, s] channels first.
  c.x_tag = first ? Tag::nchw : Tag::nhwc;
  c.f_tag = groups > 1 ? (first ? Tag::goihw : Tag::hwigo) : (first ? Tag::oihw : Tag::hwio);
  const int64_t stride = problem.Integer("stride", 1), dilation = problem.Integer("dilation", 1),
                padding = problem.Integer("padding");
  c.strides = {flat ? 1 : stride, stride};
  c.dilates = {flat ? 0 : dilation - 1, dilation - 1};
  c.padding = {flat ? 0 : padding, padding};
  c.x_data = Floats(x);
  c.f_data = Floats(f);
  c.y_data = MutableFloats(y);
  if (problem.inputs().size() == 3) {
    c.bias_data = Floats(*problem.inputs()[2]);
    c.bias = {c.y[1]};
  }
  c.relu = problem.Word("act") == "relu";
  c.const_f = f.role == LATHE_PEER_CONST;
  return c;
}

// With `blocked`, x and y have the layout that oneDNN asks for too, and are
// reordered from and to ours in every call.
std::function<void()> Convolve(const Convolution& c, algorithm how, bool packed,
                               bool blocked = false) {
  const memory::desc x = Dense(c.x, c.x_tag), y = Dense(c.y, c.x_tag), f = Dense(c.f, c.f_tag),
                     f_wanted = packed ? Dense(c.f, Tag::any) : f,
                     x_wanted = blocked ? Dense(c.x, Tag::any) : x,
                     y_wanted = blocked ? Dense(c.y, Tag::any) : y,
                     bias = c.bias_data ? Dense(c.bias, Tag::a) : memory::desc();
  dnnl::primitive_attr attributes;
  dnnl::post_ops after;
  if (c.relu) after.append_eltwise(1, algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(after);
  const auto inference = prop_kind::forward_inference;
  using Description = dnnl::convolution_forward::desc;
  const Description desc = c.bias_data
                               ? Description(inference, how, x_wanted, f_wanted, bias, y_wanted,
                                             c.strides, c.dilates, c.padding, c.padding)
                               : Description(inference, how, x_wanted, f_wanted, y_wanted,
                                             c.strides, c.dilates, c.padding, c.padding);
  const dnnl::convolution_forward::primitive_desc chosen(desc, attributes, Engine());
  const memory plain_x = Wrap(x, c.x_data), plain_y = Wrap(y, c.y_data);
  const bool reorder_x = chosen.src_desc() != x, reorder_y = chosen.dst_desc() != y;
  const memory used_x = reorder_x ? memory(chosen.src_desc(), Engine()) : plain_x;
  const memory used_y = reorder_y ? memory(chosen.dst_desc(), Engine()) : plain_y;
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, used_x},
      {DNNL_ARG_WEIGHTS, Reordered(Wrap(f, c.f_data), chosen.weights_desc())},
      {DNNL_ARG_DST, used_y}};
  if (c.bias_data) arguments.emplace(DNNL_ARG_BIAS, Wrap(bias, c.bias_data));
  std::vector<std::function<void()>> steps;
  if (reorder_x) steps.push_back(Reorder(plain_x, used_x));
  steps.push_back(Execute(dnnl::convolution_forward(chosen), std::move(arguments)));
  if (reorder_y) steps.push_back(Reorder(used_y, plain_y));
  return InOrder(std::move(steps));
}

std::vector<Variant> PoolingVariants(const Problem& problem) {
  const bool max = problem.Is("max_pool2d");
  if (!max && !problem.Is("avg_pool2d")) return {};
  if (!problem.All("f32")) return {};
  const bool first = problem.Word("layout") == "nchw";
  const Tag tag = first ? Tag::nchw : Tag::nhwc;
  const memory x =
      Wrap(Dense(Spatial(*problem.inputs()[0], first, 2), tag), Floats(*problem.inputs()[0]));
  const memory y =
      Wrap(Dense(Spatial(*problem.outputs()[0], first, 2), tag), Floats(*problem.outputs()[0]));
  const int64_t stride = problem.Integer("stride", 1), padding = problem.Integer("padding"),
                dilation = problem.Integer("dilation", 1);
  const memory::dims kernel{problem.Integer("r", 3), problem.Integer("s", 3)};
  // oneDNN divides by the window's positions inside of x, or by all of them.
  const algorithm how = max                             ? algorithm::pooling_max
                        : problem.Flag("count_padding") ? algorithm::pooling_avg_include_padding
                                                        : algorithm::pooling_avg_exclude_padding;
  return {{"", [=] {
             dnnl::pooling_v2_forward::desc desc(
                 prop_kind::forward_inference, how, x.get_desc(), y.get_desc(), {stride, stride},
                 kernel, {dilation - 1, dilation - 1}, {padding, padding}, {padding, padding});
             dnnl::pooling_v2_forward primitive({desc, Engine()});
             return Execute(primitive, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
           }}};
}

}  // namespace

std::vector<Variant> ConvolutionVariants(const Problem& problem) {
  std::optional<Convolution> convolution = AsConvolution(problem);
  if (!convolution) return PoolingVariants(problem);
  const auto direct = algorithm::convolution_direct;
  const auto winograd = algorithm::convolution_winograd;
  std::vector<Variant> variants{{"", [c = *convolution] { return Convolve(c, direct, false); }}};
  if (convolution->const_f) {
    variants.push_back({"[P]", [c = *convolution] { return Convolve(c, direct, true); }});
    variants.push_back(
        {"-blocked[P]", [c = *convolution] { return Convolve(c, direct, true, true); }});
  }
  // Other shapes have no Winograd in oneDNN.
  const bool three = problem.Integer("r", 3) == 3 && problem.Integer("s", 3) == 3;
  if (convolution->const_f && problem.Is("conv2d") && three && problem.Integer("stride", 1) == 1 &&
      problem.Integer("dilation", 1) == 1 && problem.Integer("groups", 1) == 1) {
    variants.push_back({"-winograd[P]",
                        [c = *convolution] { return Convolve(c, winograd, true, true); },
                        LATHE_PEER_RELAXED});
  }
  return variants;
}

}  // namespace lathe::peers
