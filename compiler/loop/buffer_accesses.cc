#include "compiler/loop/buffer_accesses.h"

#include "compiler/loop/conditions.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class AccessCollector : public StmtVisitor {
 public:
  absl::flat_hash_map<std::string, std::vector<BufferAccess>> accesses;

 protected:
  void VisitFor(const For& node) override {
    path_.push_back(&node);
    bounds_[node.var] = Interval::Of(0, node.extent - 1);
    StmtVisitor::VisitFor(node);
    bounds_.erase(node.var);
    path_.pop_back();
  }
  void VisitSequence(const Sequence& node) override {
    path_.push_back(&node);
    StmtVisitor::VisitSequence(node);
    path_.pop_back();
  }
  void VisitStore(const Store& node) override {
    path_.push_back(&node);
    conditions_ = Conjuncts(node.predicate);
    Record(true, node.buffer, node.indices);
    StmtVisitor::VisitStore(node);
    path_.pop_back();
  }
  void VisitRead(const Read& node) override {
    size_t outside = conditions_.size();
    for (Expr& condition : Conjuncts(node.predicate)) conditions_.push_back(std::move(condition));
    Record(false, node.buffer, node.indices);
    for (const Expr& index : node.indices) Visit(index);
    conditions_.resize(outside);
    if (node.predicate) Visit(node.predicate);
    if (node.otherwise) Visit(node.otherwise);
  }

 private:
  void Record(bool is_write, const std::string& buffer, const std::vector<Expr>& indices) {
    accesses[buffer].push_back({is_write, indices, conditions_, path_, bounds_});
  }

  std::vector<const StmtNode*> path_;
  std::vector<Expr> conditions_;
  Bounds bounds_;
};

}  // namespace

absl::flat_hash_map<std::string, std::vector<BufferAccess>> CollectAccesses(const Stmt& body) {
  AccessCollector collector;
  collector.Visit(body);
  return std::move(collector.accesses);
}

}  // namespace lathe
