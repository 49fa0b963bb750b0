#include "compiler/tensor/operators/types.h"

#include <utility>

#include "compiler/base/check.h"

namespace lathe {
namespace {

using Kind = OperatorParameter::Kind;

struct Types {
  std::string_view name, in, weight, acc, result;
};
constexpr Types kTypes[] = {
    {"f32", "f32", "f32", "f32", "f32"}, {"f64", "f64", "f64", "f64", "f64"},
    {"f16", "f16", "f16", "f32", "f16"}, {"bf16", "bf16", "bf16", "f32", "bf16"},
    {"u8i8", "u8", "i8", "i32", "i32"},  {"i8i8", "i8", "i8", "i32", "i32"},
    {"i8", "i8", "i8", "i8", "i8"},      {"u8", "u8", "u8", "u8", "u8"},
    {"i32", "i32", "i32", "i32", "i32"}, {"i64", "i64", "i64", "i64", "i64"},
};

constexpr std::string_view kFloats[] = {"f32", "f64", "f16", "bf16"};
constexpr std::string_view kProducts[] = {"f32", "f64", "f16", "bf16", "u8i8", "i8i8"};
constexpr std::string_view kPicks[] = {"f32", "f64", "f16", "bf16", "i8", "u8"};
constexpr std::string_view kAll[] = {"f32", "f64", "f16", "bf16", "i8", "u8", "i32", "i64"};
constexpr std::string_view kResults[] = {"same", "f32"};

}  // namespace

OperatorParameter FloatType() {
  return {"type", "type of all tensors; f16 and bf16 are computed in f32", Kind::kWord, "f32",
          kFloats};
}

OperatorParameter ProductType() {
  return {"type",
          "type of all tensors; f16 and bf16 are summed in f32; u8i8, i8i8: types of inputs and "
          "weights, summed in i32",
          Kind::kWord, "f32", kProducts};
}

OperatorParameter PickType() { return {"type", "type of all tensors", Kind::kWord, "f32", kPicks}; }

OperatorParameter AnyType() { return {"type", "type of all tensors", Kind::kWord, "f32", kAll}; }

OperatorParameter ResultType() {
  return {"out", "type of the result: that of the inputs (i32 for integers), or f32", Kind::kWord,
          "same", kResults};
}

void SetTypes(Words& words) {
  if (!words.Has("type")) return;
  for (const Types& types : kTypes) {
    if (!words.Is("type", types.name)) continue;
    words.Set("in", std::string(types.in));
    words.Set("weight", std::string(types.weight));
    words.Set("acc", std::string(types.acc));
    words.Set("bias_type", std::string(types.result));
    bool is_f32 = words.Has("out") && words.Is("out", "f32");
    words.Set("result", std::string(is_f32 ? "f32" : types.result));
    return;
  }
  CHECK(false) << "no row for type " << words.Get("type");
}

}  // namespace lathe
