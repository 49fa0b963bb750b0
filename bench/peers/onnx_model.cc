#include "bench/peers/onnx_model.h"

#include <bit>
#include <string_view>

namespace lathe::peers::onnx {
namespace {

constexpr int64_t kIrVersion = 8;
constexpr int64_t kOpset = 17;

// A message in the wire format of Protocol Buffers: fields one after another, each
// a key (number and wire type) and a value.
class Message {
 public:
  void Integer(uint32_t field, int64_t value) {
    Key(field, kVarint);
    Varint(static_cast<uint64_t>(value));
  }
  void Float(uint32_t field, float value) {
    Key(field, kFixed32);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) text_ += static_cast<char>(bits >> shift & 0xff);
  }
  void Bytes(uint32_t field, std::string_view value) {
    Key(field, kLengthDelimited);
    Varint(value.size());
    text_ += value;
  }
  void Add(uint32_t field, const Message& message) { Bytes(field, message.text_); }

  const std::string& text() const { return text_; }

 private:
  enum WireType : uint32_t { kVarint = 0, kLengthDelimited = 2, kFixed32 = 5 };

  void Key(uint32_t field, WireType type) { Varint(field << 3 | type); }
  // Seven bits a byte, the lowest first; the eighth says that more follow.
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>((value & 0x7f) | 0x80);
    text_ += static_cast<char>(value);
  }

  std::string text_;
};

Message AttributeProto(const Attribute& attribute) {
  enum Type : int64_t { kFloat = 1, kInt = 2, kInts = 7 };
  Message message;
  message.Bytes(1, attribute.name);
  if (const auto* real = std::get_if<float>(&attribute.value)) {
    message.Float(2, *real);
    message.Integer(20, kFloat);
  } else if (const auto* integer = std::get_if<int64_t>(&attribute.value)) {
    message.Integer(3, *integer);
    message.Integer(20, kInt);
  } else {
    for (int64_t i : std::get<std::vector<int64_t>>(attribute.value)) message.Integer(8, i);
    message.Integer(20, kInts);
  }
  return message;
}

Message NodeProto(const Node& node) {
  Message message;
  for (const std::string& input : node.inputs) message.Bytes(1, input);
  message.Bytes(2, node.output);
  message.Bytes(4, node.op);
  for (const Attribute& attribute : node.attributes) message.Add(5, AttributeProto(attribute));
  return message;
}

Message TensorProto(const Initializer& initializer) {
  Message message;
  for (int64_t extent : initializer.shape) message.Integer(1, extent);
  message.Integer(2, static_cast<int64_t>(initializer.type));
  message.Bytes(8, initializer.name);
  message.Bytes(9, initializer.bytes);
  return message;
}

Message ValueInfoProto(const Value& value) {
  Message shape;
  for (int64_t extent : value.shape) {
    Message dimension;
    dimension.Integer(1, extent);
    shape.Add(1, dimension);
  }
  Message tensor;
  tensor.Integer(1, static_cast<int64_t>(ElementType::kFloat));
  tensor.Add(2, shape);
  Message type;
  type.Add(1, tensor);
  Message message;
  message.Bytes(1, value.name);
  message.Add(2, type);
  return message;
}

Message GraphProto(const Graph& graph) {
  Message message;
  for (const Node& node : graph.nodes) message.Add(1, NodeProto(node));
  message.Bytes(2, "lathe");
  for (const Initializer& initializer : graph.initializers) {
    message.Add(5, TensorProto(initializer));
  }
  for (const Value& input : graph.inputs) message.Add(11, ValueInfoProto(input));
  for (const Value& output : graph.outputs) message.Add(12, ValueInfoProto(output));
  return message;
}

}  // namespace

std::string Serialize(const Graph& graph) {
  Message opset;
  opset.Bytes(1, "");  // the domain of ONNX itself
  opset.Integer(2, kOpset);
  Message model;
  model.Integer(1, kIrVersion);
  model.Add(7, GraphProto(graph));
  model.Add(8, opset);
  return model.text();
}

}  // namespace lathe::peers::onnx
