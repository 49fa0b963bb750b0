// What writes packed arguments becomes the program's `prepare` part.
//
//   for P.k in 64 { P[..] = w[..] }          prepare {
//   for y.i in 8 { y[..] = P[..] }    ->       for P.k in 64 { P[..] = w[..] }
//                                            }
//                                            for y.i in 8 { y[..] = P[..] }
//
// The order among the moved statements and among the others stays. A buffer
// that was allocated around both is used on one side only (CheckPacked).
#include <utility>

#include "compiler/loop/buffer_uses.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class PackedWriter : public StmtVisitor {
 public:
  explicit PackedWriter(const Program& program) : program_(program) {}
  bool found = false;

 protected:
  void VisitStore(const Store& node) override { Write(node.buffer); }
  void VisitIntrinsic(const Intrinsic& node) override { Write(node.operands.front().buffer); }

 private:
  void Write(const std::string& buffer) {
    if (program_.FindBuffer(buffer)->access == Access::kPacked) found = true;
  }
  const Program& program_;
};

bool WritesPacked(const Program& program, const Stmt& s) {
  PackedWriter writer(program);
  writer.Visit(s);
  return writer.found;
}

struct Parts {
  Stmt prepare, call;  // may be null
};

Parts Divide(const Program& program, const Stmt& s) {
  if (const auto* sequence = s.As<Sequence>()) {
    std::vector<Stmt> prepare, call;
    for (const Stmt& child : sequence->stmts) {
      Parts parts = Divide(program, child);
      prepare.push_back(std::move(parts.prepare));
      call.push_back(std::move(parts.call));
    }
    return {MakeSequence(std::move(prepare)), MakeSequence(std::move(call))};
  }
  if (const auto* allocate = s.As<Allocate>()) {
    Parts parts = Divide(program, allocate->body);
    for (Stmt* part : {&parts.prepare, &parts.call}) {
      if (BuffersUsed(*part).contains(allocate->buffer)) {
        *part = MakeAllocate(allocate->buffer, *part);
      }
    }
    return parts;
  }
  if (const auto* branch = s.As<If>()) {
    Parts parts = Divide(program, branch->then);
    for (Stmt* part : {&parts.prepare, &parts.call}) {
      if (*part) *part = MakeIf(branch->condition, *part);
    }
    return parts;
  }
  return WritesPacked(program, s) ? Parts{s, Stmt()} : Parts{Stmt(), s};
}

}  // namespace

Program MovePrepare(const Program& program) {
  Parts parts = Divide(program, program.body);
  Program result = program;
  result.prepare = std::move(parts.prepare);
  result.body = std::move(parts.call);
  return result;
}

}  // namespace lathe
