// Where each buffer is allocated, and how large.
//
//   for i.o in 43 {                        for i.o in 43 {
//     for i.i in 12 {                        allocate t: f32[12] {
//       t[i.o*12 + i.i] = ...                  for i.i in 12 { t[i.i] = ... }
//     }                              ->        for y.i in 12 { y[i.o*12 + y.i] = t[y.i] }
//     for y.i in 12 {                        }
//       y[i.o*12 + y.i] = t[i.o*12 + y.i]  }
//     }
//   }
#include <algorithm>
#include <utility>

#include "compiler/loop/buffer_accesses.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/index_range.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

// A workspace buffer up to this size that lives inside a loop goes on the stack.
constexpr int64_t kMaxStackBytes = 16 << 10;

// One dimension of the region in use: base + [0, extent).
struct Dimension {
  Linear base;  // of variables bound outside of the allocation
  int64_t extent = 0;
};

struct Placement {
  const StmtNode* around = nullptr;  // the statement that the allocation wraps
  bool inside_loop = false;
  std::vector<Dimension> region;
};

using Names = absl::flat_hash_set<std::string>;

// Whether the sums that `moving` runs through have no gaps.
bool IsDense(const Linear& moving, const Bounds& bounds) {
  std::vector<std::pair<int64_t, int64_t>> steps;  // |coefficient|, values taken
  for (const Linear::Term& term : moving.terms) {
    Interval range = BoundsOf(term.atom, bounds);
    if (!range.bounded()) return false;
    steps.emplace_back(std::abs(term.coefficient), *range.max - *range.min);
  }
  std::sort(steps.begin(), steps.end());
  int64_t reach = 0;
  for (auto [coefficient, span] : steps) {
    if (coefficient > reach + 1) return false;
    reach += coefficient * span;
  }
  return true;
}

// The same comparison, however its sums are written.
bool SameCondition(const Expr& a, const Expr& b) {
  if (StructurallyEqual(a, b)) return true;
  std::optional<Linear> first = AsNonNegative(a), second = AsNonNegative(b);
  return first && second && ConstantDifference(*first, *second) == 0;
}

class Placer {
 public:
  Placer(const Buffer& buffer, const std::vector<BufferAccess>& accesses)
      : buffer_(buffer), accesses_(accesses) {
    for (const BufferAccess& access : accesses) {
      const auto& store = *static_cast<const Store*>(access.path.back());
      if (access.is_write && !store.region.empty()) region_ = &store.region;
    }
  }

  // The innermost place that sees all of the contents.
  Placement Place() const {
    size_t depth = CommonDepth();
    // The loops outside of a region compute it anew in each iteration.
    if (region_ != nullptr) return PlaceAt(depth);
    for (;; --depth) {
      Placement placement = PlaceAt(depth);
      if (depth == 0 || !placement.inside_loop || KeepsContents(depth)) return placement;
      // Go out of the innermost loop around.
      while (depth > 0 && accesses_[0].path[depth - 1]->kind != StmtKind::kFor) --depth;
    }
  }

 private:
  // How many ancestors all accesses share and an allocation may be inside of:
  // none of a loop that becomes lanes or copies.
  size_t CommonDepth() const {
    const std::vector<const StmtNode*>& first = accesses_[0].path;
    size_t depth = first.size() - 1;  // the store itself is wrapped at most
    for (const BufferAccess& access : accesses_) {
      size_t same = 0;
      while (same < depth && same + 1 < access.path.size() && access.path[same] == first[same]) {
        ++same;
      }
      depth = same;
    }
    // A sequence is wrapped whole.
    if (depth > 0 && first[depth - 1]->kind == StmtKind::kSequence) --depth;
    for (size_t i = 0; i < depth; ++i) {
      if (first[i]->kind != StmtKind::kFor) continue;
      LoopKind kind = static_cast<const For*>(first[i])->marks.kind;
      if (kind == LoopKind::kVectorize || kind == LoopKind::kUnroll) return i;
    }
    return depth;
  }

  static bool DependsOnlyOn(const Names& names, const Expr& e) {
    Names used = FreeVars(e);
    return std::all_of(used.begin(), used.end(),
                       [&](const std::string& name) { return names.contains(name); });
  }

  Names OutsideVars(size_t depth) const {
    Names names;
    for (size_t i = 0; i < depth; ++i) {
      const StmtNode* node = accesses_[0].path[i];
      if (node->kind == StmtKind::kFor) names.insert(static_cast<const For*>(node)->var);
    }
    return names;
  }

  Placement PlaceAt(size_t depth) const {
    Names outside = OutsideVars(depth);
    Placement placement{accesses_[0].path[depth], !outside.empty(), {}};
    for (size_t d = 0; d < buffer_.shape.size(); ++d) {
      placement.region.push_back(region_ && DependsOnlyOn(outside, (*region_)[d].base)
                                     ? Dimension{LinearOf((*region_)[d].base), (*region_)[d].extent}
                                     : RegionOf(d, outside));
    }
    return placement;
  }

  Dimension RegionOf(size_t d, const Names& outside) const {
    std::optional<Linear> fixed;
    std::optional<Interval> hull;
    for (const BufferAccess& access : accesses_) {
      SplitIndex index = SplitAt(access.indices[d], outside, access.bounds);
      // A guarded read outside of what is written reads nothing.
      if (!access.is_write) ClipRange(access.conditions, &index);
      if (!fixed) fixed = index.fixed;
      if (!ConstantDifference(*fixed, index.fixed) || !index.range.bounded()) {
        return WholeRange(d);
      }
      hull = hull ? Hull(*hull, index.range) : index.range;
    }
    fixed->constant += *hull->min;
    return {*fixed, *hull->max - *hull->min + 1};
  }

  // When accesses do not move in step: the same base for all iterations.
  Dimension WholeRange(size_t d) const {
    Interval hull = Interval::Of(0, buffer_.shape[d] - 1);
    for (const BufferAccess& access : accesses_) {
      SplitIndex index = SplitAt(access.indices[d], {}, access.bounds);
      if (!access.is_write) ClipRange(access.conditions, &index);
      if (index.range.bounded()) hull = Hull(hull, index.range);
    }
    return {Linear::Of(*hull.min), *hull.max - *hull.min + 1};
  }

  // Whether one iteration of the loops outside starts all that it reads, so
  // that no contents need to live from one iteration to the next.
  bool KeepsContents(size_t depth) const {
    Names outside = OutsideVars(depth);
    if (!StartsInEach(outside)) return false;
    for (size_t d = 0; d < buffer_.shape.size(); ++d) {
      std::optional<Linear> fixed;
      std::optional<Interval> written, read;
      for (const BufferAccess& access : accesses_) {
        SplitIndex index = SplitAt(access.indices[d], outside, access.bounds);
        ClipRange(access.conditions, &index);
        if (!fixed) fixed = index.fixed;
        if (ConstantDifference(*fixed, index.fixed) != 0 || !index.range.bounded()) return false;
        if (access.is_write && !IsDense(index.moving, access.bounds)) return false;
        if (RoleOf(access) == StoreRole::kUpdate && access.is_write) continue;
        std::optional<Interval>& hull = access.is_write ? written : read;
        hull = hull ? Hull(*hull, index.range) : index.range;
      }
      if (read && (!written || *read->min < *written->min || *read->max > *written->max)) {
        return false;
      }
    }
    return true;
  }

  static StoreRole RoleOf(const BufferAccess& access) {
    return static_cast<const Store*>(access.path.back())->role;
  }

  // Whether reductions start in each iteration of the loops outside that reads
  // them: in a peeled first one (materialize_init.cc) the others go on.
  bool StartsInEach(const Names& outside) const {
    for (const BufferAccess& start : accesses_) {
      if (!start.is_write || RoleOf(start) != StoreRole::kInit) continue;
      for (const Expr& condition : start.conditions) {
        Names used = FreeVars(condition);
        bool fixed = std::all_of(used.begin(), used.end(),
                                 [&](const std::string& v) { return outside.contains(v); });
        if (!fixed) continue;
        for (const BufferAccess& access : accesses_) {
          if (access.is_write) continue;
          bool holds =
              std::any_of(access.conditions.begin(), access.conditions.end(),
                          [&](const Expr& other) { return SameCondition(other, condition); });
          if (!holds) return false;
        }
      }
    }
    return true;
  }

  const Buffer& buffer_;
  const std::vector<BufferAccess>& accesses_;
  const std::vector<AxisSpan>* region_ = nullptr;  // of its store, if it has one
};

// Wraps allocations around their statements and makes indices relative.
class Allocator : public StmtMutator {
 public:
  explicit Allocator(const absl::flat_hash_map<std::string, Placement>& placements)
      : placements_(placements) {}

  // Innermost last: the order in which to wrap.
  void AddAllocation(const StmtNode* around, const std::string& buffer) {
    wrap_[around].push_back(buffer);
  }

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    return Wrap(s, StmtMutator::MutateFor(node, s));
  }
  Stmt MutateSequence(const Sequence& node, const Stmt& s) override {
    return Wrap(s, StmtMutator::MutateSequence(node, s));
  }
  Stmt MutateStore(const Store& node, const Stmt& s) override {
    Stmt mutated = StmtMutator::MutateStore(node, s);
    const auto& store = *mutated.As<Store>();
    return Wrap(s, MakeStore(store.stage, store.role, store.bindings, store.buffer,
                             Relative(store.buffer, store.indices), store.value, store.predicate));
  }
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = ExprMutator::MutateRead(node, e);
    const auto& read = *mutated.As<Read>();
    return MakeRead(read.type, read.buffer, Relative(read.buffer, read.indices), read.predicate,
                    read.otherwise);
  }

 private:
  Stmt Wrap(const Stmt& original, Stmt s) const {
    auto found = wrap_.find(original.get());
    if (found == wrap_.end()) return s;
    for (const std::string& buffer : found->second) s = MakeAllocate(buffer, std::move(s));
    return s;
  }

  std::vector<Expr> Relative(const std::string& buffer, std::vector<Expr> indices) const {
    auto found = placements_.find(buffer);
    if (found == placements_.end()) return indices;
    for (size_t d = 0; d < indices.size(); ++d) {
      Linear index = LinearOf(indices[d]);
      index.Add(found->second.region[d].base, -1);
      indices[d] = index.ToExpr();
    }
    return indices;
  }

  const absl::flat_hash_map<std::string, Placement>& placements_;
  absl::flat_hash_map<const StmtNode*, std::vector<std::string>> wrap_;
};

Scope PlacedScope(const Buffer& buffer, bool inside_loop) {
  bool small = buffer.NumElements() * ByteSize(buffer.type) <= kMaxStackBytes;
  return buffer.scope == Scope::kWorkspace && inside_loop && small ? Scope::kStack : buffer.scope;
}

}  // namespace

Program ShrinkBuffers(const Program& program) {
  absl::flat_hash_map<std::string, std::vector<BufferAccess>> accesses =
      CollectAccesses(program.body);
  absl::flat_hash_map<std::string, Placement> placements;
  Allocator allocator(placements);
  Program result = program;
  result.buffers.clear();
  for (Buffer buffer : program.buffers) {
    auto found = accesses.find(buffer.name);
    bool used = found != accesses.end();
    if (buffer.scope != Scope::kArgument && !used) continue;
    if (buffer.scope != Scope::kArgument && buffer.scope != Scope::kTable) {
      Placement placement = Placer(buffer, found->second).Place();
      for (size_t d = 0; d < buffer.shape.size(); ++d) {
        buffer.shape[d] = placement.region[d].extent;
      }
      buffer.scope = PlacedScope(buffer, placement.inside_loop);
      allocator.AddAllocation(placement.around, buffer.name);
      placements.emplace(buffer.name, std::move(placement));
    }
    result.buffers.push_back(std::move(buffer));
  }
  result.body = allocator.Mutate(program.body);
  return result;
}

}  // namespace lathe
