// Rules of scheduled programs; verify.cc states them.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/intrinsic_nest.h"
#include "compiler/loop/packed.h"
#include "compiler/loop/simplifier.h"
#include "compiler/loop/verify_internal.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

// What holds where a read is made: bounds of loops, narrowed by the predicates.
struct WhereRead {
  WhereRead(const StoreSite& consumer, const ReadSite& read)
      : bounds(BoundsOfLoops(consumer.loops)), known(bounds) {
    Assume(consumer.store->predicate);
    for (const Expr& predicate : read.predicates) Assume(predicate);
  }
  WhereRead(const WhereRead&) = delete;  // `known` refers to `bounds`

  Bounds bounds;
  Simplifier known;

 private:
  void Assume(const Expr& condition) {
    if (!condition) return;
    Expr simple = known.Simplify(condition);
    known.Assume(simple);
    NarrowBounds(simple, bounds);
  }
};

class ScheduledVerifier {
 public:
  ScheduledVerifier(const Program& program, const std::vector<StoreSite>& sites)
      : program_(program), sites_(sites) {}

  absl::Status Run() {
    for (size_t i = 0; i < sites_.size(); ++i) RETURN_IF_ERROR(CheckBindings(i));
    RETURN_IF_ERROR(CheckWritten());
    for (const StoreSite& site : sites_) {
      const StageInfo& stage = *program_.FindStage(site.store->stage);
      ASSIGN_OR_RETURN(LoopValues values, VerifyCoverage(stage, site));
      loop_values_.push_back(std::move(values));
    }
    for (size_t i = 0; i < sites_.size(); ++i) RETURN_IF_ERROR(CheckMarks(i));
    for (size_t i = 0; i < sites_.size(); ++i) RETURN_IF_ERROR(CheckReads(i));
    absl::Status packed = CheckPacked(program_);
    if (!packed.ok()) return Broken("packed", FromAbsl(packed.message()));
    return absl::OkStatus();
  }

 private:
  absl::Status CheckBindings(size_t position) {
    const Store& store = *sites_[position].store;
    const StageInfo& stage = *program_.FindStage(store.stage);
    const Buffer& buffer = *program_.FindBuffer(store.buffer);
    auto broken = [&](const std::string& what) {
      return Broken("bindings", absl::StrCat("stage ", stage.name, ": ", what));
    };
    std::vector<Axis> axes = stage.spatial;
    axes.insert(axes.end(), stage.reduction.begin(), stage.reduction.end());
    bool matches = store.bindings.size() == axes.size();
    for (size_t i = 0; matches && i < axes.size(); ++i) {
      matches = store.bindings[i].first == axes[i].name;
    }
    if (!matches) return broken("the store does not bind the stage's axes in order");
    if (stage.spatial.size() != store.indices.size()) {
      return broken(absl::StrCat("the store does not index ", buffer.name, " by the spatial axes"));
    }
    for (size_t i = 0; i < store.indices.size(); ++i) {
      bool same =
          StructurallyEqual(store.indices[i], store.bindings[i].second) ||
          ProvablyTrue(MakeBinary(BinaryOp::kEq, store.indices[i], store.bindings[i].second),
                       BoundsOfLoops(sites_[position].loops));
      if (!same) {
        return broken(
            absl::StrCat("index ", i, " of ", buffer.name, " is not axis ", stage.spatial[i].name));
      }
      if (buffer.shape[i] != stage.spatial[i].extent) {
        return broken(absl::StrCat("dimension ", i, " of ", buffer.name, " has ", buffer.shape[i],
                                   " elements, not ", stage.spatial[i].extent));
      }
    }
    if (store.predicate && store.predicate.type() != kBoolType) {
      return broken("the predicate is no scalar bool");
    }
    return absl::OkStatus();
  }

  absl::Status CheckWritten() {
    absl::flat_hash_map<std::string, const Store*> stages;
    for (size_t i = 0; i < sites_.size(); ++i) {
      const Store& store = *sites_[i].store;
      if (!stages.emplace(store.stage, &store).second) {
        return Broken("one-store", absl::StrCat("stage ", store.stage, " has several stores"));
      }
      std::vector<size_t>& writers = writers_[store.buffer];
      writers.push_back(i);
      if (writers.size() == 2) RETURN_IF_ERROR(CheckShared(writers[0], writers[1]));
      if (writers.size() > 2) {
        return Broken("one-store", absl::StrCat("several stages write ", store.buffer));
      }
    }
    for (const StageInfo& stage : program_.stages) {
      if (stages.contains(stage.name)) continue;
      return Broken("one-store", absl::StrCat("stage ", stage.name, " has no store"));
    }
    for (const Buffer& buffer : program_.buffers) {
      bool must = buffer.access == Access::kOutput || buffer.access == Access::kPacked;
      if (!must || writers_.contains(buffer.name)) continue;
      return Broken("outputs", absl::StrCat("output ", buffer.name, " is not written"));
    }
    return absl::OkStatus();
  }

  // Whether the stage at position `second` may replace the values of the one at
  // `first` in their common buffer, as far as their stores show it.
  absl::Status CheckShared(size_t first, size_t second) const {
    const Store& old = *sites_[first].store;
    const Store& store = *sites_[second].store;
    auto broken = [&](std::string_view what) {
      return Broken("one-store",
                    absl::StrCat("several stages write ", store.buffer, ", and the later, ",
                                 store.stage, ", ", ToAbsl(what)));
    };
    if (store.role != StoreRole::kWhole) return broken("is a reduction");
    if (!store.region.empty()) return broken("is computed at a loop");
    if (!old.region.empty()) return broken("replaces a stage that is computed at a loop");
    if (program_.FindBuffer(store.buffer)->access == Access::kPacked) {
      return broken("is prepared");
    }
    const StageInfo& old_stage = *program_.FindStage(old.stage);
    // So that it initialises what it updates, nothing else.
    if (old.role == StoreRole::kReduce && !TermsAreIndependent(old_stage, old)) {
      return broken("replaces a reduction whose terms depend on the element");
    }
    size_t reads = 0;
    for (const ReadSite& site : ReadsOf(store)) {
      if (site.read->buffer != store.buffer) continue;
      ++reads;
      bool same = site.predicates.empty() &&
                  std::equal(store.indices.begin(), store.indices.end(), site.read->indices.begin(),
                             site.read->indices.end(), StructurallyEqual);
      if (!same) return broken("does not read what it replaces right there");
    }
    return reads > 0 ? absl::OkStatus() : broken("does not read what it replaces");
  }

  // The position of the store whose values a read at `position` means.
  size_t WriterSeenFrom(const std::vector<size_t>& writers, size_t position) const {
    return position <= writers.back() ? writers.front() : writers.back();
  }

  // Whether the loop's value depends on a reduction axis of the store's stage.
  bool Reduces(size_t position, const std::string& loop) const {
    const StageInfo& stage = *program_.FindStage(sites_[position].store->stage);
    auto value = loop_values_[position].find(loop);
    if (value == loop_values_[position].end()) return false;  // of extent one
    for (const Axis& axis : stage.reduction) {
      if (UsesVar(value->second, AxisVariable(axis.name))) return true;
    }
    return false;
  }

  static bool ChoosesElements(const Store& store, const std::string& loop) {
    return std::any_of(store.indices.begin(), store.indices.end(),
                       [&](const Expr& index) { return UsesVar(index, loop); });
  }

  absl::Status CheckMarks(size_t position) {
    const std::vector<const For*>& loops = sites_[position].loops;
    for (size_t i = 0; i < loops.size(); ++i) {
      const For& loop = *loops[i];
      bool parallel = loop.marks.kind == LoopKind::kParallel;
      bool vectorize = loop.marks.kind == LoopKind::kVectorize;
      for (const PrefetchMark& mark : loop.marks.prefetch) {
        bool in_lanes = std::any_of(loops.begin(), loops.begin() + i + 1, [](const For* around) {
          return around->marks.kind == LoopKind::kVectorize;
        });
        if (!in_lanes && program_.FindBuffer(mark.buffer) != nullptr) continue;
        return Broken("prefetch", absl::StrCat("loop ", loop.var, " prefetches ", mark.buffer,
                                               in_lanes ? " in lanes" : ", which is no buffer"));
      }
      for (size_t j = i; loop.marks.outline && j < loops.size(); ++j) {
        const LoopKind kind = loops[j]->marks.kind;
        if (j == i ? kind == LoopKind::kSerial : kind != LoopKind::kParallel) continue;
        return Broken("outline", absl::StrCat("loop ", loop.var, " is outlined, but loop ",
                                              loops[j]->var, " is ", ToAbsl(Word(kind))));
      }
      if ((parallel || vectorize) && (loop.marks.peel_first || loop.marks.peel_last)) {
        return Broken("peel", absl::StrCat("loop ", loop.var, " is ", ToAbsl(Word(loop.marks.kind)),
                                           " and peeled"));
      }
      if (!loop.marks.tensorize.empty()) {
        absl::Status match = MatchIntrinsic(program_, loop, loop.marks.tensorize).status();
        if (!match.ok()) {
          return Broken("tensorize", absl::StrCat("loop ", loop.var, ": ", match.message()));
        }
      }
      if (!parallel && !vectorize) continue;
      std::string_view rule = Word(loop.marks.kind);
      auto broken = [&](const std::string& what) {
        return Broken(rule, absl::StrCat("loop ", loop.var, " ", what));
      };
      bool reduces = Reduces(position, loop.var);
      if (reduces && parallel) {
        return broken(
            absl::StrCat("binds a reduction axis of stage ", sites_[position].store->stage));
      }
      if (reduces && ChoosesElements(*sites_[position].store, loop.var)) {
        return broken(absl::StrCat("binds both spatial and reduction axes of stage ",
                                   sites_[position].store->stage));
      }
      if (parallel) {
        for (size_t j = 0; j < i; ++j) {
          if (loops[j]->marks.kind != LoopKind::kSerial) {
            return broken(
                absl::StrCat("stands inside loop ", loops[j]->var, ", which is not serial"));
          }
        }
        continue;
      }
      if (loop.marks.tail != Tail::kMask) return broken("has a partitioned tail");
      for (size_t j = i + 1; j < loops.size(); ++j) {
        if (loops[j]->marks.kind != LoopKind::kUnroll) {
          return broken(absl::StrCat("contains loop ", loops[j]->var, ", which is not unrolled"));
        }
      }
    }
    return absl::OkStatus();
  }

  static std::string_view Word(LoopKind kind) {
    return kind == LoopKind::kParallel ? "parallel" : "vectorize";
  }

  absl::Status CheckReads(size_t position) {
    const StoreSite& consumer = sites_[position];
    for (const ReadSite& read : ReadsOf(*consumer.store)) {
      const Buffer& buffer = *program_.FindBuffer(read.read->buffer);
      bool given = buffer.scope == Scope::kTable || buffer.access == Access::kInput ||
                   buffer.access == Access::kConst;
      if (given) continue;
      auto writers = writers_.find(buffer.name);
      if (writers == writers_.end()) {
        return Broken("outputs", absl::StrCat("stage ", consumer.store->stage, " reads ",
                                              buffer.name, ", which no stage writes"));
      }
      size_t writer = WriterSeenFrom(writers->second, position);
      RETURN_IF_ERROR(CheckComplete(consumer, read, writer, position));
      size_t last = writers->second.back();
      if (position < last) RETURN_IF_ERROR(CheckNotReplaced(consumer, read, last));
    }
    return absl::OkStatus();
  }

  // That the elements read are complete when `consumer` reads them.
  absl::Status CheckComplete(const StoreSite& consumer, const ReadSite& read, size_t writer,
                             size_t position) {
    const StoreSite& producer = sites_[writer];
    auto broken = [&](const std::string& what) {
      return Broken("order",
                    absl::StrCat("stage ", consumer.store->stage, " reads ", read.read->buffer,
                                 " of stage ", producer.store->stage, ", ", what));
    };
    if (writer >= position) return broken("which stands at or after it");
    WhereRead where(consumer, read);
    Simplifier& known = where.known;
    const StageInfo& stage = *program_.FindStage(producer.store->stage);
    const std::vector<AxisSpan>& region = producer.store->region;
    Substitution element;
    for (size_t d = 0; d < read.read->indices.size(); ++d) {
      Expr index = read.read->indices[d];
      if (!region.empty()) {
        index = index - region[d].base;
        Expr inside = MakeBinary(BinaryOp::kAnd, MakeBinary(BinaryOp::kGe, index, MakeInt(0)),
                                 MakeBinary(BinaryOp::kLt, index, MakeInt(region[d].extent)));
        if (AsConstInt(known.Simplify(inside)) != 1) {
          return broken(absl::StrCat("which may not have made element [", IndicesText(*read.read),
                                     "] in this iteration"));
        }
      }
      element[AxisVariable(stage.spatial[d].name)] = index;
    }
    size_t shared = 0;
    while (shared < std::min(producer.loops.size(), consumer.loops.size()) &&
           producer.loops[shared] == consumer.loops[shared]) {
      ++shared;
    }
    for (size_t i = 0; i < producer.loops.size(); ++i) {
      const For& loop = *producer.loops[i];
      if (loop.extent == 1) continue;
      bool outside = !region.empty() && !loop_values_[writer].contains(loop.var);
      if (outside && i >= shared) {
        return broken(absl::StrCat("which loop ", loop.var, " computes again and again"));
      }
      if (outside || i >= shared) continue;
      if (Reduces(writer, loop.var)) {
        Expr last = MakeBinary(BinaryOp::kEq, MakeVar(loop.var), MakeInt(loop.extent - 1));
        if (AsConstInt(known.Simplify(last)) == 1) continue;
        return broken(absl::StrCat("which loop ", loop.var, " around both still reduces"));
      }
      Expr made_in = Substitute(loop_values_[writer].at(loop.var), element);
      Expr now = MakeBinary(BinaryOp::kEq, made_in, MakeVar(loop.var));
      if (AsConstInt(known.Simplify(now)) != 1) {
        return broken(absl::StrCat("which makes element [", IndicesText(*read.read),
                                   "] in iteration ", ToText(made_in), " of loop ", loop.var,
                                   ", not in the same one"));
      }
    }
    return absl::OkStatus();
  }

  // That `consumer`, which stands before the store at `replacer`, reads the
  // element before that replaces it: in none of the loops around both is the
  // iteration that replaces the element an earlier one.
  absl::Status CheckNotReplaced(const StoreSite& consumer, const ReadSite& read,
                                size_t replacer) const {
    const StoreSite& later = sites_[replacer];
    WhereRead where(consumer, read);
    Simplifier& known = where.known;
    const StageInfo& stage = *program_.FindStage(later.store->stage);
    Substitution element;
    for (size_t d = 0; d < read.read->indices.size(); ++d) {
      element[AxisVariable(stage.spatial[d].name)] = read.read->indices[d];
    }
    size_t depth = std::min(later.loops.size(), consumer.loops.size());
    for (size_t i = 0; i < depth && later.loops[i] == consumer.loops[i]; ++i) {
      const For& loop = *later.loops[i];
      if (loop.extent == 1) continue;
      bool in_order = loop.marks.kind == LoopKind::kSerial || loop.marks.kind == LoopKind::kUnroll;
      Expr replaced_in = Substitute(loop_values_[replacer].at(loop.var), element);
      Expr safe =
          MakeBinary(in_order ? BinaryOp::kGe : BinaryOp::kEq, replaced_in, MakeVar(loop.var));
      if (AsConstInt(known.Simplify(safe)) == 1) continue;
      return Broken(
          "order", absl::StrCat("stage ", consumer.store->stage, " reads element [",
                                IndicesText(*read.read), "] of ", read.read->buffer, " when stage ",
                                later.store->stage, " may have replaced it, in loop ", loop.var));
    }
    return absl::OkStatus();
  }

  static std::string IndicesText(const Read& read) {
    std::string text;
    for (const Expr& e : read.indices) absl::StrAppend(&text, text.empty() ? "" : ", ", ToText(e));
    return text;
  }

  const Program& program_;
  const std::vector<StoreSite>& sites_;
  absl::flat_hash_map<std::string, std::vector<size_t>> writers_;  // of each buffer
  std::vector<LoopValues> loop_values_;                            // of each store
};

}  // namespace

absl::Status VerifyScheduled(const Program& program, const std::vector<StoreSite>& sites) {
  return ScheduledVerifier(program, sites).Run();
}

}  // namespace lathe
