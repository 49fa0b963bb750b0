#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class BindingDropper : public StmtMutator {
 protected:
  Stmt MutateStore(const Store& node, const Stmt&) override {
    return MakeStore(node.stage, node.role, {}, node.buffer, node.indices, node.value,
                     node.predicate);
  }
};

}  // namespace

Program DropBindings(const Program& program) {
  Program result = program;
  result.body = BindingDropper().Mutate(program.body);
  return result;
}

}  // namespace lathe
