// On-demand evaluation of single elements of a tensor function.
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/evaluator.h"
#include "compiler/loop/interpreter.h"

namespace lathe {
namespace {

class OnDemand : public ElementSource {
 public:
  OnDemand(const Function& function, const InputReader& input)
      : function_(function), input_(input) {}

  absl::Status Compile();
  absl::StatusOr<std::vector<double>> Run(absl::Span<const OutputElement> wanted);

  bool Load(int buffer, int64_t offset, Cell* value) override;

 private:
  struct StageCode {
    std::vector<CodeLoop> axes;
    int body = 0;
    absl::flat_hash_map<int64_t, Cell> known;
  };

  const Function& function_;
  const InputReader& input_;
  ExprCode code_;
  Evaluator evaluator_{&code_, this, Evaluator::Arms::kTaken};
  // Buffers are numbered: arguments, then tables, then stages.
  std::vector<StageCode> stages_;
  size_t current_ = 0;  // stage being computed; after an error, where it happened
};

absl::Status OnDemand::Compile() {
  ExprCompiler compiler(&code_, /*linear=*/false);
  for (const Argument& a : function_.arguments) compiler.AddBuffer({a.name, a.type, a.shape});
  for (const Table& t : function_.tables) compiler.AddBuffer({t.name, t.type, t.shape});
  for (const Stage& stage : function_.stages) {
    StageCode result;
    CodeBuffer buffer{stage.name, stage.type, {}};
    for (const Axis& axis : stage.axes) {
      result.axes.push_back({compiler.Bind(axis.name), axis.extent});
      buffer.shape.push_back(axis.extent);
    }
    absl::StatusOr<int> body = compiler.Compile(stage.body);
    for (const Axis& axis : stage.axes) compiler.Unbind(axis.name);
    if (!body.ok()) {
      return absl::Status(body.status().code(), absl::StrCat(function_.name, ": stage ", stage.name,
                                                             ": ", body.status().message()));
    }
    result.body = *body;
    stages_.push_back(std::move(result));
    compiler.AddBuffer(std::move(buffer));  // after its body: a stage reads earlier ones only
  }
  evaluator_.ReserveSlots();
  return absl::OkStatus();
}

bool OnDemand::Load(int buffer, int64_t offset, Cell* value) {
  size_t index = static_cast<size_t>(buffer);
  if (index < function_.arguments.size()) {
    *value = CellOf(function_.arguments[index].type, input_(buffer, offset));
    return true;
  }
  index -= function_.arguments.size();
  if (index < function_.tables.size()) {
    const Table& table = function_.tables[index];
    *value = CellOf(table.type, table.values[static_cast<size_t>(offset)]);
    return true;
  }
  index -= function_.tables.size();
  StageCode& stage = stages_[index];
  if (auto it = stage.known.find(offset); it != stage.known.end()) {
    *value = it->second;
    return true;
  }
  int64_t rest = offset;
  for (size_t d = stage.axes.size(); d-- > 0;) {
    evaluator_.SetSlot(stage.axes[d].slot, rest % stage.axes[d].extent);
    rest /= stage.axes[d].extent;
  }
  // Stages have slots of their own and read earlier ones only, so evaluation
  // may nest without saving any.
  size_t caller = std::exchange(current_, index);
  *value = evaluator_.Eval(stage.body);
  if (evaluator_.ok()) current_ = caller;
  stage.known.emplace(offset, *value);
  return true;
}

absl::StatusOr<std::vector<double>> OnDemand::Run(absl::Span<const OutputElement> wanted) {
  std::vector<int> outputs;  // buffers
  for (const std::string& name : function_.outputs) {
    for (size_t b = 0; b < code_.buffers.size(); ++b) {
      if (code_.buffers[b].name == name) outputs.push_back(static_cast<int>(b));
    }
  }
  std::vector<double> results;
  results.reserve(wanted.size());
  for (const OutputElement& element : wanted) {
    bool exists = element.output >= 0 && element.output < static_cast<int>(outputs.size());
    int64_t elements = 1;
    if (exists) {
      for (int64_t extent : code_.buffers[outputs[element.output]].shape) elements *= extent;
    }
    if (!exists || element.index < 0 || element.index >= elements) {
      return absl::InvalidArgumentError(absl::StrCat(function_.name, " has no element ",
                                                     element.index, " of output ", element.output));
    }
    Cell value;
    int buffer = outputs[element.output];
    Load(buffer, element.index, &value);
    if (!evaluator_.ok()) {
      return absl::Status(evaluator_.status().code(),
                          absl::StrCat(function_.name, ": stage ", function_.stages[current_].name,
                                       " ", evaluator_.status().message()));
    }
    results.push_back(ToDouble(code_.buffers[buffer].type, value));
  }
  return results;
}

}  // namespace

absl::StatusOr<std::vector<double>> InterpretElements(const Function& function,
                                                      const InputReader& input,
                                                      absl::Span<const OutputElement> wanted) {
  OnDemand on_demand(function, input);
  RETURN_IF_ERROR(on_demand.Compile());
  return on_demand.Run(wanted);
}

}  // namespace lathe
