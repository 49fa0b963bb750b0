#include "compiler/space/structure.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

ReadStride StrideOfAccess(const Program& program, const std::string& buffer,
                          const std::vector<Expr>& indices, const Read* read) {
  ReadStride result{read, true, {}};
  const Buffer* target = program.FindBuffer(buffer);
  int64_t stride = 1;
  for (size_t d = indices.size(); d-- > 0;) {
    std::optional<Affine> affine = AsAffine(indices[d]);
    if (!affine) return {read, false, {}};
    for (const auto& [var, coefficient] : affine->terms) {
      auto it = std::find_if(result.strides.begin(), result.strides.end(),
                             [&, v = var](const auto& entry) { return entry.first == v; });
      if (it == result.strides.end()) {
        result.strides.emplace_back(var, coefficient * stride);
      } else {
        it->second += coefficient * stride;
      }
    }
    stride *= target->shape[d];
  }
  return result;
}

class ReadCollector : public ExprVisitor {
 public:
  ReadCollector(const Program& program, std::vector<ReadStride>& reads)
      : program_(program), reads_(reads) {}

 protected:
  void VisitRead(const Read& node) override {
    reads_.push_back(StrideOfAccess(program_, node.buffer, node.indices, &node));
    ExprVisitor::VisitRead(node);
  }

 private:
  const Program& program_;
  std::vector<ReadStride>& reads_;
};

class NestCollector : public StmtVisitor {
 public:
  explicit NestCollector(const Program& program) : program_(program) {}
  std::vector<StageNest> nests;

 protected:
  void VisitFor(const For& node) override {
    loops_.push_back(&node);
    StmtVisitor::VisitFor(node);
    loops_.pop_back();
  }
  void VisitStore(const Store& node) override {
    StageNest nest{&node, program_.FindStage(node.stage), loops_, {}, {}};
    ReadCollector(program_, nest.reads).Visit(node.value);
    nest.output = StrideOfAccess(program_, node.buffer, node.indices, nullptr);
    nests.push_back(std::move(nest));
  }

 private:
  const Program& program_;
  std::vector<const For*> loops_;
};

class OperationCounter : public ExprVisitor {
 public:
  OperationCounts counts;

 protected:
  void VisitRead(const Read& node) override {
    if (node.otherwise) Visit(node.otherwise);
  }
  void VisitUnary(const Unary& node) override {
    switch (node.op) {
      case UnaryOp::kNeg:
      case UnaryOp::kNot:
      case UnaryOp::kAbs:
      case UnaryOp::kFloor:
        ++counts.arithmetic;
        break;
      case UnaryOp::kSqrt:
      case UnaryOp::kRsqrt:
        ++counts.divisions;
        break;
      default:
        ++counts.elementary;
    }
    ExprVisitor::VisitUnary(node);
  }
  void VisitBinary(const Binary& node) override {
    if (node.op == BinaryOp::kDiv) {
      ++counts.divisions;
    } else if (node.op == BinaryOp::kPow) {
      ++counts.elementary;
    } else {
      ++counts.arithmetic;
    }
    ExprVisitor::VisitBinary(node);
  }
  void VisitSelect(const Select& node) override {
    ++counts.arithmetic;
    ExprVisitor::VisitSelect(node);
  }
  void VisitCast(const Cast& node) override {
    ++counts.arithmetic;
    ExprVisitor::VisitCast(node);
  }
};

}  // namespace

int64_t ReadStride::StrideOf(std::string_view loop) const {
  for (const auto& [var, stride] : strides) {
    if (var == loop) return stride;
  }
  return 0;
}

const For* StageNest::LoopOf(std::string_view axis) const {
  std::string name = absl::StrCat(stage->name, ".", std::string(axis));
  for (const For* loop : loops) {
    if (loop->var == name) return loop;
  }
  return nullptr;
}

std::vector<StageNest> NestsOf(const Program& naive) {
  NestCollector collector(naive);
  collector.StmtVisitor::Visit(naive.body);
  return std::move(collector.nests);
}

OperationCounts CountOperations(const StageNest& nest) {
  OperationCounter counter;
  counter.Visit(nest.store->value);
  if (nest.stage->reduction.empty()) return counter.counts;
  const auto* product = nest.store->value.As<Binary>();
  if (nest.stage->reduce_op == ReduceOp::kSum && product && product->op == BinaryOp::kMul) {
    ++counter.counts.multiply_adds;
    --counter.counts.arithmetic;
  } else {
    ++counter.counts.arithmetic;
  }
  return counter.counts;
}

bool IsElementwiseConsumer(const StageNest& consumer, const StageNest& producer) {
  if (!consumer.stage->reduction.empty()) return false;
  bool reads = false;
  std::vector<std::string> subscripts;
  for (const ReadStride& read : consumer.reads) {
    if (read.read->buffer != producer.store->buffer) continue;
    if (read.read->predicate) return false;
    std::vector<std::string> names;
    for (const Expr& index : read.read->indices) {
      if (const auto* var = index.As<Var>()) {
        names.push_back(var->name);
      } else if (!AsConstInt(index)) {
        return false;
      } else {
        names.emplace_back();
      }
    }
    if (reads && names != subscripts) return false;
    reads = true;
    subscripts = std::move(names);
  }
  return reads;
}

}  // namespace lathe
