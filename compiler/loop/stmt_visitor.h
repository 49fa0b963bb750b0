// The one visitor and the one mutator over statements and their expressions.
#ifndef LATHE_COMPILER_LOOP_STMT_VISITOR_H_
#define LATHE_COMPILER_LOOP_STMT_VISITOR_H_

#include "compiler/loop/program.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {

// Visits statements in order and the expressions in them.
class StmtVisitor : public ExprVisitor {
 public:
  using ExprVisitor::Visit;
  void Visit(const Stmt& s);

 protected:
#define LATHE_STMT_NODE(Name) virtual void Visit##Name(const Name& node);
#include "compiler/loop/stmt_nodes.def"
#undef LATHE_STMT_NODE
};

// Returns the same handle where nothing changed. A method may return null to
// drop its statement. `s` is the handle of `node`.
class StmtMutator : public ExprMutator {
 public:
  using ExprMutator::Mutate;
  Stmt Mutate(const Stmt& s);

 protected:
#define LATHE_STMT_NODE(Name) virtual Stmt Mutate##Name(const Name& node, const Stmt& s);
#include "compiler/loop/stmt_nodes.def"
#undef LATHE_STMT_NODE
};

// `s` with each free variable named in `map` replaced.
Stmt Substitute(const Stmt& s, const Substitution& map);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_STMT_VISITOR_H_
