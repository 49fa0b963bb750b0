// Loop programs: a tensor function as loops, buffers and stores that keep
// their stage's identity. What schedules rewrite. Immutable, shared nodes.
//
// Semantics. A program declares its buffers and stages; its body runs in
// order. `For` runs its body for var = 0 .. extent-1. A `Store` computes one
// instance of its stage: the stage's axes take the values of `bindings`, and
// `buffer[indices] = value` happens if `predicate` holds (null: always). The
// roles: kWhole computes a stage without reduction; kReduce folds `value`, one
// more term, into an element with the stage's ReduceOp, and stands for an
// initialisation too: each element starts as the identity right before the
// outermost loop that binds one of the stage's reduction axes. Lowering writes
// that out first, as separate statements: kInit starts an element, kUpdate is
// `buffer[indices] = buffer[indices] op term`. (Keeping it implicit while
// scheduling means that no primitive has to move initialisations along.)
//
// A *scheduled* program is what primitives make. A *lowered* program
// (lower.h) is what code generation sees: buffers one-dimensional, marks
// expanded into vectors, straight-line code, `If`s and partitioned loops;
// only serial and parallel loops are left, every buffer but arguments and
// tables is allocated exactly once, and bindings are empty.
#ifndef LATHE_COMPILER_LOOP_PROGRAM_H_
#define LATHE_COMPILER_LOOP_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/tensor/expr.h"
#include "compiler/tensor/function.h"

namespace lathe {

// Where a buffer lives. Register-scope indices are constant after unrolling.
enum class Scope : uint8_t { kArgument, kTable, kWorkspace, kStack, kRegister, kTile };
// Of arguments only. kPacked: given by the caller like an output, but written
// by the program's `prepare` part, ahead of the calls that read it.
enum class Access : uint8_t { kNone, kInput, kConst, kOutput, kPacked };

struct Buffer {
  std::string name;  // unique among buffers
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;  // row-major
  Scope scope = Scope::kWorkspace;
  Access access = Access::kNone;
  std::vector<double> values;  // kTable only
  int64_t NumElements() const;
};

// What a stage computes, for the verifier: its whole domain.
struct StageInfo {
  std::string name;  // unique among stages
  std::vector<Axis> spatial;
  std::vector<Axis> reduction;          // empty for a stage without reduction
  ReduceOp reduce_op = ReduceOp::kSum;  // meaningful with a reduction
  // Which points of that box belong to the domain, over the names of its axes;
  // null: all. A blocked reduction has none beyond the end of its last block.
  Expr where = Expr();
};

enum class LoopKind : uint8_t { kSerial, kParallel, kVectorize, kUnroll };
// How a loop deals with the instances a predicate removes: kMask leaves the
// predicate (vector lanes are masked); kPartition runs the iterations where it
// always holds without it, and the rest apart.
enum class Tail : uint8_t { kMask, kPartition };

// Each iteration of the loop touches, ahead of time, what reads of `buffer`
// below will need `distance` iterations later.
struct PrefetchMark {
  std::string buffer;
  int64_t distance = 1;
  bool operator==(const PrefetchMark&) const = default;
};

struct LoopMarks {
  LoopKind kind = LoopKind::kSerial;
  Tail tail = Tail::kMask;
  // The first or last iteration becomes code of its own.
  bool peel_first = false, peel_last = false;
  // Bodies that are equal after lowering share one function.
  bool outline = false;
  std::string tensorize = {};  // the intrinsic (compiler/intrinsic) that the nest becomes, or empty
  std::vector<PrefetchMark> prefetch = {};
  bool operator==(const LoopMarks&) const = default;
};

enum class StmtKind : uint8_t {
#define LATHE_STMT_NODE(Name) k##Name,
#include "compiler/loop/stmt_nodes.def"
#undef LATHE_STMT_NODE
};

struct StmtNode {
  explicit StmtNode(StmtKind kind) : kind(kind) {}
  virtual ~StmtNode() = default;
  const StmtKind kind;
};

// A shared handle to an immutable statement; null when default-constructed.
class Stmt {
 public:
  Stmt() = default;
  explicit Stmt(std::shared_ptr<const StmtNode> node) : node_(std::move(node)) {}
  explicit operator bool() const { return node_ != nullptr; }
  const StmtNode* operator->() const { return node_.get(); }
  const StmtNode* get() const { return node_.get(); }
  StmtKind kind() const { return node_->kind; }
  template <typename Node>
  const Node* As() const {
    return node_ && node_->kind == Node::kKind ? static_cast<const Node*>(node_.get()) : nullptr;
  }
  bool SameAs(const Stmt& other) const { return node_ == other.node_; }

 private:
  std::shared_ptr<const StmtNode> node_;
};

struct For : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kFor;
  For(std::string var, int64_t extent, LoopMarks marks, Stmt body)
      : StmtNode(kKind),
        var(std::move(var)),
        extent(extent),
        marks(std::move(marks)),
        body(std::move(body)) {}
  const std::string var;  // unique among loops of a scheduled program
  const int64_t extent;   // positive
  const LoopMarks marks;
  const Stmt body;
};
struct Sequence : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kSequence;
  explicit Sequence(std::vector<Stmt> stmts) : StmtNode(kKind), stmts(std::move(stmts)) {}
  const std::vector<Stmt> stmts;  // at least two, none a Sequence
};
// Values base .. base + extent - 1 of an axis, as far as the axis has them.
struct AxisSpan {
  Expr base;  // of loop variables
  int64_t extent = 0;
};
enum class StoreRole : uint8_t { kWhole, kReduce, kInit, kUpdate };
struct Store : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kStore;
  Store(std::string stage, StoreRole role, std::vector<std::pair<std::string, Expr>> bindings,
        std::string buffer, std::vector<Expr> indices, Expr value, Expr predicate,
        std::vector<AxisSpan> region)
      : StmtNode(kKind),
        stage(std::move(stage)),
        role(role),
        bindings(std::move(bindings)),
        buffer(std::move(buffer)),
        indices(std::move(indices)),
        value(std::move(value)),
        predicate(std::move(predicate)),
        region(std::move(region)) {}
  const std::string stage;
  const StoreRole role;
  // Axis name -> value, spatial axes first, in the order of StageInfo; kInit
  // binds spatial axes only. Expressions use loop variables only: the axes
  // have been substituted.
  const std::vector<std::pair<std::string, Expr>> bindings;
  const std::string buffer;
  const std::vector<Expr> indices;
  const Expr value;
  const Expr predicate;  // may be null
  // Empty, or what compute_at left of the domain: a span of each spatial axis
  // that each iteration of the loops outside computes, some perhaps again. The
  // loops outside are those that no binding minus its base depends on.
  const std::vector<AxisSpan> region;
};
struct If : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kIf;
  If(Expr condition, Stmt then)
      : StmtNode(kKind), condition(std::move(condition)), then(std::move(then)) {}
  const Expr condition;
  const Stmt then;
};
struct Allocate : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kAllocate;
  Allocate(std::string buffer, Stmt body)
      : StmtNode(kKind), buffer(std::move(buffer)), body(std::move(body)) {}
  const std::string buffer;  // undefined contents at entry
  const Stmt body;
};

// Touches an element ahead of its use. Changes no value.
struct Prefetch : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kPrefetch;
  Prefetch(std::string buffer, std::vector<Expr> indices)
      : StmtNode(kKind), buffer(std::move(buffer)), indices(std::move(indices)) {}
  const std::string buffer;
  const std::vector<Expr> indices;  // may lie outside of the buffer
};
// A hardware primitive on tiles of memory: what it computes stands in
// compiler/intrinsic.
struct Intrinsic : StmtNode {
  static constexpr StmtKind kKind = StmtKind::kIntrinsic;
  // The tile's element [p, q, ..] is element index + p * strides[0] + ... of the
  // (one-dimensional) buffer.
  struct Operand {
    std::string buffer;
    Expr index;
    std::vector<int64_t> strides;
  };
  Intrinsic(std::string name, std::vector<Operand> operands)
      : StmtNode(kKind), name(std::move(name)), operands(std::move(operands)) {}
  const std::string name;
  const std::vector<Operand> operands;  // outputs first
};

// Makers CHECK invariants; MakeSequence flattens, drops nulls, and returns the
// single statement itself (null for none).
Stmt MakeFor(std::string var, int64_t extent, LoopMarks marks, Stmt body);
Stmt MakeSequence(std::vector<Stmt> stmts);
Stmt MakeStore(std::string stage, StoreRole role,
               std::vector<std::pair<std::string, Expr>> bindings, std::string buffer,
               std::vector<Expr> indices, Expr value, Expr predicate = Expr(),
               std::vector<AxisSpan> region = {});
Stmt MakeIf(Expr condition, Stmt then);
Stmt MakeAllocate(std::string buffer, Stmt body);
Stmt MakePrefetch(std::string buffer, std::vector<Expr> indices);
Stmt MakeIntrinsic(std::string name, std::vector<Intrinsic::Operand> operands);

struct Program {
  std::string name;
  std::vector<Buffer> buffers;  // arguments first: inputs, outputs, packed
  std::vector<StageInfo> stages;
  Stmt body;
  bool lowered = false;
  // Lowered programs only, may be null: what writes the packed arguments from
  // const ones, ahead of the calls.
  Stmt prepare = Stmt();

  const Buffer* FindBuffer(std::string_view name) const;
  const StageInfo* FindStage(std::string_view name) const;
};

// The naive program: the loops as written, one nest per stage, loops named
// STAGE.AXIS, reductions innermost; guarded reads get explicit predicates.
// A reduction below the root of an equation becomes a stage of its own, named
// STAGE.r0, STAGE.r1, ...
absl::StatusOr<Program> BuildNaive(const Function& function);

// The text form; prints and parses back to an equal program.
std::string ToText(const Program& program);
absl::StatusOr<Program> ParseProgram(std::string_view text, std::string_view file_name);

// SHA-256 of the lowered program's text: what a record stores. Neither the
// program's name nor `const` on an argument changes it: they change no code, and
// a record without const serves a const query.
std::string ProgramHash(const Program& lowered);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_PROGRAM_H_
