#include <utility>

#include "compiler/base/check.h"
#include "compiler/loop/program.h"

namespace lathe {

int64_t Buffer::NumElements() const {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

Stmt MakeFor(std::string var, int64_t extent, LoopMarks marks, Stmt body) {
  CHECK(extent > 0) << "loop " << var << " has extent " << extent;
  CHECK(static_cast<bool>(body)) << "loop " << var << " has no body";
  return Stmt(std::make_shared<For>(std::move(var), extent, std::move(marks), std::move(body)));
}

Stmt MakeSequence(std::vector<Stmt> stmts) {
  std::vector<Stmt> flat;
  for (Stmt& s : stmts) {
    if (!s) continue;
    if (const auto* inner = s.As<Sequence>()) {
      flat.insert(flat.end(), inner->stmts.begin(), inner->stmts.end());
    } else {
      flat.push_back(std::move(s));
    }
  }
  if (flat.empty()) return Stmt();
  if (flat.size() == 1) return flat.front();
  return Stmt(std::make_shared<Sequence>(std::move(flat)));
}

Stmt MakeStore(std::string stage, StoreRole role,
               std::vector<std::pair<std::string, Expr>> bindings, std::string buffer,
               std::vector<Expr> indices, Expr value, Expr predicate,
               std::vector<AxisSpan> region) {
  CHECK(static_cast<bool>(value));
  CHECK(!predicate || predicate.type().scalar == ScalarType::kBool);
  return Stmt(std::make_shared<Store>(std::move(stage), role, std::move(bindings),
                                      std::move(buffer), std::move(indices), std::move(value),
                                      std::move(predicate), std::move(region)));
}

Stmt MakeIf(Expr condition, Stmt then) {
  CHECK(condition && condition.type() == kBoolType);
  CHECK(static_cast<bool>(then));
  return Stmt(std::make_shared<If>(std::move(condition), std::move(then)));
}

Stmt MakeAllocate(std::string buffer, Stmt body) {
  CHECK(static_cast<bool>(body));
  return Stmt(std::make_shared<Allocate>(std::move(buffer), std::move(body)));
}

Stmt MakePrefetch(std::string buffer, std::vector<Expr> indices) {
  return Stmt(std::make_shared<Prefetch>(std::move(buffer), std::move(indices)));
}

Stmt MakeIntrinsic(std::string name, std::vector<Intrinsic::Operand> operands) {
  CHECK(!operands.empty()) << name;
  return Stmt(std::make_shared<Intrinsic>(std::move(name), std::move(operands)));
}

const Buffer* Program::FindBuffer(std::string_view name) const {
  for (const Buffer& b : buffers) {
    if (b.name == name) return &b;
  }
  return nullptr;
}

const StageInfo* Program::FindStage(std::string_view name) const {
  for (const StageInfo& s : stages) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

}  // namespace lathe
