#include "compiler/tensor/reference.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/tensor/error_bound.h"
#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/rules.h"

namespace lathe {
namespace {

constexpr Type kF64{ScalarType::kF64, 1};

// Reads `tensor` at the indices `axes`.
Expr ReadAt(Type type, const std::string& tensor, const std::vector<Axis>& axes) {
  std::vector<Expr> indices;
  for (const Axis& axis : axes) indices.push_back(MakeVar(axis.name));
  return MakeRead(type, tensor, std::move(indices));
}

// Names that are free in a function.
class Names {
 public:
  explicit Names(const Function& function) {
    for (const Argument& argument : function.arguments) taken_.insert(argument.name);
    for (const Table& table : function.tables) taken_.insert(table.name);
    for (const Stage& stage : function.stages) taken_.insert(stage.name);
  }
  std::string Take(const std::string& wish) {
    std::string name = wish;
    for (int i = 1; !taken_.insert(name).second; ++i) name = absl::StrCat(wish, i);
    return name;
  }

 private:
  absl::flat_hash_set<std::string> taken_;
};

// Moves each reduction below the root of an equation into a stage of its own,
// over the indices that it uses.
class ReductionHoister : public ExprMutator {
 public:
  ReductionHoister(const Stage& stage, Names& names, std::vector<Stage>& hoisted)
      : stage_(stage), names_(names), hoisted_(hoisted), around_(stage.axes) {}

  Expr Root() {
    const auto* reduce = stage_.body.As<Reduce>();
    return reduce ? Inside(*reduce, stage_.body) : Mutate(stage_.body);
  }

 protected:
  Expr MutateReduce(const Reduce& node, const Expr& e) override {
    Expr body = Inside(node, e);
    absl::flat_hash_set<std::string> used = FreeVars(body);
    Stage stage;
    stage.name = names_.Take(absl::StrCat(stage_.name, "_part"));
    stage.type = body.type().scalar;
    std::copy_if(around_.begin(), around_.end(), std::back_inserter(stage.axes),
                 [&](const Axis& axis) { return used.contains(axis.name); });
    stage.body = body;
    hoisted_.push_back(stage);
    return ReadAt(body.type(), stage.name, stage.axes);
  }

 private:
  Expr Inside(const Reduce& node, const Expr& e) {
    size_t outer = around_.size();
    around_.insert(around_.end(), node.axes.begin(), node.axes.end());
    Expr result = ExprMutator::MutateReduce(node, e);
    around_.resize(outer);
    return result;
  }

  const Stage& stage_;
  Names& names_;
  std::vector<Stage>& hoisted_;
  std::vector<Axis> around_;  // the indices in scope
};

Function HoistReductions(const Function& function, Names& names) {
  Function result = function;
  result.stages.clear();
  for (Stage stage : function.stages) {
    stage.body = ReductionHoister(stage, names, result.stages).Root();
    result.stages.push_back(std::move(stage));
  }
  return result;
}

void RemoveUnusedStages(Function& function) {
  while (auto unused = FindUnusedStage(function)) {
    function.stages.erase(function.stages.begin() + static_cast<int64_t>(*unused));
  }
}

}  // namespace

Function ReferenceOf(const Function& function) {
  Names names(function);
  Function plain = HoistReductions(function, names);
  Function result = plain;
  result.stages.clear();
  result.outputs.clear();

  ErrorTensors errors;
  for (const Stage& stage : plain.stages) {
    Stage value = stage;
    value.body = ValueInF64(plain, stage.body);
    value.type = value.body.type().scalar;
    result.stages.push_back(value);
    if (!IsFloat(stage.type)) continue;
    Stage error{names.Take(absl::StrCat(stage.name, "_err")), ScalarType::kF64, stage.axes, Expr()};
    error.body = ErrorBound(plain, stage, errors, ReadAt(kF64, stage.name, stage.axes));
    bool is_exact = !error.body;
    if (is_exact && !function.IsOutput(stage.name)) continue;
    if (is_exact) error.body = MakeFloat(0, kF64);
    errors[stage.name] = {error.name, stage.type};
    result.stages.push_back(std::move(error));
  }
  for (const std::string& output : function.outputs) {
    result.outputs.push_back(output);
    if (auto it = errors.find(output); it != errors.end())
      result.outputs.push_back(it->second.name);
  }
  RemoveUnusedStages(result);
  return result;
}

}  // namespace lathe
