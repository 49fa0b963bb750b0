#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/rules.h"

namespace lathe {
namespace {

// Counts scalar operations. Subscripts, casts and reads are none.
class OperationCounter : public ExprVisitor {
 public:
  explicit OperationCounter(double instances) : instances_(instances) {}
  double count = 0;

 protected:
  void VisitUnary(const Unary& node) override {
    count += instances_;
    ExprVisitor::VisitUnary(node);
  }
  void VisitBinary(const Binary& node) override {
    count += instances_;
    ExprVisitor::VisitBinary(node);
  }
  void VisitSelect(const Select& node) override {
    count += instances_;
    ExprVisitor::VisitSelect(node);
  }
  void VisitRead(const Read& node) override {
    if (node.otherwise) Visit(node.otherwise);
  }
  void VisitReduce(const Reduce& node) override {
    double outer = instances_;
    for (const Axis& axis : node.axes) instances_ *= static_cast<double>(axis.extent);
    count += instances_;
    Visit(node.body);
    instances_ = outer;
  }

 private:
  double instances_;
};

double Elements(const std::vector<int64_t>& shape) {
  double elements = 1;
  for (int64_t extent : shape) elements *= static_cast<double>(extent);
  return elements;
}

}  // namespace

Work CountWork(const Function& function) {
  Work work;
  for (const Argument& argument : function.arguments) {
    work.bytes += Elements(argument.shape) * ByteSize(argument.type);
  }
  for (const Stage& stage : function.stages) {
    double elements = Elements(ShapeOf(stage.axes));
    OperationCounter counter(elements);
    counter.Visit(stage.body);
    work.flops += counter.count;
    if (function.IsOutput(stage.name)) work.bytes += elements * ByteSize(stage.type);
  }
  return work;
}

}  // namespace lathe
