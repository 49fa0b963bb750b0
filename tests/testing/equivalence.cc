#include "tests/testing/equivalence.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe::testing {
namespace {

// Functions such as exp feed sums with terms that are not integers.
constexpr double kRelativeTolerance = 1e-4;

bool Near(ScalarType type, double expected, double actual) {
  if (expected == actual || (std::isnan(expected) && std::isnan(actual))) return true;
  if (!IsFloat(type)) return false;
  double tolerance = std::max(kRelativeTolerance, 64 * UnitRoundoff(type));
  return std::abs(expected - actual) <= tolerance * std::max(1.0, std::abs(expected));
}

}  // namespace

std::vector<TensorValue> SmallIntegerInputs(const Program& program, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<TensorValue> inputs;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.access != Access::kInput && buffer.access != Access::kConst) continue;
    TensorValue value = TensorValue::Zeros(buffer.type, buffer.shape);
    bool is_signed = buffer.type != ScalarType::kU8 && buffer.type != ScalarType::kBool;
    for (int64_t i = 0; i < value.NumElements(); ++i) {
      int64_t element = static_cast<int64_t>(random() % 7) - (is_signed ? 3 : 0);
      value.Set(i, static_cast<double>(buffer.type == ScalarType::kBool ? element & 1 : element));
    }
    inputs.push_back(std::move(value));
  }
  return inputs;
}

absl::Status SameOutputs(const Program& program, const std::vector<TensorValue>& expected,
                         const std::vector<TensorValue>& actual) {
  if (expected.size() != actual.size()) return absl::InternalError("another number of outputs");
  size_t output = 0;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.access != Access::kOutput) continue;
    const TensorValue& a = expected[output];
    const TensorValue& b = actual[output++];
    for (int64_t i = 0; i < a.NumElements(); ++i) {
      if (Near(a.type, a.Get(i), b.Get(i))) continue;
      return absl::InternalError(
          absl::StrCat(buffer.name, " at ", i, ": ", a.Get(i), " became ", b.Get(i)));
    }
  }
  return absl::OkStatus();
}

absl::Status SameResults(const Program& expected, const Program& actual, uint64_t seed) {
  std::vector<TensorValue> inputs = SmallIntegerInputs(expected, seed);
  ASSIGN_OR_RETURN(std::vector<TensorValue> a, Interpret(expected, inputs));
  InterpretOptions options;
  options.parallel_order_seed = seed;
  ASSIGN_OR_RETURN(std::vector<TensorValue> b, Interpret(actual, inputs, options));
  return SameOutputs(expected, a, b);
}

}  // namespace lathe::testing
