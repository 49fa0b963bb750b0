// Models in the format of ONNX, written by hand: as much of it as one operator of
// ours needs. Field numbers are those of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto).
#ifndef LATHE_BENCH_PEERS_ONNX_MODEL_H_
#define LATHE_BENCH_PEERS_ONNX_MODEL_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lathe::peers::onnx {

using Shape = std::vector<int64_t>;

struct Attribute {
  std::string name;
  std::variant<int64_t, float, std::vector<int64_t>> value;
};

struct Node {
  std::string op;  // "MatMul"
  std::vector<std::string> inputs;
  std::string output;
  std::vector<Attribute> attributes;
};

// An input or output of the graph: f32, of fixed shape.
struct Value {
  std::string name;
  Shape shape;
};

enum class ElementType { kFloat = 1, kInt64 = 7 };  // as TensorProto.DataType has them

// A constant of the graph.
struct Initializer {
  std::string name;
  ElementType type = ElementType::kFloat;
  Shape shape;
  std::string bytes;  // dense, row-major, little-endian
};

struct Graph {
  std::vector<Value> inputs, outputs;
  std::vector<Initializer> initializers;
  std::vector<Node> nodes;  // producers before consumers
};

// A ModelProto: IR version 8, operators of opset 17 (ONNX Runtime 1.12 and later).
std::string Serialize(const Graph& graph);

}  // namespace lathe::peers::onnx

#endif  // LATHE_BENCH_PEERS_ONNX_MODEL_H_
