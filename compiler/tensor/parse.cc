// From syntax to functions: names, extents, and every rule with its position.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/rules.h"
#include "compiler/tensor/syntax.h"
#include "compiler/tensor/typing.h"

namespace lathe {
namespace {

using Kind = SyntaxExpr::Kind;

// Calls `visit` on every node, outer nodes first, left to right.
absl::Status Walk(const SyntaxExpr& e, absl::FunctionRef<absl::Status(const SyntaxExpr&)> visit) {
  RETURN_IF_ERROR(visit(e));
  for (const SyntaxExprPtr& child : e.children) RETURN_IF_ERROR(Walk(*child, visit));
  if (e.predicate) RETURN_IF_ERROR(Walk(*e.predicate, visit));
  return e.otherwise ? Walk(*e.otherwise, visit) : absl::OkStatus();
}

std::vector<std::string> TensorNames(const Function& function) {
  std::vector<std::string> names;
  for (const Argument& argument : function.arguments) names.push_back(argument.name);
  for (const Table& table : function.tables) names.push_back(table.name);
  for (const Stage& stage : function.stages) names.push_back(stage.name);
  return names;
}

// Why `tensor` cannot be read in the equation of `stage`.
absl::Status NoTensor(const Function& function, const std::string& stage, std::string_view tensor) {
  if (tensor == stage) {
    return absl::InvalidArgumentError(absl::StrCat(stage, " is read in its own equation"));
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no tensor ", ToAbsl(tensor),
                                                 " before this equation",
                                                 DidYouMean(tensor, TensorNames(function))));
}

// The indices of one equation, with their extents: stated, or inferred from
// the dimensions that they subscript alone.
class Indices {
 public:
  Indices(const Function& function, const SourceText& source)
      : function_(function), source_(source) {}

  absl::Status Collect(const SyntaxEquation& equation) {
    for (const SyntaxAxis& axis : equation.axes) RETURN_IF_ERROR(Declare(axis));
    RETURN_IF_ERROR(Walk(*equation.body, [&](const SyntaxExpr& e) {
      for (const SyntaxAxis& axis : e.axes) RETURN_IF_ERROR(Declare(axis));
      return absl::OkStatus();
    }));
    RETURN_IF_ERROR(Walk(*equation.body, [&](const SyntaxExpr& e) {
      return e.kind == Kind::kRead ? InferFrom(e, equation.name) : absl::OkStatus();
    }));
    for (const SyntaxAxis* axis : axes_) {
      if (extents_.contains(axis->name)) continue;
      return source_.ErrorAt(
          axis->offset,
          absl::StrCat("the extent of ", axis->name,
                       " does not follow from any subscript: state it, as in ", axis->name, ": 8"));
    }
    absl::Status counted = CheckInstances(equation.name, extents_);
    return counted.ok() ? counted : source_.ErrorAt(equation.offset, FromAbsl(counted.message()));
  }

  const Extents& extents() const { return extents_; }

 private:
  absl::Status Declare(const SyntaxAxis& axis) {
    if (!declared_.insert(axis.name).second) {
      return source_.ErrorAt(axis.offset, absl::StrCat(axis.name,
                                                       " is an index of this equation already: "
                                                       "give this one another name"));
    }
    axes_.push_back(&axis);
    if (axis.extent) {
      extents_[axis.name] = *axis.extent;
      stated_.insert(axis.name);
    }
    return absl::OkStatus();
  }

  absl::Status InferFrom(const SyntaxExpr& read, const std::string& stage) {
    std::optional<TensorInfo> tensor = FindTensor(function_, read.text);
    if (!tensor) {
      return source_.ErrorAt(read.offset,
                             FromAbsl(NoTensor(function_, stage, read.text).message()));
    }
    for (size_t d = 0; d < std::min(read.children.size(), tensor->shape.size()); ++d) {
      const SyntaxExpr& subscript = *read.children[d];
      std::string name(subscript.text);
      bool infers =
          subscript.kind == Kind::kVariable && declared_.contains(name) && !stated_.contains(name);
      if (!infers) continue;
      auto [it, is_new] = extents_.try_emplace(name, tensor->shape[d]);
      std::string found = absl::StrCat("dimension ", d, " of ", ToAbsl(read.text));
      if (is_new) {
        origin_[name] = found;
      } else if (it->second != tensor->shape[d]) {
        return source_.ErrorAt(subscript.offset,
                               absl::StrCat(name, " runs over ", tensor->shape[d], " in ", found,
                                            ", but over ", it->second, " in ", origin_[name]));
      }
    }
    return absl::OkStatus();
  }

  const Function& function_;
  const SourceText& source_;
  std::vector<const SyntaxAxis*> axes_;
  absl::flat_hash_set<std::string> declared_, stated_;
  absl::flat_hash_map<std::string, std::string> origin_;  // where an extent was inferred
  Extents extents_;
};

// What names mean in one equation.
class EquationEnvironment : public ExprEnvironment {
 public:
  EquationEnvironment(const Function& function, const SyntaxEquation& equation,
                      const Extents& extents)
      : function_(function), equation_(equation), extents_(extents) {
    for (const SyntaxAxis& axis : equation.axes) in_scope_.insert(axis.name);
  }

  absl::StatusOr<ScalarType> TypeOf(std::string_view tensor) const override {
    if (auto info = FindTensor(function_, tensor)) return info->type;
    return NoTensor(function_, equation_.name, tensor);
  }

  absl::Status CheckVariable(std::string_view name) const override {
    if (in_scope_.contains(std::string(name))) return absl::OkStatus();
    if (FindTensor(function_, name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          ToAbsl(name), " is a tensor: read an element of it, as in ", ToAbsl(name), "[i]"));
    }
    return absl::InvalidArgumentError(absl::StrCat("there is no index ", ToAbsl(name),
                                                   " here: name it on the left or in a "
                                                   "reduction"));
  }

  absl::Status CheckRead(const Read& read) const override {
    return CheckRank(read, *FindTensor(function_, read.buffer));
  }

  absl::Status CheckSubscript(const Read& read, size_t dimension) const override {
    return lathe::CheckSubscript(read, dimension, *FindTensor(function_, read.buffer), extents_);
  }

  absl::StatusOr<Axis> EnterAxis(const SyntaxAxis& axis) override {
    in_scope_.insert(axis.name);
    return Axis{axis.name, extents_.at(axis.name)};
  }

  void LeaveAxis(const Axis& axis) override { in_scope_.erase(axis.name); }
  bool IsLoopProgram() const override { return false; }

 private:
  const Function& function_;
  const SyntaxEquation& equation_;
  const Extents& extents_;
  absl::flat_hash_set<std::string> in_scope_;
};

class FunctionBuilder {
 public:
  FunctionBuilder(const SyntaxFunction& syntax, const SourceText& source)
      : syntax_(syntax), source_(source) {}

  absl::StatusOr<Function> Build() {
    function_.name = syntax_.name.name;
    RETURN_IF_ERROR(
        At(syntax_.name.offset, CheckTensorCount(syntax_.arguments.size() + syntax_.tables.size() +
                                                 syntax_.equations.size())));
    for (const SyntaxTensor& argument : syntax_.arguments) {
      RETURN_IF_ERROR(AddTensor(argument));
      function_.arguments.push_back(
          {argument.name, argument.type, argument.shape, argument.is_const});
    }
    for (const SyntaxTensor& table : syntax_.tables) {
      RETURN_IF_ERROR(AddTensor(table));
      function_.tables.push_back({table.name, table.type, table.shape, table.values});
    }
    for (const SyntaxEquation& equation : syntax_.equations) RETURN_IF_ERROR(AddStage(equation));
    for (const SyntaxName& output : syntax_.outputs) RETURN_IF_ERROR(AddOutput(output));
    if (auto i = FindUnusedStage(function_)) {
      return At(syntax_.equations[*i].offset, UnusedStage(function_.stages[*i].name));
    }
    RETURN_IF_ERROR(At(syntax_.name.offset, CheckFunction(function_)));
    return std::move(function_);
  }

 private:
  absl::Status At(size_t offset, const absl::Status& status) const {
    return status.ok() ? status : source_.ErrorAt(offset, FromAbsl(status.message()));
  }

  absl::Status Define(const std::string& name, size_t offset) {
    if (FindTensor(function_, name)) {
      return source_.ErrorAt(offset, absl::StrCat(name, " is defined already"));
    }
    return absl::OkStatus();
  }

  absl::Status AddTensor(const SyntaxTensor& tensor) {
    RETURN_IF_ERROR(Define(tensor.name, tensor.offset));
    return At(tensor.offset, CheckShape(tensor.name, tensor.shape));
  }

  absl::Status AddStage(const SyntaxEquation& equation) {
    RETURN_IF_ERROR(Define(equation.name, equation.offset));
    Indices indices(function_, source_);
    RETURN_IF_ERROR(indices.Collect(equation));
    Stage stage;
    stage.name = equation.name;
    for (const SyntaxAxis& axis : equation.axes) {
      stage.axes.push_back({axis.name, indices.extents().at(axis.name)});
    }
    RETURN_IF_ERROR(At(equation.offset, CheckShape(stage.name, ShapeOf(stage.axes))));
    EquationEnvironment environment(function_, equation, indices.extents());
    ASSIGN_OR_RETURN(stage.body, TypeExpr(*equation.body, source_, environment, std::nullopt));
    stage.type = stage.body.type().scalar;
    function_.stages.push_back(std::move(stage));
    return absl::OkStatus();
  }

  absl::Status AddOutput(const SyntaxName& output) {
    if (function_.IsOutput(output.name)) {
      return source_.ErrorAt(output.offset, absl::StrCat(output.name, " is listed twice"));
    }
    if (!function_.FindStage(output.name)) {
      return source_.ErrorAt(output.offset,
                             absl::StrCat("the output ", output.name, " has no equation"));
    }
    function_.outputs.push_back(output.name);
    return absl::OkStatus();
  }

  const SyntaxFunction& syntax_;
  const SourceText& source_;
  Function function_;
};

}  // namespace

absl::StatusOr<std::vector<Function>> ParseFunctions(std::string_view text,
                                                     std::string_view file_name) {
  SourceText source(text, file_name);
  ASSIGN_OR_RETURN(std::vector<Token> lexed, Lex(source));
  TokenStream tokens(source, std::move(lexed));
  ASSIGN_OR_RETURN(std::vector<SyntaxFunction> file, ParseSyntaxFile(tokens));
  std::vector<Function> functions;
  absl::flat_hash_set<std::string> names;
  for (const SyntaxFunction& syntax : file) {
    if (!names.insert(syntax.name.name).second) {
      return source.ErrorAt(syntax.name.offset,
                            absl::StrCat("a function ", syntax.name.name, " stands above already"));
    }
    ASSIGN_OR_RETURN(Function function, FunctionBuilder(syntax, source).Build());
    functions.push_back(std::move(function));
  }
  return functions;
}

absl::StatusOr<Function> ParseFunction(std::string_view text, std::string_view file_name) {
  ASSIGN_OR_RETURN(std::vector<Function> functions, ParseFunctions(text, file_name));
  if (functions.size() == 1) return std::move(functions[0]);
  std::string names;
  for (const Function& function : functions) absl::StrAppend(&names, " ", function.name);
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(file_name), ": holds ", functions.size(),
                                                 " functions, where one is expected:", names));
}

}  // namespace lathe
