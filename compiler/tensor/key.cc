// Canonical keys. Two functions have one key if they differ only in names, in
// the order of operands that commute bit by bit, in how a comparison is turned,
// or in how a subscript is written.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"
#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/print.h"
#include "compiler/tensor/subscript.h"

namespace lathe {
namespace {

bool Commutes(BinaryOp op) {
  // Not min and max: they tell their operands apart when one is NaN.
  return op == BinaryOp::kAdd || op == BinaryOp::kMul || op == BinaryOp::kEq ||
         op == BinaryOp::kNe || op == BinaryOp::kAnd || op == BinaryOp::kOr;
}

// Renames tensors and indices and puts operands and subscripts in order. The
// index of a reduction is named by the number of reductions around it, so that
// its name does not depend on its neighbours.
class Normalizer : public ExprMutator {
 public:
  // The author's axes of each reduction of the result, by its node.
  using ReductionAxes = absl::flat_hash_map<const ExprNode*, std::vector<Axis>>;

  Normalizer(const Renaming& tensors, const std::vector<Axis>& axes) : tensors_(tensors) {
    for (size_t i = 0; i < axes.size(); ++i) indices_[axes[i].name] = absl::StrCat("i", i);
  }
  const ReductionAxes& reduction_axes() const { return reduction_axes_; }

 protected:
  Expr MutateVar(const Var& node, const Expr&) override { return MakeVar(indices_.at(node.name)); }

  Expr MutateBinary(const Binary& node, const Expr&) override {
    Expr a = Mutate(node.a), b = Mutate(node.b);
    BinaryOp op = node.op;
    if (op == BinaryOp::kGt || op == BinaryOp::kGe) {
      op = op == BinaryOp::kGt ? BinaryOp::kLt : BinaryOp::kLe;
      std::swap(a, b);
    }
    if (Commutes(op) && ToText(b) < ToText(a)) std::swap(a, b);
    return MakeBinary(op, std::move(a), std::move(b));
  }

  Expr MutateRead(const Read& node, const Expr&) override {
    std::vector<Expr> indices;
    for (const Expr& index : node.indices) {
      absl::StatusOr<Subscript> subscript = ParseSubscript(Mutate(index));
      CHECK(subscript.ok()) << subscript.status().message();
      indices.push_back(subscript->ToExpr());
    }
    Expr otherwise = node.otherwise ? Mutate(node.otherwise) : Expr();
    return MakeRead(node.type, tensors_.at(node.buffer), std::move(indices), Expr(),
                    std::move(otherwise));
  }

  Expr MutateReduce(const Reduce& node, const Expr&) override {
    std::vector<Axis> axes = node.axes;
    for (Axis& axis : axes) {
      std::string name = absl::StrCat("r", depth_++);
      indices_[axis.name] = name;
      axis.name = name;
    }
    Expr body = Mutate(node.body);
    depth_ -= static_cast<int>(axes.size());
    Expr result = MakeReduce(node.op, std::move(axes), std::move(body));
    reduction_axes_[result.get()] = node.axes;
    return result;
  }

 private:
  const Renaming& tensors_;
  Renaming indices_;
  ReductionAxes reduction_axes_;
  int depth_ = 0;
};

// Makes the names of reductions' indices unique again: r0, r1, ... from left
// to right, outer ones first.
class ReductionNumbering : public ExprMutator {
 public:
  // Adds what the author's axes are named to `indices`.
  ReductionNumbering(const Normalizer::ReductionAxes& authors, Renaming& indices)
      : authors_(authors), indices_(indices) {}

 protected:
  Expr MutateVar(const Var& node, const Expr& e) override {
    auto it = names_.find(node.name);
    return it == names_.end() ? e : MakeVar(it->second);
  }

  Expr MutateReduce(const Reduce& node, const Expr& e) override {
    Renaming outer = names_;
    const std::vector<Axis>& authors = authors_.at(e.get());
    std::vector<Axis> axes = node.axes;
    for (size_t i = 0; i < axes.size(); ++i) {
      std::string name = absl::StrCat("r", next_++);
      names_[axes[i].name] = name;
      indices_[authors[i].name] = name;
      axes[i].name = name;
    }
    Expr body = Mutate(node.body);
    names_ = std::move(outer);
    return MakeReduce(node.op, std::move(axes), std::move(body));
  }

 private:
  const Normalizer::ReductionAxes& authors_;
  Renaming& indices_;
  Renaming names_;
  int next_ = 0;
};

Function WithoutName(Function function) {
  function.name.assign(1, 'f');
  return function;
}

}  // namespace

CanonicalFunction Canonicalize(const Function& function) {
  CanonicalFunction canonical;
  Function& result = canonical.function;
  result = function;
  Renaming tensors;
  auto rename = [&](auto& items, const char* prefix) {
    for (size_t i = 0; i < items.size(); ++i) {
      std::string name = absl::StrCat(prefix, i);
      tensors[items[i].name] = name;
      items[i].name = std::move(name);
    }
  };
  rename(result.arguments, "a");
  rename(result.tables, "c");
  rename(result.stages, "s");
  for (std::string& output : result.outputs) output = tensors.at(output);
  for (size_t s = 0; s < result.stages.size(); ++s) {
    Stage& stage = result.stages[s];
    const std::string& author = function.stages[s].name;
    Renaming& indices = canonical.indices[author];
    Normalizer normalizer(tensors, stage.axes);
    Expr body = normalizer.Mutate(stage.body);
    stage.body = ReductionNumbering(normalizer.reduction_axes(), indices).Mutate(body);
    for (size_t i = 0; i < stage.axes.size(); ++i) {
      std::string name = absl::StrCat("i", i);
      indices[stage.axes[i].name] = name;
      stage.axes[i].name = std::move(name);
    }
    canonical.stages[author] = stage.name;
  }
  return canonical;
}

FunctionKey CanonicalKey(const Function& function) {
  FunctionKey key;
  key.text = ToText(WithoutName(Canonicalize(function).function), ExtentStyle::kAlways);
  key.hash = Sha256Hex(absl::StrCat("lathe-key ", kKeyVersion, "\n", key.text));
  return key;
}

std::string FamilyKey(const Function& function) {
  std::string text = ToText(WithoutName(Canonicalize(function).function), ExtentStyle::kAbstract);
  return Sha256Hex(absl::StrCat("lathe-family ", kKeyVersion, "\n", text));
}

}  // namespace lathe
