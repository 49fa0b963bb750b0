#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "absl/strings/escaping.h"
#include "bench/peers/onnx_model.h"
#include "bench/peers/onnx_operators.h"

namespace lathe::peers::onnx {
namespace {

using ::testing::ElementsAre;
using Ints = std::vector<int64_t>;

TEST(OnnxModelTest, BytesAreThoseOfProtocolBuffers) {
  Graph graph;
  graph.inputs = {{"x", {300}}};
  graph.outputs = {{"y", {2}}};
  graph.initializers = {{"c", ElementType::kFloat, {}, std::string("\0\0\x80\x3f", 4)}};
  graph.nodes = {{"Op", {"x", "c"}, "y", {{"a", int64_t{-1}}, {"f", 0.5f}, {"p", Ints{1, 300}}}}};
  const std::string expected =
      "08083a73"                      // ir_version: 8, graph
      "0a3a"                          // .node
      "0a01780a0163"                  // ..input: x, c
      "12017922024f70"                // ..output: y, op_type: Op
      "2a110a0161"                    // ..attribute, name: a
      "18ffffffffffffffffff01a00102"  // ...i: -1, type: INT
      "2a0b0a0166150000003fa00101"    // ..attribute f, f: 0.5, type: FLOAT
      "2a0b0a0170400140ac02a00107"    // ..attribute p, ints: 1, 300, type: INTS
      "12056c61746865"                // .name: lathe
      "2a0b10014201634a040000803f"    // .initializer: FLOAT, c, raw_data, without dims
      "5a100a0178120b0a0908011205"    // .input: x, type, tensor_type: FLOAT, shape
      "0a0308ac02"                    // ..dim, dim_value: 300
      "620f0a0179120a0a0808011204"    // .output: y, as above
      "0a020802"                      // ..dim, dim_value: 2
      "42040a001011";                 // opset_import, domain: "", version: 17
  EXPECT_EQ(absl::BytesToHexString(Serialize(graph)), expected);
}

// A problem in one piece of memory, as the bench describes it.
class FakeProblem {
 public:
  FakeProblem(const char* op, std::vector<lathe_peer_parameter> parameters)
      : op_(op), parameters_(std::move(parameters)) {}

  FakeProblem& Tensor(const char* name, int32_t role, Ints shape, const char* type = "f32") {
    shapes_.push_back(std::move(shape));
    tensors_.push_back({name, type, shapes_.back().data(),
                        static_cast<int32_t>(shapes_.back().size()), role, memory_});
    return *this;
  }
  std::optional<BoundGraph> Graph(bool constants_inside) const {
    const lathe_peer_problem problem{op_, parameters_.data(),
                                     static_cast<int32_t>(parameters_.size()), tensors_.data(),
                                     static_cast<int32_t>(tensors_.size())};
    return GraphOf(Problem(&problem), constants_inside);
  }
  void* memory() { return memory_; }

 private:
  const char* op_;
  std::vector<lathe_peer_parameter> parameters_;
  std::deque<Ints> shapes_;
  std::vector<lathe_peer_tensor> tensors_;
  float memory_[64] = {1, 2, 3, 4};
};

std::vector<std::string> Operators(const Graph& graph) {
  std::vector<std::string> operators;
  for (const Node& node : graph.nodes) operators.push_back(node.op);
  return operators;
}

std::vector<std::string> Names(const std::vector<Value>& values) {
  std::vector<std::string> names;
  for (const Value& value : values) names.push_back(value.name);
  return names;
}

FakeProblem Linear() {
  FakeProblem problem("linear", {{"act", "relu"}, {"tw", "1"}});
  problem.Tensor("x", LATHE_PEER_INPUT, {2, 3})
      .Tensor("w", LATHE_PEER_CONST, {4, 3})
      .Tensor("b", LATHE_PEER_INPUT, {4})
      .Tensor("y", LATHE_PEER_OUTPUT, {2, 4});
  return problem;
}

TEST(OnnxOperatorsTest, ConstantsAreInputsOrInside) {
  FakeProblem problem = Linear();
  const auto outside = problem.Graph(false), inside = problem.Graph(true);
  ASSERT_TRUE(outside && inside);
  EXPECT_THAT(Names(outside->graph.inputs), ElementsAre("x", "w", "b"));
  EXPECT_THAT(outside->inputs, ElementsAre(problem.memory(), problem.memory(), problem.memory()));
  EXPECT_TRUE(outside->graph.initializers.empty());
  EXPECT_THAT(Names(inside->graph.inputs), ElementsAre("x", "b"));
  EXPECT_EQ(inside->inputs.size(), 2u);
  ASSERT_EQ(inside->graph.initializers.size(), 1u);
  const Initializer& w = inside->graph.initializers[0];
  EXPECT_EQ(w.name, "w");
  EXPECT_THAT(w.shape, ElementsAre(4, 3));
  EXPECT_EQ(w.bytes, std::string(static_cast<const char*>(problem.memory()), 48));
  for (const auto& bound : {outside, inside}) {
    EXPECT_THAT(Operators(bound->graph), ElementsAre("Gemm", "Relu"));
    EXPECT_THAT(bound->graph.nodes[0].inputs, ElementsAre("x", "w", "b"));
    EXPECT_EQ(std::get<int64_t>(bound->graph.nodes[0].attributes[0].value), 0);
    EXPECT_EQ(std::get<int64_t>(bound->graph.nodes[0].attributes[1].value), 1);
    EXPECT_EQ(bound->graph.nodes[1].inputs[0], bound->graph.nodes[0].output);
    EXPECT_EQ(bound->graph.nodes[1].output, "y");
    EXPECT_THAT(Names(bound->graph.outputs), ElementsAre("y"));
  }
}

TEST(OnnxOperatorsTest, AttentionIsAChainThatReadsEveryInput) {
  FakeProblem problem("attention", {});
  for (const char* name : {"q", "k", "v"}) problem.Tensor(name, LATHE_PEER_INPUT, {1, 2, 4});
  const auto bound = problem.Tensor("y", LATHE_PEER_OUTPUT, {1, 2, 4}).Graph(true);
  ASSERT_TRUE(bound);
  EXPECT_THAT(Operators(bound->graph),
              ElementsAre("Transpose", "MatMul", "Mul", "Softmax", "MatMul"));
  EXPECT_THAT(Names(bound->graph.inputs), ElementsAre("q", "k", "v"));
  // 1 / sqrt(4), a scalar.
  EXPECT_TRUE(bound->graph.initializers[0].shape.empty());
  EXPECT_EQ(absl::BytesToHexString(bound->graph.initializers[0].bytes), "0000003f");
}

TEST(OnnxOperatorsTest, ConvolutionsHaveNoDimensionOfGroups) {
  FakeProblem problem("conv2d", {{"layout", "nchw"},
                                 {"r", "1"},
                                 {"s", "2"},
                                 {"stride", "2"},
                                 {"padding", "1"},
                                 {"dilation", "1"},
                                 {"groups", "2"}});
  problem.Tensor("x", LATHE_PEER_INPUT, {1, 2, 3, 5, 6})
      .Tensor("f", LATHE_PEER_CONST, {2, 1, 3, 1, 2})
      .Tensor("y", LATHE_PEER_OUTPUT, {1, 2, 1, 4, 4});
  const auto bound = problem.Graph(false);
  ASSERT_TRUE(bound);
  EXPECT_THAT(bound->graph.inputs[0].shape, ElementsAre(1, 6, 5, 6));
  EXPECT_THAT(bound->graph.inputs[1].shape, ElementsAre(2, 3, 1, 2));
  EXPECT_THAT(bound->graph.outputs[0].shape, ElementsAre(1, 2, 4, 4));
  const auto& attributes = bound->graph.nodes[0].attributes;
  ASSERT_EQ(attributes.size(), 5u);
  EXPECT_EQ(std::get<Ints>(attributes[0].value), (Ints{1, 2}));        // kernel_shape
  EXPECT_EQ(std::get<Ints>(attributes[1].value), (Ints{2, 2}));        // strides
  EXPECT_EQ(std::get<Ints>(attributes[2].value), (Ints{1, 1, 1, 1}));  // pads
  EXPECT_EQ(std::get<int64_t>(attributes[4].value), 2);                // group
}

TEST(OnnxOperatorsTest, OthersAreLeftAlone) {
  FakeProblem nhwc("conv2d", {{"layout", "nhwc"}});
  nhwc.Tensor("x", LATHE_PEER_INPUT, {1, 4, 4, 2})
      .Tensor("f", LATHE_PEER_CONST, {3, 3, 2, 2})
      .Tensor("y", LATHE_PEER_OUTPUT, {1, 2, 2, 2});
  EXPECT_FALSE(nhwc.Graph(true));
  FakeProblem half("relu", {});
  half.Tensor("x", LATHE_PEER_INPUT, {2, 2}, "f16").Tensor("y", LATHE_PEER_OUTPUT, {2, 2}, "f16");
  EXPECT_FALSE(half.Graph(true));
  FakeProblem unknown("triangle_multiplication", {});
  unknown.Tensor("x", LATHE_PEER_INPUT, {2, 2}).Tensor("y", LATHE_PEER_OUTPUT, {2, 2});
  EXPECT_FALSE(unknown.Graph(true));
}

}  // namespace
}  // namespace lathe::peers::onnx
