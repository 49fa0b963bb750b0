#include "compiler/codegen/workspace_layout.h"

#include "compiler/base/check.h"
#include "compiler/loop/library_nest.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class Planner : public StmtVisitor {
 public:
  explicit Planner(const Program& program) : program_(program) {}
  WorkspaceLayout layout;

 protected:
  void VisitFor(const For& node) override {
    const bool parallel = node.marks.kind == LoopKind::kParallel;
    layout.parallel = layout.parallel || parallel;
    parallel_depth_ += parallel;
    StmtVisitor::VisitFor(node);
    parallel_depth_ -= parallel;
  }

  void VisitAllocate(const Allocate& node) override {
    const Buffer* buffer = program_.FindBuffer(node.buffer);
    CHECK(buffer != nullptr) << "allocation of undeclared buffer " << node.buffer;
    const int64_t bytes = buffer->NumElements() * ByteSize(buffer->type);
    const bool in_workspace = buffer->scope == Scope::kWorkspace ||
                              (buffer->scope == Scope::kStack && bytes > kMaxStackBuffer);
    if (in_workspace && parallel_depth_ > 0) {
      Place(*buffer, &layout.thread_bytes, &layout.thread);
    } else if (in_workspace) {
      Place(*buffer, &layout.shared_bytes, &layout.shared);
    }
    StmtVisitor::VisitAllocate(node);
  }

 private:
  static void Place(const Buffer& buffer, int64_t* total,
                    absl::flat_hash_map<std::string, int64_t>* offsets) {
    offsets->emplace(buffer.name, *total);
    *total += AlignedBytes(buffer);
  }

  const Program& program_;
  int parallel_depth_ = 0;
};

}  // namespace

int64_t AlignedBytes(const Buffer& buffer) {
  const int64_t bytes = buffer.NumElements() * ByteSize(buffer.type);
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

WorkspaceLayout PlanWorkspace(const Program& lowered, const Stmt& part) {
  Planner planner(lowered);
  planner.Visit(part);
  planner.layout.routines = RoutinesCalled(part);
  return std::move(planner.layout);
}

}  // namespace lathe
