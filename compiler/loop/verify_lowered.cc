// Rules of lowered programs; verify.cc states them.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/intrinsic_nest.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/verify_internal.h"

namespace lathe {
namespace {

bool IsAllocated(const Buffer& buffer) {
  return buffer.scope != Scope::kArgument && buffer.scope != Scope::kTable;
}

// A constant, or a vector that starts at one.
bool IsConstantIndex(const Expr& e) {
  if (const auto* ramp = e.As<Ramp>()) return AsConstInt(ramp->base).has_value();
  return AsConstInt(e).has_value();
}

class LoweredVerifier : public StmtVisitor {
 public:
  explicit LoweredVerifier(const Program& program) : program_(program) {
    for (const Buffer& buffer : program.buffers) buffers_[buffer.name] = &buffer;
  }

  absl::Status Run() {
    for (const Buffer& buffer : program_.buffers) {
      if (buffer.shape.size() != 1) {
        Fail("form",
             absl::StrCat("buffer ", buffer.name, " has ", buffer.shape.size(), " dimensions"));
      }
    }
    preparing_ = true;
    if (program_.prepare) Visit(program_.prepare);
    preparing_ = false;
    for (const Buffer& buffer : program_.buffers) {
      if (buffer.access == Access::kPacked && !written_.contains(buffer.name)) {
        Fail("prepare", absl::StrCat("packed argument ", buffer.name, " is not written"));
      }
    }
    if (program_.body) Visit(program_.body);
    for (const Buffer& buffer : program_.buffers) {
      if (IsAllocated(buffer) && !allocated_.contains(buffer.name)) {
        Fail("allocation", absl::StrCat("buffer ", buffer.name, " is not allocated"));
      }
      if (buffer.access == Access::kOutput && !written_.contains(buffer.name)) {
        Fail("outputs", absl::StrCat("output ", buffer.name, " is not written"));
      }
    }
    return status_;
  }

 protected:
  void VisitFor(const For& node) override {
    bool parallel = node.marks.kind == LoopKind::kParallel;
    LoopMarks allowed;
    if (parallel) {
      allowed.kind = LoopKind::kParallel;
    } else {
      allowed.outline = node.marks.outline;
    }
    if (node.marks != allowed) {
      Fail("form", absl::StrCat("loop ", node.var, " still has its marks"));
    }
    if (parallel && parallel_ != nullptr) {
      Fail("parallel",
           absl::StrCat("loop ", node.var, " stands inside parallel loop ", parallel_->var));
    }
    if (parallel && outlined_ != nullptr) {
      Fail("outline",
           absl::StrCat("loop ", node.var, " is parallel inside outlined loop ", outlined_->var));
    }
    const For* outlined = outlined_;
    absl::flat_hash_set<std::string> before_outlined = before_outlined_;
    if (node.marks.outline) {
      outlined_ = &node;
      before_outlined_ = open_;
    }
    const For* outside = parallel_;
    if (parallel) {
      parallel_ = &node;
      outside_ = open_;
    }
    StmtVisitor::VisitFor(node);
    parallel_ = outside;
    outlined_ = outlined;
    before_outlined_ = std::move(before_outlined);
  }

  void VisitIf(const If& node) override {
    conditions_.push_back(&node.condition);
    StmtVisitor::VisitIf(node);
    conditions_.pop_back();
  }

  void VisitAllocate(const Allocate& node) override {
    auto buffer = buffers_.find(node.buffer);
    if (buffer == buffers_.end() || !IsAllocated(*buffer->second)) {
      return Fail("allocation", absl::StrCat(node.buffer, " is no buffer to allocate"));
    }
    if (!allocated_.insert(node.buffer).second) {
      Fail("allocation", absl::StrCat("buffer ", node.buffer, " is allocated twice"));
    }
    open_.insert(node.buffer);
    StmtVisitor::VisitAllocate(node);
    open_.erase(node.buffer);
  }

  void VisitStore(const Store& node) override {
    stage_ = &node.stage;
    written_.insert(node.buffer);
    if (!node.bindings.empty()) {
      Fail("form", absl::StrCat("stage ", node.stage, " still has bindings"));
    }
    CheckPart(node.buffer, true);
    Use(node.buffer, node.indices);
    int lanes = node.value.type().lanes;
    int index_lanes = 1;
    for (const Expr& index : node.indices) {
      index_lanes = std::max(index_lanes, index.type().lanes);
    }
    int mask_lanes = node.predicate ? node.predicate.type().lanes : 1;
    if (lanes != index_lanes || (mask_lanes != 1 && mask_lanes != lanes)) {
      Fail("lanes", absl::StrCat("stage ", node.stage, " stores ", lanes, " lanes at ", index_lanes,
                                 " indices under ", mask_lanes, " predicates"));
    }
    if (parallel_ != nullptr && parallel_->extent > 1) CheckDisjoint(node);
    StmtVisitor::VisitStore(node);
  }

  void VisitIntrinsic(const Intrinsic& node) override {
    for (size_t i = 0; i < node.operands.size(); ++i) {
      CheckPart(node.operands[i].buffer, i == 0);
      if (i == 0) written_.insert(node.operands[i].buffer);
    }
    Visit(ExpandIntrinsic(node));
    stage_ = nullptr;
  }

  void VisitPrefetch(const Prefetch& node) override {
    if (!buffers_.contains(node.buffer)) {
      return Fail("allocation", absl::StrCat("there is no buffer ", node.buffer, " to prefetch"));
    }
    Use(node.buffer, node.indices);
    StmtVisitor::VisitPrefetch(node);
  }

  void VisitRead(const Read& node) override {
    CheckPart(node.buffer, false);
    Use(node.buffer, node.indices);
    StmtVisitor::VisitRead(node);
  }

 private:
  void Fail(const char* rule, const std::string& what) {
    if (status_.ok()) status_ = Broken(rule, what);
  }

  // What the prepare part and the body may do to arguments.
  void CheckPart(const std::string& name, bool writes) {
    Access access = buffers_.at(name)->access;
    const std::string& stage = stage_ ? *stage_ : program_.name;
    if (writes && preparing_ && access == Access::kOutput) {
      Fail("prepare",
           absl::StrCat("stage ", stage, " writes output ", name, " ahead of the calls"));
    }
    if (writes && !preparing_ && access == Access::kPacked) {
      Fail("prepare", absl::StrCat("stage ", stage, " writes packed ", name, " in the body"));
    }
    if (!writes && preparing_ && (access == Access::kInput || access == Access::kOutput)) {
      Fail("prepare", absl::StrCat("stage ", stage, " reads ", name, " ahead of the calls"));
    }
  }

  void Use(const std::string& name, const std::vector<Expr>& indices) {
    const Buffer& buffer = *buffers_.at(name);
    if (!IsAllocated(buffer)) return;
    const std::string& stage = stage_ ? *stage_ : program_.name;
    if (!open_.contains(name)) {
      Fail("allocation",
           absl::StrCat("stage ", stage, " uses buffer ", name, " outside of its allocation"));
    }
    if (buffer.scope != Scope::kRegister) return;
    if (outlined_ != nullptr && before_outlined_.contains(name)) {
      Fail("outline", absl::StrCat("register buffer ", name,
                                   " comes from outside of outlined loop ", outlined_->var));
    }
    for (const Expr& index : indices) {
      if (IsConstantIndex(index)) continue;
      Fail("registers", absl::StrCat("stage ", stage, ": index ", ToText(index),
                                     " of register buffer ", name, " is not constant"));
    }
  }

  // Iterations of the parallel loop may not all write one place of a shared buffer.
  void CheckDisjoint(const Store& node) {
    const Buffer& buffer = *buffers_.at(node.buffer);
    if (IsAllocated(buffer) && !outside_.contains(node.buffer)) return;
    auto depends = [&](const Expr& e) { return e && UsesVar(e, parallel_->var); };
    bool found =
        std::any_of(node.indices.begin(), node.indices.end(), depends) || depends(node.predicate);
    for (const Expr* condition : conditions_) found = found || depends(*condition);
    if (found) return;
    Fail("parallel", absl::StrCat("stage ", node.stage, " writes the same elements of ",
                                  node.buffer, " in every iteration of loop ", parallel_->var));
  }

  const Program& program_;
  absl::flat_hash_map<std::string, const Buffer*> buffers_;
  absl::flat_hash_set<std::string> allocated_, open_, written_;
  absl::flat_hash_set<std::string> outside_;  // open where the parallel loop begins
  bool preparing_ = false;                    // in the prepare part
  const For* parallel_ = nullptr;
  const For* outlined_ = nullptr;                     // the innermost
  absl::flat_hash_set<std::string> before_outlined_;  // open where it begins
  std::vector<const Expr*> conditions_;
  const std::string* stage_ = nullptr;
  absl::Status status_;
};

}  // namespace

absl::Status VerifyLowered(const Program& program, const std::vector<StoreSite>&) {
  return LoweredVerifier(program).Run();
}

}  // namespace lathe
