#include "database/shape.h"

#include <cmath>
#include <limits>

#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

class ReductionExtents : public ExprVisitor {
 public:
  explicit ReductionExtents(std::vector<double>* logs) : logs_(*logs) {}

 protected:
  void VisitReduce(const Reduce& node) override {
    for (const Axis& axis : node.axes) logs_.push_back(std::log2(axis.extent));
    ExprVisitor::VisitReduce(node);
  }

 private:
  std::vector<double>& logs_;
};

}  // namespace

std::vector<double> ShapeOf(const Function& function) {
  std::vector<double> shape;
  for (const Stage& stage : function.stages) {
    for (const Axis& axis : stage.axes) shape.push_back(std::log2(axis.extent));
    ReductionExtents(&shape).Visit(stage.body);
  }
  for (double& log : shape) log /= static_cast<double>(function.stages.size());
  return shape;
}

std::vector<double> ShapeOfText(std::string_view function_text) {
  absl::StatusOr<Function> function = ParseFunction(function_text, "the function of a record");
  return function.ok() ? ShapeOf(*function) : std::vector<double>();
}

double ShapeDistance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double distance = 0;
  for (size_t i = 0; i < a.size(); ++i) distance += std::abs(a[i] - b[i]);
  return distance;
}

double ShapeVolume(const std::vector<double>& shape) {
  double volume = 0;
  for (double log : shape) volume += log;
  return volume;
}

}  // namespace lathe
