#include "compiler/loop/library_nest.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/nest_operand.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();  // that routines can count

struct Factors {
  const Read* a = nullptr;
  const Read* b = nullptr;
};

// The product of two elements that the store adds to its own; nullopt if it
// does anything else.
std::optional<Factors> FactorsOf(const Program& program, const Store& store) {
  Expr term = store.value;
  if (store.role == StoreRole::kUpdate) {
    const auto* sum = term.As<Binary>();
    if (sum == nullptr || sum->op != BinaryOp::kAdd) return std::nullopt;
    Expr old = MakeRead(term.type(), store.buffer, store.indices);
    if (!StructurallyEqual(sum->a, old)) return std::nullopt;
    term = sum->b;
  } else if (store.role != StoreRole::kReduce ||
             program.FindStage(store.stage)->reduce_op != ReduceOp::kSum) {
    return std::nullopt;
  }
  const auto* product = term.As<Binary>();
  if (product == nullptr || product->op != BinaryOp::kMul) return std::nullopt;
  Factors factors{product->a.As<Read>(), product->b.As<Read>()};
  if (factors.a == nullptr || factors.b == nullptr) return std::nullopt;
  if (factors.a->predicate || factors.b->predicate) return std::nullopt;
  return factors;
}

absl::Status CheckBuffers(const Program& program, const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    const Buffer& buffer = *program.FindBuffer(names[i]);
    if (buffer.type != ScalarType::kF32) {
      return absl::InvalidArgumentError(
          absl::StrCat("buffer ", names[i], " holds no elements of f32"));
    }
    if (buffer.scope == Scope::kRegister || buffer.scope == Scope::kTile) {
      return absl::InvalidArgumentError(absl::StrCat("buffer ", names[i], " is not in memory"));
    }
    if (std::find(names.begin(), names.begin() + i, names[i]) != names.begin() + i) {
      return absl::InvalidArgumentError(absl::StrCat("two operands lie in buffer ", names[i]));
    }
  }
  return absl::OkStatus();
}

bool LayoutsFit(const LibraryCall& call, const std::vector<Intrinsic::Operand>& operands) {
  std::optional<MatrixLayout> c = LayoutOf(operands[0], call.m, call.n);
  return c && !c->transposed && LayoutOf(operands[1], call.m, call.k) &&
         LayoutOf(operands[2], call.k, call.n);
}

// The call in which loops[0] runs along the rows of c, loops[1] along its columns
// and loops[2] along the terms; null if the accesses are not those.
Stmt CallAlong(const Program& program, const LibraryRoutine& routine, const Store& store,
               const Factors& factors, const std::vector<const For*>& loops) {
  const std::string &i = loops[0]->var, &j = loops[1]->var, &k = loops[2]->var;
  std::vector<Intrinsic::Operand> operands;
  auto add = [&](const std::string& name, const std::vector<Expr>& indices, const std::string& row,
                 const std::string& column, const std::string& unused) {
    const Buffer& buffer = *program.FindBuffer(name);
    std::optional<Intrinsic::Operand> operand =
        AsOperand(buffer, FlatIndex(buffer, indices), {row, column, unused});
    if (!operand || operand->strides.back() != 0) return false;
    operand->strides.pop_back();
    operands.push_back(*std::move(operand));
    return true;
  };
  bool affine = add(store.buffer, store.indices, i, j, k) &&
                add(factors.a->buffer, factors.a->indices, i, k, j) &&
                add(factors.b->buffer, factors.b->indices, k, j, i);
  const LibraryCall call{&routine, loops[0]->extent, loops[1]->extent, loops[2]->extent};
  if (!affine || !LayoutsFit(call, operands)) return Stmt();
  return MakeIntrinsic(absl::StrCat(routine.name, "_", call.m, "x", call.n, "x", call.k),
                       std::move(operands));
}

}  // namespace

std::optional<LibraryCall> AsLibraryCall(const Intrinsic& intrinsic) {
  const std::string& name = intrinsic.name;
  size_t end = name.rfind('_');
  if (end == std::string::npos) return std::nullopt;
  LibraryCall call;
  call.routine = FindLibraryRoutine(name.substr(0, end));
  std::vector<std::string> extents = absl::StrSplit(name.substr(end + 1), 'x');
  if (call.routine == nullptr || extents.size() != 3) return std::nullopt;
  int64_t* const values[] = {&call.m, &call.n, &call.k};
  for (size_t d = 0; d < extents.size(); ++d) {
    if (!absl::SimpleAtoi(extents[d], values[d]) || *values[d] < 1) return std::nullopt;
  }
  return call;
}

std::optional<MatrixLayout> LayoutOf(const Intrinsic::Operand& operand, int64_t rows,
                                     int64_t columns) {
  const int64_t row = operand.strides[0], column = operand.strides[1];
  if (std::max({rows, columns, row, column}) > kLargest) return std::nullopt;
  if (column == 1 && row >= columns) return MatrixLayout{false, row};
  if (row == 1 && column >= rows) return MatrixLayout{true, column};
  return std::nullopt;
}

absl::StatusOr<Stmt> MatchLibraryCall(const Program& program, const For& outermost,
                                      const LibraryRoutine& routine) {
  std::vector<const For*> loops;
  const Store* store = nullptr;
  for (const For* loop = &outermost; loop != nullptr && loops.size() < 3;
       loop = loop->body.As<For>()) {
    loops.push_back(loop);
    store = loop->body.As<Store>();
  }
  if (loops.size() != 3 || store == nullptr) {
    return absl::InvalidArgumentError(
        "it does not head three perfectly nested loops around one store");
  }
  std::optional<Factors> factors = FactorsOf(program, *store);
  if (!factors) {
    return absl::InvalidArgumentError(absl::StrCat("stage ", store->stage,
                                                   " is no sum of products of two elements, which ",
                                                   routine.name, " computes"));
  }
  RETURN_IF_ERROR(CheckBuffers(program, {store->buffer, factors->a->buffer, factors->b->buffer}));
  for (const For* loop : loops) {
    if (loop->extent > 1) continue;
    return absl::InvalidArgumentError(absl::StrCat("loop ", loop->var, " has one iteration"));
  }
  // Loops may stand in any order, and either factor may be the first: which
  // is whose shows in the strides.
  auto by_name = [](const For* a, const For* b) { return a->var < b->var; };
  std::sort(loops.begin(), loops.end(), by_name);
  const Factors swapped{factors->b, factors->a};
  do {
    for (const Factors& f : {*factors, swapped}) {
      if (Stmt call = CallAlong(program, routine, *store, f, loops)) return call;
    }
  } while (std::next_permutation(loops.begin(), loops.end(), by_name));
  return absl::InvalidArgumentError(
      absl::StrCat("how it indexes is not that of ", routine.name,
                   ", c[i, j] += a[i, k] * b[k, j] with contiguous rows, in a and b or columns"));
}

absl::Status CheckLibraryOperands(const Program& program, const Intrinsic& intrinsic) {
  const std::optional<LibraryCall> call = AsLibraryCall(intrinsic);
  CHECK(call.has_value()) << intrinsic.name;
  auto wrong = [&](const std::string& what) {
    return absl::FailedPreconditionError(absl::StrCat("intrinsic ", intrinsic.name, ": ", what));
  };
  if (intrinsic.operands.size() != 3) {
    return wrong(absl::StrCat("it has 3 operands, not ", intrinsic.operands.size()));
  }
  std::vector<std::string> names;
  for (const Intrinsic::Operand& operand : intrinsic.operands) {
    const Buffer* buffer = program.FindBuffer(operand.buffer);
    if (buffer == nullptr || buffer->shape.size() != 1 || operand.strides.size() != 2) {
      return wrong(absl::StrCat("operand ", operand.buffer, " is no matrix in a flat buffer"));
    }
    names.push_back(operand.buffer);
  }
  absl::Status buffers = CheckBuffers(program, names);
  if (!buffers.ok()) return wrong(std::string(buffers.message()));
  if (!LayoutsFit(*call, intrinsic.operands)) return wrong("its operands have wrong strides");
  return absl::OkStatus();
}

Stmt ExpandLibraryCall(const Intrinsic& intrinsic) {
  const LibraryCall call = *AsLibraryCall(intrinsic);
  const Intrinsic::Operand& c = intrinsic.operands[0];
  auto read = [&](size_t operand, const std::string& row, const std::string& column) {
    const Intrinsic::Operand& o = intrinsic.operands[operand];
    return MakeRead({ScalarType::kF32, 1}, o.buffer, {ElementOf(o, {row, column})});
  };
  Expr product = MakeBinary(BinaryOp::kMul, read(1, "@i", "@k"), read(2, "@k", "@j"));
  Stmt nest =
      MakeStore(intrinsic.name, StoreRole::kUpdate, {}, c.buffer, {ElementOf(c, {"@i", "@j"})},
                MakeBinary(BinaryOp::kAdd, read(0, "@i", "@j"), std::move(product)));
  nest = MakeFor("@k", call.k, {}, std::move(nest));
  nest = MakeFor("@j", call.n, {}, std::move(nest));
  return MakeFor("@i", call.m, {}, std::move(nest));
}

std::vector<std::string> RoutinesCalled(const Program& lowered) {
  return RoutinesCalled(MakeSequence({lowered.prepare, lowered.body}));
}

std::vector<std::string> RoutinesCalled(const Stmt& s) {
  class Collector : public StmtVisitor {
   public:
    std::set<std::string> names;

   protected:
    void VisitIntrinsic(const Intrinsic& node) override {
      if (std::optional<LibraryCall> call = AsLibraryCall(node)) names.insert(call->routine->name);
    }
  };
  Collector collector;
  if (s) collector.Visit(s);
  return {collector.names.begin(), collector.names.end()};
}

}  // namespace lathe
