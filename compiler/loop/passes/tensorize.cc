// Loops marked tensorize become intrinsic statements, where no predicate is left.
//
//   for i.i in 16 tensorize=transpose_16x16_f32 {
//     for j.i in 16 {
//       y[i.o*16 + i.i, j.o*16 + j.i] = x[j.o*16 + j.i, i.o*16 + i.i]
//     }
//   }                                                  y, x: f32[64, 64]
//   ->
//   intrinsic transpose_16x16_f32(y[i.o*1024 + j.o*16] by (64, 1), x[...] by (64, 1))
//
// Other copies of such a nest (the last, partial tiles) stay loops, and so do nests
// marked with a library routine inside of parallel loops: there is no runtime to ask.
#include <utility>

#include "compiler/intrinsic/library_routine.h"
#include "compiler/loop/intrinsic_nest.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class HasPredicate : public StmtVisitor {
 public:
  bool found = false;

 protected:
  void VisitStore(const Store& node) override { found |= static_cast<bool>(node.predicate); }
};

class Tensorizer : public StmtMutator {
 public:
  explicit Tensorizer(const Program& program) : program_(program) {}

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    if (node.marks.tensorize.empty()) {
      const bool parallel = node.marks.kind == LoopKind::kParallel;
      parallel_depth_ += parallel;
      Stmt loop = StmtMutator::MutateFor(node, s);
      parallel_depth_ -= parallel;
      return loop;
    }
    HasPredicate predicate;
    predicate.Visit(node.body);
    const bool asks_runtime = FindLibraryRoutine(node.marks.tensorize) != nullptr;
    if (!predicate.found && !(asks_runtime && parallel_depth_ > 0)) {
      absl::StatusOr<Stmt> match = MatchIntrinsic(program_, node, node.marks.tensorize);
      if (match.ok()) return *std::move(match);
    }
    LoopMarks marks = node.marks;
    marks.tensorize.clear();
    return MakeFor(node.var, node.extent, std::move(marks), Mutate(node.body));
  }

 private:
  const Program& program_;
  int parallel_depth_ = 0;
};

}  // namespace

Program TensorizeNests(const Program& program) {
  Program result = program;
  result.body = Tensorizer(program).Mutate(program.body);
  return result;
}

}  // namespace lathe
