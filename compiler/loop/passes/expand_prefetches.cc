// Loops marked prefetch touch, at the start of each iteration, the cache lines
// that reads below will need some iterations later.
//
//   for k in 512 prefetch=b:8 {          for k in 512 {
//     for j in 32 {                        prefetch b[k + 8, 0]
//       c[j] += a[k] * b[k, j]     ->      prefetch b[k + 8, 16]
//     }                                    for j in 32 { c[j] += a[k] * b[k, j] }
//   }                                    }
//
// What an iteration reads is a box: each subscript is a part that is fixed in the
// iteration and a range. One statement is made per 64 bytes of each row of the
// box; rows that follow each other in memory count as one.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/buffer_accesses.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/index_range.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

constexpr int64_t kLineBytes = 64;
// Statements of one loop: more would cost more than they save.
constexpr int64_t kMaxLines = 64;

// What an iteration reads through subscripts with the same fixed parts.
struct Box {
  std::vector<Linear> fixed;
  std::vector<Interval> ranges;  // beyond the fixed part, bounded
};

class AllocationFinder : public StmtVisitor {
 public:
  absl::flat_hash_set<std::string> names;

 protected:
  void VisitAllocate(const Allocate& node) override {
    names.insert(node.buffer);
    StmtVisitor::VisitAllocate(node);
  }
};

// Statements that prefetch for one mark.
class Prefetcher {
 public:
  Prefetcher(const Program& program, const For& loop, const PrefetchMark& mark)
      : buffer_(*program.FindBuffer(mark.buffer)), loop_(loop), mark_(mark) {}

  absl::StatusOr<std::vector<Stmt>> Run() {
    AllocationFinder allocated;
    allocated.Visit(loop_.body);
    if (buffer_.scope == Scope::kRegister || allocated.names.contains(buffer_.name)) {
      return Refuse("it lives in registers or within an iteration");
    }
    auto accesses = CollectAccesses(loop_.body);
    for (const BufferAccess& access : accesses[buffer_.name]) {
      if (!access.is_write) RETURN_IF_ERROR(Add(access));
    }
    std::vector<Stmt> statements;
    for (const Box& box : boxes_) {
      bool moves = std::any_of(box.fixed.begin(), box.fixed.end(), [&](const Linear& fixed) {
        return UsesVar(fixed.ToExpr(), loop_.var);
      });
      if (moves) Emit(box, statements);
      if (static_cast<int64_t>(statements.size()) > kMaxLines) {
        return Refuse(absl::StrCat("an iteration reads more than ", kMaxLines,
                                   " cache lines; mark a loop further in"));
      }
    }
    if (statements.empty()) return Refuse("no read below the loop depends on it");
    return statements;
  }

 private:
  absl::Status Refuse(std::string_view why) const {
    return absl::InvalidArgumentError(absl::StrCat("loop ", loop_.var, " cannot prefetch ",
                                                   buffer_.name, ": ", std::string(why)));
  }

  absl::Status Add(const BufferAccess& access) {
    Box box;
    for (const Expr& index : access.indices) {
      absl::flat_hash_set<std::string> outside = FreeVars(index);
      absl::erase_if(outside,
                     [&](const std::string& name) { return access.bounds.contains(name); });
      SplitIndex split = SplitAt(index, outside, access.bounds);
      ClipRange(access.conditions, &split);
      if (!split.range.bounded()) return Refuse("the range of a subscript is not known");
      if (*split.range.max < *split.range.min) return absl::OkStatus();  // never read
      box.fixed.push_back(split.fixed);
      box.ranges.push_back(split.range);
    }
    for (Box& known : boxes_) {
      bool same = std::equal(
          known.fixed.begin(), known.fixed.end(), box.fixed.begin(),
          [](const Linear& a, const Linear& b) { return ConstantDifference(a, b) == 0; });
      if (!same) continue;
      for (size_t d = 0; d < box.ranges.size(); ++d) {
        known.ranges[d] = Hull(known.ranges[d], box.ranges[d]);
      }
      return absl::OkStatus();
    }
    boxes_.push_back(std::move(box));
    return absl::OkStatus();
  }

  static int64_t Extent(const Interval& range) { return *range.max - *range.min + 1; }

  // One statement per line of each row; stops above the limit.
  void Emit(const Box& box, std::vector<Stmt>& statements) const {
    size_t rows = box.ranges.size();  // dimensions that count rows
    int64_t row = 1;                  // elements that follow each other
    while (rows > 0) {
      --rows;
      row *= Extent(box.ranges[rows]);
      if (Extent(box.ranges[rows]) != buffer_.shape[rows]) break;
    }
    const int64_t step = std::max<int64_t>(1, kLineBytes / ByteSize(buffer_.type));
    std::vector<int64_t> at;
    for (const Interval& range : box.ranges) at.push_back(*range.min);
    while (true) {
      for (int64_t offset = 0; offset < row; offset += step) {
        if (static_cast<int64_t>(statements.size()) > kMaxLines) return;
        statements.push_back(At(box, at, offset));
      }
      size_t d = rows;
      while (d > 0 && ++at[d - 1] > *box.ranges[d - 1].max) {
        at[d - 1] = *box.ranges[d - 1].min;
        --d;
      }
      if (d == 0) return;
    }
  }

  // The element `offset` behind the one at `at`, as many iterations ahead as the
  // mark says. An offset beyond the last dimension is in the next row.
  Stmt At(const Box& box, const std::vector<int64_t>& at, int64_t offset) const {
    std::vector<Expr> indices;
    for (size_t d = 0; d < at.size(); ++d) {
      Linear index = box.fixed[d];
      index.constant += at[d] + (d + 1 == at.size() ? offset : 0);
      indices.push_back(
          Substitute(index.ToExpr(), {{loop_.var, MakeVar(loop_.var) + mark_.distance}}));
    }
    return MakePrefetch(buffer_.name, std::move(indices));
  }

  const Buffer& buffer_;
  const For& loop_;
  const PrefetchMark& mark_;
  std::vector<Box> boxes_;
};

class PrefetchExpander : public StmtMutator {
 public:
  explicit PrefetchExpander(const Program& program) : program_(program) {}
  const absl::Status& status() const { return status_; }

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    if (node.marks.prefetch.empty() || !status_.ok()) return StmtMutator::MutateFor(node, s);
    std::vector<Stmt> statements;
    for (const PrefetchMark& mark : node.marks.prefetch) {
      if (program_.FindBuffer(mark.buffer) == nullptr) {
        status_ = absl::InvalidArgumentError(
            absl::StrCat("loop ", node.var, " cannot prefetch ", mark.buffer, ": nothing uses it"));
        return s;
      }
      absl::StatusOr<std::vector<Stmt>> ahead = Prefetcher(program_, node, mark).Run();
      if (!ahead.ok()) {
        status_ = ahead.status();
        return s;
      }
      statements.insert(statements.end(), ahead->begin(), ahead->end());
    }
    statements.push_back(Mutate(node.body));
    LoopMarks marks = node.marks;
    marks.prefetch.clear();
    return MakeFor(node.var, node.extent, std::move(marks), MakeSequence(std::move(statements)));
  }

 private:
  const Program& program_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Program> ExpandPrefetches(const Program& program) {
  Program result = program;
  PrefetchExpander expander(program);
  result.body = expander.Mutate(program.body);
  if (!expander.status().ok()) return expander.status();
  return result;
}

}  // namespace lathe
