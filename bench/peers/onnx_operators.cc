#include "bench/peers/onnx_operators.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lathe::peers::onnx {
namespace {

using Ints = std::vector<int64_t>;

template <typename T>
std::string BytesOf(const T* values, size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

// Builds the graph of one problem, node by node; values go by name.
class Builder {
 public:
  Builder(const Problem& problem, bool constants_inside)
      : problem_(problem), constants_inside_(constants_inside) {}

  // Input `i` of the problem, in a shape of as many elements.
  std::string Input(size_t i, Shape shape) {
    const lathe_peer_tensor& tensor = *problem_.inputs()[i];
    if (constants_inside_ && tensor.role == LATHE_PEER_CONST) {
      bound_.graph.initializers.push_back(
          {tensor.name, ElementType::kFloat, std::move(shape),
           BytesOf(Floats(tensor), static_cast<size_t>(Elements(tensor)))});
    } else {
      bound_.graph.inputs.push_back({tensor.name, std::move(shape)});
      bound_.inputs.push_back(tensor.data);
    }
    return tensor.name;
  }
  std::string Input(size_t i) { return Input(i, peers::Shape(*problem_.inputs()[i])); }

  std::string Scalar(float value) { return Constant(ElementType::kFloat, {}, BytesOf(&value, 1)); }
  std::string Indices(const Ints& values) {
    return Constant(ElementType::kInt64, {static_cast<int64_t>(values.size())},
                    BytesOf(values.data(), values.size()));
  }

  std::string Add(std::string op, std::vector<std::string> inputs,
                  std::vector<Attribute> attributes = {}) {
    std::string output = "lathe." + std::to_string(bound_.graph.nodes.size());
    bound_.graph.nodes.push_back({std::move(op), std::move(inputs), output, std::move(attributes)});
    return output;
  }

  // x * (1 + erf(x / sqrt(2))) / 2, in the form that the runtime knows to fuse.
  std::string Gelu(const std::string& x) {
    const std::string erf = Add("Erf", {Add("Div", {x, Scalar(std::sqrt(2.0f))})});
    return Add("Mul", {Add("Mul", {x, Add("Add", {erf, Scalar(1)})}), Scalar(0.5f)});
  }
  // What parameter `act` names, applied to x.
  std::string Activation(std::string_view act, const std::string& x) {
    if (act == "relu") return Add("Relu", {x});
    return act == "gelu" ? Gelu(x) : x;
  }

  // The last node computes the problem's output, in this shape.
  BoundGraph Finish(Shape shape) && {
    const lathe_peer_tensor& tensor = *problem_.outputs()[0];
    bound_.graph.nodes.back().output = tensor.name;
    bound_.graph.outputs.push_back({tensor.name, std::move(shape)});
    bound_.output = tensor.data;
    return std::move(bound_);
  }
  BoundGraph Finish() && { return std::move(*this).Finish(peers::Shape(*problem_.outputs()[0])); }

 private:
  std::string Constant(ElementType type, Shape shape, std::string bytes) {
    std::string name = "lathe.constant." + std::to_string(bound_.graph.initializers.size());
    bound_.graph.initializers.push_back({name, type, std::move(shape), std::move(bytes)});
    return name;
  }

  const Problem& problem_;
  const bool constants_inside_;
  BoundGraph bound_;
};

// Each of these adds the nodes of its operators, and returns whether it did.

bool AddProduct(const Problem& problem, Builder& builder) {
  const bool linear = problem.Is("linear") || problem.Is("linear_relu");
  const bool ta = problem.Flag("ta"), tb = problem.Flag("tb") || problem.Flag("tw");
  std::string y;
  if (problem.Is("batch_matmul")) {
    auto operand = [&](size_t i, bool transposed) {
      std::string x = builder.Input(i);
      return transposed ? builder.Add("Transpose", {x}, {{"perm", Ints{0, 2, 1}}}) : x;
    };
    const std::string a = operand(0, ta), b = operand(1, tb);
    y = builder.Add("MatMul", {a, b});
  } else if (problem.Is("matmul") || linear) {
    std::vector<std::string> inputs;
    for (size_t i = 0; i < problem.inputs().size(); ++i) inputs.push_back(builder.Input(i));
    if (inputs.size() == 2 && !ta && !tb) {
      y = builder.Add("MatMul", std::move(inputs));
    } else {
      y = builder.Add("Gemm", std::move(inputs),
                      {{"transA", int64_t{ta}}, {"transB", int64_t{tb}}});
    }
  } else {
    return false;
  }
  const bool relu = problem.Flag("relu") || problem.Is("linear_relu");
  builder.Activation(relu ? "relu" : problem.Word("act"), y);
  return true;
}

bool AddAttention(const Problem& problem, Builder& builder) {
  if (!problem.Is("attention")) return false;
  const auto dim = static_cast<float>(problem.outputs()[0]->shape[2]);
  const std::string q = builder.Input(0);
  const std::string kt = builder.Add("Transpose", {builder.Input(1)}, {{"perm", Ints{0, 2, 1}}});
  const std::string scores =
      builder.Add("Mul", {builder.Add("MatMul", {q, kt}), builder.Scalar(1 / std::sqrt(dim))});
  const std::string weights = builder.Add("Softmax", {scores}, {{"axis", int64_t{-1}}});
  builder.Add("MatMul", {weights, builder.Input(2)});
  return true;
}

// Operators on a matrix.
bool AddRows(const Problem& problem, Builder& builder) {
  static constexpr std::pair<const char*, const char*> kElementwise[] = {
      {"add", "Add"},
      {"add_relu", "Add"},
      {"bias_add", "Add"},
      {"bias_relu", "Add"},
      {"mul", "Mul"},
      {"sub", "Sub"},
      {"hard_swish", "HardSwish"},
      {"relu", "Relu"},
      {"sigmoid", "Sigmoid"},
      {"tanh", "Tanh"},
  };
  // ReduceSum takes its axes as an input, the others take an attribute (until opset 18).
  static constexpr std::pair<const char*, const char*> kReductions[] = {
      {"max", "ReduceMax"}, {"mean", "ReduceMean"}, {"min", "ReduceMin"}, {"sum", "ReduceSum"}};
  for (auto [name, op] : kElementwise) {
    if (!problem.Is(name)) continue;
    std::vector<std::string> inputs;
    for (size_t i = 0; i < problem.inputs().size(); ++i) inputs.push_back(builder.Input(i));
    const std::string y = builder.Add(op, std::move(inputs));
    if (problem.Is("add_relu") || problem.Is("bias_relu")) builder.Add("Relu", {y});
    return true;
  }
  for (auto [name, op] : kReductions) {
    const bool row = problem.Is(std::string("row_") + name);
    if (!row && !problem.Is(std::string("column_") + name)) continue;
    const Ints axes{row ? 1 : 0};
    const Attribute drop{"keepdims", int64_t{0}};
    if (std::string_view(name) == "sum") {
      const std::string x = builder.Input(0);
      builder.Add(op, {x, builder.Indices(axes)}, {drop});
    } else {
      builder.Add(op, {builder.Input(0)}, {{"axes", axes}, drop});
    }
    return true;
  }
  if (problem.Is("gelu")) {
    builder.Gelu(builder.Input(0));
  } else if (problem.Is("softmax")) {
    builder.Add("Softmax", {builder.Input(0)}, {{"axis", int64_t{-1}}});
  } else if (problem.Is("transpose")) {
    builder.Add("Transpose", {builder.Input(0)}, {{"perm", Ints{1, 0}}});
  } else if (problem.Is("layer_norm")) {
    const std::string x = builder.Input(0), gamma = builder.Input(1), beta = builder.Input(2);
    builder.Add("LayerNormalization", {x, gamma, beta},
                {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(problem.Number("eps"))}});
  } else {
    return false;
  }
  return true;
}

// [n, channels, spatial...], where ours may have groups of channels, a dimension each.
Shape ChannelsFirst(const lathe_peer_tensor& tensor, int spatial) {
  const Shape shape = peers::Shape(tensor);
  Shape result{shape[0], 1};
  const size_t spatial_at = shape.size() - static_cast<size_t>(spatial);
  for (size_t i = 1; i < spatial_at; ++i) result[1] *= shape[i];
  result.insert(result.end(), shape.begin() + static_cast<ptrdiff_t>(spatial_at), shape.end());
  return result;
}

// The attributes that convolutions and pooling share.
std::vector<Attribute> Window(const Problem& problem, int spatial) {
  const auto dims = static_cast<size_t>(spatial);
  Ints kernel{problem.Integer("s", 3)};
  if (spatial == 2) kernel.insert(kernel.begin(), problem.Integer("r", 3));
  return {{"kernel_shape", kernel},
          {"strides", Ints(dims, problem.Integer("stride", 1))},
          {"pads", Ints(2 * dims, problem.Integer("padding"))}};
}

std::optional<BoundGraph> WindowGraph(const Problem& problem, Builder builder) {
  const bool flat = problem.Is("conv1d"), depthwise = problem.Is("depthwise_conv2d");
  const bool convolution = flat || depthwise || problem.Is("conv2d");
  const bool max = problem.Is("max_pool2d"), average = problem.Is("avg_pool2d");
  if (!convolution && !max && !average) return std::nullopt;
  if (problem.Word("layout") != (flat ? "ncw" : "nchw")) return std::nullopt;
  const int spatial = flat ? 1 : 2;
  const Shape x = ChannelsFirst(*problem.inputs()[0], spatial),
              y = ChannelsFirst(*problem.outputs()[0], spatial);
  const int64_t dilation = problem.Integer("dilation", 1);
  std::vector<Attribute> window = Window(problem, spatial);
  const Attribute dilations{"dilations", Ints(static_cast<size_t>(spatial), dilation)};
  if (average) {
    if (dilation != 1) return std::nullopt;  // from opset 19 on
    window.push_back({"count_include_pad", int64_t{problem.Flag("count_padding")}});
    builder.Add("AveragePool", {builder.Input(0, x)}, window);
    return std::move(builder).Finish(y);
  }
  window.push_back(dilations);
  if (max) {
    builder.Add("MaxPool", {builder.Input(0, x)}, window);
    return std::move(builder).Finish(y);
  }
  const int64_t groups = depthwise ? x[1] : problem.Integer("groups", 1);
  window.push_back({"group", groups});
  Shape filter{y[1], x[1] / groups};
  const Ints& kernel = std::get<Ints>(window[0].value);
  filter.insert(filter.end(), kernel.begin(), kernel.end());
  std::vector<std::string> inputs{builder.Input(0, x), builder.Input(1, filter)};
  if (problem.inputs().size() == 3) inputs.push_back(builder.Input(2, {y[1]}));
  builder.Activation(problem.Word("act"), builder.Add("Conv", std::move(inputs), window));
  return std::move(builder).Finish(y);
}

}  // namespace

std::optional<BoundGraph> GraphOf(const Problem& problem, bool constants_inside) {
  if (!problem.All("f32") || problem.outputs().size() != 1) return std::nullopt;
  Builder builder(problem, constants_inside);
  for (auto add : {AddProduct, AddAttention, AddRows}) {
    if (add(problem, builder)) return std::move(builder).Finish();
  }
  return WindowGraph(problem, std::move(builder));
}

}  // namespace lathe::peers::onnx
