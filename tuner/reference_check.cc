#include "tuner/reference_check.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/interpreter.h"
#include "compiler/tensor/reference.h"
#include "measurer/input_data.h"
#include "tuner/reference_trace.h"

namespace lathe {
namespace {

// Scalar operations that a proof may cost: a second or two of interpretation.
constexpr double kProofOperations = 2e7;
// The reference computes in f64, in another order than the interpreter and
// with vector math: it must agree to far better than f32 (2^-24), relative to
// its own error bound where it has one.
constexpr double kProofTolerance = 0x1p-40;

v1::ArgumentSpec Spec(const std::string& name, ScalarType type, const std::vector<int64_t>& shape,
                      bool output) {
  v1::ArgumentSpec spec;
  spec.set_name(name);
  spec.set_type(std::string(Name(type)));
  for (int64_t extent : shape) spec.add_shape(extent);
  spec.set_output(output);
  return spec;
}

std::vector<int64_t> ShapeOf(const Stage& stage) {
  std::vector<int64_t> shape;
  for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
  return shape;
}

int64_t NumElements(const v1::ArgumentSpec& spec) {
  int64_t n = 1;
  for (int64_t extent : spec.shape()) n *= extent;
  return n;
}

// One check for each output of `function`, in the layout of ReferenceOf.
void AddChecks(const Function& function, v1::Reference& message) {
  uint32_t position = 0;
  for (const std::string& output : function.outputs) {
    ScalarType type = function.FindStage(output)->type;
    v1::OutputCheck* check = message.add_checks();
    check->set_reference_value(position++);
    check->set_exact(!IsFloat(type));
    if (!IsFloat(type)) continue;
    check->set_reference_error(position++);
    check->set_unit_roundoff(UnitRoundoff(type));
  }
}

// Elements drawn over all outputs and both input sets.
void AddSamples(const Function& reference, uint64_t seed, v1::Reference& message) {
  std::vector<int64_t> sizes;
  double elements = 0;
  for (const v1::ArgumentSpec& spec : message.arguments()) {
    if (!spec.output()) continue;
    sizes.push_back(NumElements(spec));
    elements += static_cast<double>(sizes.back());
  }
  double operations_each = std::max(1.0, CountWork(reference).flops / elements);
  double affordable = kProofOperations / operations_each;
  int count = static_cast<int>(std::clamp<double>(affordable, 4, kProofSamples));
  std::mt19937_64 rng(seed);
  for (int i = 0; i < count; ++i) {
    size_t output = static_cast<size_t>(i) % sizes.size();
    v1::SampledElement* sample = message.add_samples();
    sample->set_output(static_cast<uint32_t>(output));
    sample->set_index(static_cast<int64_t>(rng() % static_cast<uint64_t>(sizes[output])));
    sample->set_input_set(static_cast<uint32_t>(rng() % 2));
  }
}

}  // namespace

std::vector<v1::ArgumentSpec> ArgumentsOf(const Function& function) {
  std::vector<v1::ArgumentSpec> specs;
  for (const Argument& argument : function.arguments) {
    specs.push_back(Spec(argument.name, argument.type, argument.shape, false));
  }
  for (const std::string& output : function.outputs) {
    const Stage* stage = function.FindStage(output);
    CHECK(stage != nullptr) << output;
    specs.push_back(Spec(output, stage->type, ShapeOf(*stage), true));
  }
  return specs;
}

std::vector<uint64_t> InputSeeds(uint64_t seed) { return {2 * seed, 2 * seed + 1}; }

absl::StatusOr<ReferenceCheck> ReferenceCheck::Build(const Problem& problem, Builder& builder,
                                                     const Cancellation* cancellation) {
  ReferenceCheck check;
  check.function_ = ReferenceOf(problem.function);
  check.seed_ = problem.seed;

  v1::BuildRequest request;
  request.set_function(ToText(check.function_));
  request.set_target(ToText(problem.target));
  request.set_trace(ToText(ReferenceTrace(check.function_, problem.target)));
  request.set_product(v1::BUILD_PRODUCT_ARTIFACT);
  ASSIGN_OR_RETURN(v1::BuildResponse response,
                   Await(StartBuild(builder, std::move(request)), cancellation));
  if (response.status() == v1::BUILD_STATUS_UNSUPPORTED) {
    return absl::UnimplementedError(response.error());
  }
  if (response.status() != v1::BUILD_STATUS_OK) {
    return absl::InternalError(absl::StrCat("the correctness reference of ", problem.function.name,
                                            " does not build: ", response.error()));
  }
  check.artifact_ = std::make_shared<std::string>(std::move(*response.mutable_output()));
  v1::Reference& message = check.message_;
  message.set_digest(Sha256Hex(*check.artifact_));
  for (v1::ArgumentSpec& spec : ArgumentsOf(check.function_)) {
    *message.add_arguments() = std::move(spec);
  }
  message.set_tolerance_factor(kToleranceFactor);
  AddChecks(problem.function, message);
  AddSamples(check.function_, check.seed_, message);
  return check;
}

v1::Reference ReferenceCheck::message() const {
  v1::Reference message = message_;
  if (proved_) message.clear_samples();
  return message;
}

int ReferenceCheck::ScaleOutput(int output) const {
  for (const v1::OutputCheck& check : message_.checks()) {
    if (!check.exact() && static_cast<int>(check.reference_value()) == output) {
      return static_cast<int>(check.reference_error());
    }
  }
  return output;
}

absl::Status ReferenceCheck::Prove(const v1::MeasureResult& result) {
  const auto& samples = result.samples();
  if (samples.size() < message_.samples_size()) {
    if (result.status() != v1::TRIAL_STATUS_OK) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("the measurer sent ", samples.size(), " of ",
                                            message_.samples_size(),
                                            " samples of the correctness reference"));
  }
  std::vector<uint64_t> seeds = InputSeeds(seed_);
  for (uint32_t set = 0; set < seeds.size(); ++set) {
    auto input = [&](int argument, int64_t index) {
      return InputElement(seeds[set], argument, Name(function_.arguments[argument].type), index);
    };
    // Each sampled element, and behind it the error bound that belongs to it.
    std::vector<const v1::SampledElement*> chosen;
    std::vector<OutputElement> wanted;
    for (const v1::SampledElement& sample : samples) {
      if (sample.input_set() != set || sample.output() >= function_.outputs.size()) continue;
      chosen.push_back(&sample);
      wanted.push_back({static_cast<int>(sample.output()), sample.index()});
      wanted.push_back({ScaleOutput(static_cast<int>(sample.output())), sample.index()});
    }
    ASSIGN_OR_RETURN(std::vector<double> values, InterpretElements(function_, input, wanted));
    for (size_t i = 0; i < chosen.size(); ++i) {
      const v1::SampledElement* sample = chosen[i];
      double expected = values[2 * i];
      double scale = std::max(std::abs(expected), std::abs(values[2 * i + 1]));
      bool same_nan = std::isnan(expected) && std::isnan(sample->value());
      bool close = std::abs(sample->value() - expected) <= kProofTolerance * scale;
      if (same_nan || close || sample->value() == expected) continue;
      return absl::InternalError(absl::StrCat(
          "the correctness reference is itself wrong: output ", function_.outputs[sample->output()],
          " at element ", sample->index(), " is ", sample->value(), " on the device and ", expected,
          " by interpretation. Nothing can be checked against it; please report this function"));
    }
  }
  proved_ = true;
  return absl::OkStatus();
}

}  // namespace lathe
