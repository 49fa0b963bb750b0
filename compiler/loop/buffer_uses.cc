#include "compiler/loop/buffer_uses.h"

#include <utility>

#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class Collector : public StmtVisitor {
 public:
  absl::flat_hash_set<std::string> names;

 protected:
  void VisitRead(const Read& node) override {
    names.insert(node.buffer);
    StmtVisitor::VisitRead(node);
  }
  void VisitStore(const Store& node) override {
    names.insert(node.buffer);
    StmtVisitor::VisitStore(node);
  }
  void VisitPrefetch(const Prefetch& node) override {
    names.insert(node.buffer);
    StmtVisitor::VisitPrefetch(node);
  }
  void VisitIntrinsic(const Intrinsic& node) override {
    for (const Intrinsic::Operand& operand : node.operands) names.insert(operand.buffer);
    StmtVisitor::VisitIntrinsic(node);
  }
};

}  // namespace

absl::flat_hash_set<std::string> BuffersUsed(const Stmt& s) {
  Collector collector;
  if (s) collector.Visit(s);
  return std::move(collector.names);
}

}  // namespace lathe
