// The bound that a reference states holds for kernels that compute in f32.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compiler/loop/interpreter.h"
#include "compiler/tensor/reference.h"
#include "tests/testing/random_function.h"

namespace lathe {
namespace {

constexpr int kFunctions = 200;
// The bounds are of first order: u^2 terms have a little room.
constexpr double kSecondOrder = 1.001;

std::vector<TensorValue> RandomInputs(const Function& f, std::mt19937_64& random) {
  std::vector<TensorValue> inputs;
  for (const Argument& argument : f.arguments) {
    inputs.push_back(TensorValue::Zeros(argument.type, argument.shape));
    for (int64_t i = 0; i < inputs.back().NumElements(); ++i) {
      inputs.back().Set(i, static_cast<double>(random() % 2000001) / 1e6 - 1);
    }
  }
  return inputs;
}

std::vector<TensorValue> RunNaive(const Function& f, const std::vector<TensorValue>& inputs) {
  absl::StatusOr<Program> program = BuildNaive(f);
  EXPECT_TRUE(program.ok()) << program.status().message();
  absl::StatusOr<std::vector<TensorValue>> outputs = Interpret(*program, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status().message();
  return outputs.ok() ? *outputs : std::vector<TensorValue>{};
}

TEST(ErrorBound, HoldsForRandomFunctions) {
  int64_t compared = 0, inexact = 0;
  for (int seed = 0; seed < kFunctions; ++seed) {
    std::mt19937_64 random(seed);
    testing::RandomFunctionOptions options;
    options.functions = true;
    options.max_extent = 6;
    Function f = testing::RandomFunction(random, options);
    Function reference = ReferenceOf(f);
    SCOPED_TRACE(::testing::Message() << "seed " << seed << "\n" << ToText(reference));
    std::vector<TensorValue> inputs = RandomInputs(f, random);
    std::vector<TensorValue> actual = RunNaive(f, inputs), expected = RunNaive(reference, inputs);
    ASSERT_EQ(expected.size(), 2 * actual.size());
    for (size_t o = 0; o < actual.size(); ++o) {
      double unit = UnitRoundoff(actual[o].type);
      for (int64_t i = 0; i < actual[o].NumElements(); ++i) {
        double value = expected[2 * o].Get(i), bound = expected[2 * o + 1].Get(i);
        double error = std::abs(actual[o].Get(i) - value);
        if (!std::isfinite(value)) continue;
        ASSERT_LE(error, kSecondOrder * unit * bound) << f.outputs[o] << " element " << i;
        ++compared;
        inexact += error != 0;
      }
    }
  }
  EXPECT_GT(compared, 1000);
  EXPECT_GT(inexact, compared / 10);
}

}  // namespace
}  // namespace lathe
