// The one visitor and the one mutator over expressions.
#ifndef LATHE_COMPILER_TENSOR_EXPR_VISITOR_H_
#define LATHE_COMPILER_TENSOR_EXPR_VISITOR_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "compiler/tensor/expr.h"

namespace lathe {

// Visits every node once per occurrence. An override that wants the children
// calls the base's method.
class ExprVisitor {
 public:
  virtual ~ExprVisitor() = default;
  void Visit(const Expr& e);

 protected:
#define LATHE_EXPR_NODE(Name) virtual void Visit##Name(const Name& node);
#include "compiler/tensor/expr_nodes.def"
#undef LATHE_EXPR_NODE
};

// Rebuilds a tree bottom up; returns the same handle where nothing changed.
// `e` is the handle of `node`.
class ExprMutator {
 public:
  virtual ~ExprMutator() = default;
  Expr Mutate(const Expr& e);

 protected:
#define LATHE_EXPR_NODE(Name) virtual Expr Mutate##Name(const Name& node, const Expr& e);
#include "compiler/tensor/expr_nodes.def"
#undef LATHE_EXPR_NODE
};

using Substitution = absl::flat_hash_map<std::string, Expr>;

// `e` with each variable named in `map` replaced, all at once.
Expr Substitute(const Expr& e, const Substitution& map);

absl::flat_hash_set<std::string> FreeVars(const Expr& e);
bool UsesVar(const Expr& e, const std::string& name);
// Names of all tensors or buffers read in `e`.
absl::flat_hash_set<std::string> BuffersRead(const Expr& e);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_EXPR_VISITOR_H_
