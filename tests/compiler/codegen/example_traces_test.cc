// Every trace of examples/traces: it replays on the function that its first
// lines name, and the machine code computes what the f64 reference computes, at
// sampled elements of each output.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/loop/verify.h"
#include "compiler/schedule/trace.h"
#include "compiler/target/target.h"
#include "compiler/tensor/operators.h"
#include "compiler/tensor/reference.h"
#include "tests/compiler/codegen/compiled_kernel.h"

namespace lathe {
namespace {

const std::filesystem::path kTraces = std::filesystem::path(LATHE_SOURCE_DIR) / "examples/traces";
constexpr uint64_t kSeed = 20261122;
constexpr size_t kSamples = 48;  // of each output
// |y - reference| <= kSlack * roundoff * bound: the constant of the measurer's check.
constexpr double kSlack = 4;

double Roundoff(ScalarType type) {
  switch (type) {
    case ScalarType::kF64:
      return std::ldexp(1.0, -53);
    case ScalarType::kF16:
      return std::ldexp(1.0, -11);
    case ScalarType::kBF16:
      return std::ldexp(1.0, -8);
    default:
      return std::ldexp(1.0, -24);
  }
}

// What follows `# function: op:` on a line of its own.
std::string OperatorOf(const std::string& text) {
  const std::string key = "# function: op:";
  size_t at = text.find(key);
  if (at == std::string::npos) return "";
  size_t begin = at + key.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::vector<TensorValue> RandomInputs(const Function& function) {
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<double> value(-1, 1);
  std::vector<TensorValue> inputs;
  for (const Argument& argument : function.arguments) {
    TensorValue tensor = TensorValue::Zeros(argument.type, argument.shape);
    bool is_float = IsFloat(argument.type);
    for (int64_t i = 0; i < tensor.NumElements(); ++i) {
      double v = value(random);
      tensor.Set(i, is_float ? v : std::round(20 * std::abs(v)));
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

class ExampleTraces : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(ExampleTraces, ComputesTheFunction) {
  std::ifstream in(GetParam());
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string text = buffer.str(), file = GetParam().filename().string();
  const std::string spec = OperatorOf(text);
  ASSERT_FALSE(spec.empty()) << file << " does not name its function: # function: op:...";
  absl::StatusOr<Function> function = BuildOperator(spec);
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace = ParseTrace(text, file);
  ASSERT_TRUE(trace.ok()) << trace.status();
  absl::StatusOr<Program> lowered = LowerWithTrace(*function, *trace);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  ASSERT_EQ(Verify(*lowered), absl::OkStatus());

  std::cout << "seed " << kSeed << "\n";
  const std::vector<TensorValue> inputs = RandomInputs(*function);
  absl::StatusOr<std::vector<TensorValue>> outputs =
      testing::CompileAndRun(*lowered, inputs, HostTarget());
  if (absl::IsUnimplemented(outputs.status())) {
    GTEST_SKIP() << outputs.status().message();  // this machine lacks an instruction
  }
  ASSERT_TRUE(outputs.ok()) << outputs.status();

  const Function reference = ReferenceOf(*function);
  std::mt19937_64 random(kSeed);
  int reference_output = 0;  // each floating output is followed by its error bound
  for (size_t o = 0; o < outputs->size(); ++o) {
    const TensorValue& actual = (*outputs)[o];
    std::vector<int64_t> places;
    for (size_t i = 0; i < kSamples; ++i) {
      places.push_back(
          static_cast<int64_t>(random() % static_cast<uint64_t>(actual.NumElements())));
    }
    places.front() = 0;
    places.back() = actual.NumElements() - 1;
    const bool is_float = IsFloat(actual.type);
    std::vector<OutputElement> wanted;
    for (int64_t place : places) {
      wanted.push_back({reference_output, place});
      if (is_float) wanted.push_back({reference_output + 1, place});
    }
    reference_output += is_float ? 2 : 1;
    absl::StatusOr<std::vector<double>> expected = InterpretElements(
        reference, [&](int argument, int64_t index) { return inputs[argument].Get(index); },
        wanted);
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (size_t i = 0; i < places.size(); ++i) {
      const double value = actual.Get(places[i]);
      const double exact = (*expected)[is_float ? 2 * i : i];
      const double bound = is_float ? (*expected)[2 * i + 1] : 0;
      EXPECT_LE(std::abs(value - exact), kSlack * Roundoff(actual.type) * bound)
          << function->outputs[o] << " at " << places[i] << ": " << value << ", not " << exact;
      if (HasFailure()) return;
    }
  }
}

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kTraces)) {
    if (entry.path().extension() == ".trace") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, ExampleTraces, ::testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace lathe
