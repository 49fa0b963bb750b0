// CheckFunction: the rules of the language for functions built in C++.
#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/rules.h"
#include "compiler/tensor/syntax.h"

namespace lathe {
namespace {

bool IsName(std::string_view name) {
  auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_part) &&
         !(name[0] >= '0' && name[0] <= '9') && !IsReservedName(name);
}

// The first error in a stage's body. The type rules of operators hold already:
// the makers CHECK them.
class BodyChecker : public ExprVisitor {
 public:
  BodyChecker(const Function& before, const Stage& stage) : before_(before) {
    for (const Axis& axis : stage.axes) Enter(axis);
  }

  absl::Status Check(const Expr& e) {
    Descend(e);
    return status_;
  }
  const Extents& extents() const { return extents_; }

 protected:
  void VisitVar(const Var& node) override {
    if (!in_scope_.contains(node.name)) Fail(absl::StrCat("there is no index ", node.name));
  }

  void VisitUnary(const Unary& node) override { Descend(node.a); }
  void VisitCast(const Cast& node) override { Descend(node.value); }
  void VisitSelect(const Select& node) override {
    Descend(node.condition);
    Descend(node.a);
    Descend(node.b);
  }

  void VisitBinary(const Binary& node) override {
    bool divides = node.op == BinaryOp::kFloorDiv || node.op == BinaryOp::kMod;
    if (divides && AsConstInt(node.b).value_or(0) <= 0) {
      Fail("the divisor of '//' and '%' must be a positive constant");
    }
    Descend(node.a);
    Descend(node.b);
  }

  void VisitRead(const Read& node) override {
    std::optional<TensorInfo> tensor = FindTensor(before_, node.buffer);
    if (!tensor) return Fail(absl::StrCat("there is no tensor ", node.buffer));
    if (node.predicate) Fail("a guard has no condition in a tensor function");
    if (node.type.scalar != tensor->type) {
      Fail(absl::StrCat(node.buffer, " holds ", std::string(Name(tensor->type)), ", not ",
                        Name(node.type)));
    }
    Keep(CheckRank(node, *tensor));
    for (size_t d = 0; d < node.indices.size() && status_.ok(); ++d) {
      Descend(node.indices[d]);
      if (status_.ok()) Keep(CheckSubscript(node, d, *tensor, extents_));
    }
    if (node.otherwise) Descend(node.otherwise);
  }

  void VisitReduce(const Reduce& node) override {
    for (const Axis& axis : node.axes) Enter(axis);
    if (node.type.scalar == ScalarType::kBool) Fail("a reduction does not take bool");
    Descend(node.body);
    for (const Axis& axis : node.axes) in_scope_.erase(axis.name);
  }

  void VisitRamp(const Ramp&) override { Fail("vectors are for lowered programs"); }
  void VisitBroadcast(const Broadcast&) override { Fail("vectors are for lowered programs"); }
  void VisitLaneReduce(const LaneReduce&) override { Fail("vectors are for lowered programs"); }

 private:
  void Keep(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }
  void Fail(const std::string& message) { Keep(absl::InvalidArgumentError(message)); }

  void Enter(const Axis& axis) {
    if (!IsName(axis.name)) Fail(absl::StrCat("'", axis.name, "' is no name for an index"));
    if (!extents_.try_emplace(axis.name, axis.extent).second) {
      Fail(absl::StrCat(axis.name, " is an index of this equation twice"));
    }
    if (axis.extent <= 0) Fail(absl::StrCat("the extent of ", axis.name, " is not positive"));
    in_scope_.insert(axis.name);
  }

  void Descend(const Expr& e) {
    if (!status_.ok()) return;
    if (!e) return Fail("the equation has no body");
    if (++height_ > kMaxExpressionHeight) Fail("the expression nests too deeply");
    if (status_.ok()) Visit(e);
    --height_;
  }

  const Function& before_;  // with the stages before this one
  Extents extents_;
  absl::flat_hash_set<std::string> in_scope_;
  int height_ = 0;
  absl::Status status_;
};

absl::Status CheckStage(const Function& before, const Stage& stage) {
  RETURN_IF_ERROR(CheckShape(stage.name, ShapeOf(stage.axes)));
  BodyChecker checker(before, stage);
  absl::Status status = checker.Check(stage.body);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(stage.name, ": ", status.message()));
  }
  if (stage.body.type() != (Type{stage.type, 1})) {
    return absl::InvalidArgumentError(
        absl::StrCat(stage.name, " is ", std::string(Name(stage.type)), ", but its equation is ",
                     Name(stage.body.type())));
  }
  return CheckInstances(stage.name, checker.extents());
}

absl::Status CheckTable(const Table& table) {
  RETURN_IF_ERROR(CheckShape(table.name, table.shape));
  int64_t elements = 1;
  for (int64_t extent : table.shape) elements *= extent;
  if (elements == static_cast<int64_t>(table.values.size())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("table ", table.name, " has ", elements,
                                                 " elements and ", table.values.size(), " values"));
}

absl::Status CheckOutputs(const Function& function) {
  absl::flat_hash_set<std::string> outputs;
  for (const std::string& output : function.outputs) {
    if (!function.FindStage(output) || !outputs.insert(output).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the output ", output, " has no equation, or is listed twice"));
    }
  }
  if (outputs.empty()) return absl::InvalidArgumentError("the function has no output");
  if (auto i = FindUnusedStage(function)) return UnusedStage(function.stages[*i].name);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFunction(const Function& function) {
  if (!IsName(function.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", function.name, "' is no name for a function"));
  }
  RETURN_IF_ERROR(CheckTensorCount(function.arguments.size() + function.tables.size() +
                                   function.stages.size()));
  absl::flat_hash_set<std::string> names;
  auto define = [&](const std::string& name) {
    if (IsName(name) && names.insert(name).second) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no name, or defined twice"));
  };
  Function before;
  before.outputs = function.outputs;
  before.arguments = function.arguments;
  before.tables = function.tables;
  for (const Argument& argument : function.arguments) {
    RETURN_IF_ERROR(define(argument.name));
    RETURN_IF_ERROR(CheckShape(argument.name, argument.shape));
  }
  for (const Table& table : function.tables) {
    RETURN_IF_ERROR(define(table.name));
    RETURN_IF_ERROR(CheckTable(table));
  }
  for (const Stage& stage : function.stages) {
    RETURN_IF_ERROR(define(stage.name));
    RETURN_IF_ERROR(CheckStage(before, stage));
    before.stages.push_back(stage);
  }
  return CheckOutputs(function);
}

}  // namespace lathe
