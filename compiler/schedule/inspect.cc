#include "compiler/schedule/inspect.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/text_words.h"

namespace lathe::schedule {
namespace {

constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxNamesInError = 24;

// Walks loops and stores only, with the path of enclosing loops.
class SiteVisitor : public StmtVisitor {
 public:
  std::vector<LoopSite> loops;
  std::vector<StoreSite> stores;

 protected:
  void VisitFor(const For& node) override {
    loops.push_back({&node, path_});
    path_.push_back(&node);
    Visit(node.body);
    path_.pop_back();
  }
  void VisitStore(const Store& node) override { stores.push_back({&node, path_, {}}); }

 private:
  std::vector<const For*> path_;
};

SiteVisitor Sites(const Stmt& s) {
  SiteVisitor visitor;
  if (s) visitor.Visit(s);
  return visitor;
}

class Replacer : public StmtMutator {
 public:
  Replacer(const StmtNode* old, const Stmt& replacement) : old_(old), replacement_(replacement) {}

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    return &node == old_ ? replacement_ : StmtMutator::MutateFor(node, s);
  }
  Stmt MutateSequence(const Sequence& node, const Stmt& s) override {
    return &node == old_ ? replacement_ : StmtMutator::MutateSequence(node, s);
  }
  Stmt MutateStore(const Store& node, const Stmt& s) override {
    return &node == old_ ? replacement_ : s;
  }

 private:
  const StmtNode* const old_;
  const Stmt& replacement_;
};

class Inserter : public StmtMutator {
 public:
  Inserter(const StmtNode* place, const Stmt& inserted) : place_(place), inserted_(inserted) {}

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    return &node == place_ ? MakeSequence({inserted_, s}) : StmtMutator::MutateFor(node, s);
  }
  Stmt MutateStore(const Store& node, const Stmt& s) override {
    return &node == place_ ? MakeSequence({inserted_, s}) : s;
  }

 private:
  const StmtNode* const place_;
  const Stmt& inserted_;
};

class PredicateAdder : public StmtMutator {
 public:
  explicit PredicateAdder(const Expr& condition) : condition_(condition) {}

 protected:
  Stmt MutateStore(const Store& node, const Stmt&) override {
    return MakeStore(node.stage, node.role, node.bindings, node.buffer, node.indices, node.value,
                     And(node.predicate, condition_), node.region);
  }

 private:
  const Expr& condition_;
};

std::string Listed(std::vector<std::string> names) {
  bool cut = names.size() > kMaxNamesInError;
  if (cut) names.resize(kMaxNamesInError);
  return absl::StrCat(absl::StrJoin(names, ", "), cut ? ", ..." : "");
}

absl::Status CheckNameShape(std::string_view action, const std::string& name) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return Refuse(action, absl::StrCat("a new name has 1 to ", kMaxNameBytes, " bytes"));
  }
  if (!IsProgramName(name)) {
    return Refuse(action, absl::StrCat("'", name,
                                       "' cannot be a name; it is a word of the language"
                                       " or has other characters than letters, digits, _ and ."));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Refuse(std::string_view action, std::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat("cannot ", ToAbsl(action), ": ", ToAbsl(rule)));
}

absl::StatusOr<LoopSite> FindLoop(const Program& program, std::string_view action,
                                  std::string_view name) {
  std::vector<std::string> names;
  for (LoopSite& site : Sites(program.body).loops) {
    if (site.loop->var == name) return std::move(site);
    names.push_back(site.loop->var);
  }
  return Refuse(action, absl::StrCat("there is no loop ", ToAbsl(name), DidYouMean(name, names),
                                     "; the loops are ", Listed(names)));
}

std::vector<StoreSite> StoresBelow(const Stmt& s) { return Sites(s).stores; }

std::vector<StoreSite> StoresOf(const Program& program) { return StoresBelow(program.body); }

std::vector<StoreSite> StoresOfStage(const Program& program, std::string_view stage) {
  std::vector<StoreSite> stores = StoresOf(program);
  std::erase_if(stores, [&](const StoreSite& site) { return site.store->stage != stage; });
  return stores;
}

std::vector<const For*> LoopsBelow(const Stmt& s) {
  std::vector<const For*> loops;
  for (const LoopSite& site : Sites(s).loops) loops.push_back(site.loop);
  return loops;
}

absl::StatusOr<const StageInfo*> FindStage(const Program& program, std::string_view action,
                                           std::string_view name) {
  if (const StageInfo* stage = program.FindStage(name)) return stage;
  std::vector<std::string> names;
  for (const StageInfo& stage : program.stages) names.push_back(stage.name);
  return Refuse(action, absl::StrCat("there is no stage ", ToAbsl(name), DidYouMean(name, names),
                                     "; the stages are ", Listed(names)));
}

absl::StatusOr<const Buffer*> FindBuffer(const Program& program, std::string_view action,
                                         std::string_view name) {
  if (const Buffer* buffer = program.FindBuffer(name)) return buffer;
  std::vector<std::string> names;
  for (const Buffer& buffer : program.buffers) names.push_back(buffer.name);
  return Refuse(action, absl::StrCat("there is no buffer ", ToAbsl(name), DidYouMean(name, names),
                                     "; the buffers are ", Listed(names)));
}

bool Reads(const Store& store, const std::string& buffer) {
  class Finder : public StmtVisitor {
   public:
    explicit Finder(const std::string& buffer) : buffer_(buffer) {}
    bool found = false;
    void VisitStore(const Store& node) override { StmtVisitor::VisitStore(node); }

   protected:
    void VisitRead(const Read& node) override {
      found = found || node.buffer == buffer_;
      StmtVisitor::VisitRead(node);
    }

   private:
    const std::string& buffer_;
  };
  Finder finder(buffer);
  finder.VisitStore(store);
  return finder.found;
}

absl::Status CheckUnshared(const Program& program, std::string_view action,
                           std::string_view stage) {
  absl::flat_hash_set<std::string> written, shared;
  std::vector<StoreSite> sites = StoresOf(program);
  for (const StoreSite& site : sites) {
    if (!written.insert(site.store->buffer).second) shared.insert(site.store->buffer);
  }
  for (const StoreSite& site : sites) {
    if (site.store->stage != stage) continue;
    for (const std::string& buffer : shared) {
      if (site.store->buffer != buffer && !Reads(*site.store, buffer)) continue;
      return Refuse(action, absl::StrCat("buffer ", buffer,
                                         " holds the values of two stages; store_in comes after "
                                         "the primitives that move stages"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckIntermediate(std::string_view action, const Buffer& buffer) {
  if (buffer.scope != Scope::kArgument) return absl::OkStatus();
  bool packed = buffer.access == Access::kPacked;
  return Refuse(action, absl::StrCat("its buffer ", buffer.name,
                                     packed ? " is prepared; prepare comes after what moves stages"
                                            : " is an output"));
}

absl::StatusOr<StoreSite> FindOwnNest(const Program& program, std::string_view action,
                                      std::string_view stage) {
  std::vector<StoreSite> sites = StoresOfStage(program, stage);
  if (sites.size() != 1) return Refuse(action, "it has several stores");
  RETURN_IF_ERROR(CheckUnshared(program, action, stage));
  StoreSite& site = sites[0];
  if (site.loops.empty()) return Refuse(action, "it has no loops");
  for (const StoreSite& below : StoresBelow(site.loops.front()->body)) {
    if (below.store == site.store) continue;
    return Refuse(action, absl::StrCat("its loops also contain stage ", below.store->stage));
  }
  for (const For* loop : site.loops) RETURN_IF_ERROR(CheckUnmarked(action, *loop));
  return std::move(site);
}

absl::StatusOr<absl::flat_hash_map<std::string, size_t>> AxesOfLoops(std::string_view action,
                                                                     const StoreSite& site) {
  absl::flat_hash_map<std::string, size_t> axes;
  const auto& bindings = site.store->bindings;
  for (size_t axis = 0; axis < bindings.size(); ++axis) {
    const auto* var = bindings[axis].second.As<Var>();
    if (var && axes.emplace(var->name, axis).second) continue;
    return Refuse(action, absl::StrCat("its axis ", bindings[axis].first,
                                       " is not one loop; a stage moves before its own loops "
                                       "are rewritten"));
  }
  return axes;
}

Binds BindsOf(const Program& program, const Store& store, const std::string& loop) {
  const StageInfo* stage = program.FindStage(store.stage);
  CHECK(stage != nullptr) << store.stage;
  Binds binds;
  for (size_t i = 0; i < store.bindings.size(); ++i) {
    if (!UsesVar(store.bindings[i].second, loop)) continue;
    (i < stage->spatial.size() ? binds.spatial : binds.reduction) = true;
  }
  return binds;
}

bool IsOutsideRegion(const Store& store, const std::string& loop) {
  if (store.region.empty()) return false;
  for (size_t i = 0; i < store.bindings.size(); ++i) {
    Linear offset = LinearOf(store.bindings[i].second);
    if (i < store.region.size()) AddLinear(store.region[i].base, -1, offset);
    if (UsesVar(offset.ToExpr(), loop)) return false;
  }
  return true;
}

absl::Status CheckUnmarked(std::string_view action, const For& loop) {
  if (loop.marks == LoopMarks{}) return absl::OkStatus();
  const LoopMarks& marks = loop.marks;
  std::string mark = marks.kind != LoopKind::kSerial       ? std::string(Name(marks.kind))
                     : marks.peel_first || marks.peel_last ? "peel"
                     : marks.outline                       ? "outline"
                     : !marks.prefetch.empty()             ? "prefetch"
                     : !marks.tensorize.empty()            ? "tensorize"
                                                           : "tail";
  return Refuse(action, absl::StrCat("loop ", loop.var, " is marked ", mark,
                                     "; marks come after the rewrites of a loop"));
}

absl::Status CheckSerial(std::string_view action, const For& loop) {
  if (loop.marks.outline) return Refuse(action, "it is marked outline, and stays a serial loop");
  if (loop.marks.kind == LoopKind::kSerial) return absl::OkStatus();
  return Refuse(action,
                absl::StrCat("it is marked ", std::string(Name(loop.marks.kind)), " already"));
}

absl::Status CheckNotPeeled(std::string_view action, const For& loop) {
  if (!loop.marks.peel_first && !loop.marks.peel_last) return absl::OkStatus();
  return Refuse(action, "it is peeled, and only serial and unrolled loops peel");
}

absl::Status CheckPlainCode(std::string_view action, const LoopSite& site) {
  for (const For* around : site.enclosing) {
    if (around->marks.kind != LoopKind::kVectorize) continue;
    return Refuse(action, absl::StrCat("loop ", around->var, " around it is vectorized"));
  }
  for (const For* below : LoopsBelow(site.loop->body)) {
    if (below->marks.kind != LoopKind::kParallel) continue;
    return Refuse(action, absl::StrCat("loop ", below->var, " below it is parallel"));
  }
  return absl::OkStatus();
}

absl::Status CheckDisjointWrites(const Program& program, std::string_view action, const For& loop,
                                 bool regions) {
  for (const StoreSite& site : StoresBelow(loop.body)) {
    if (IsOutsideRegion(*site.store, loop.var)) {
      if (regions) continue;
      return Refuse(action, absl::StrCat("its iterations compute stage ", site.store->stage,
                                         " again and again"));
    }
    Binds binds = BindsOf(program, *site.store, loop.var);
    if (binds.reduction) {
      return Refuse(action, absl::StrCat("stage ", site.store->stage, " reduces over it"));
    }
    if (!binds.spatial && loop.extent > 1) {
      return Refuse(action, absl::StrCat("its iterations write the same elements of stage ",
                                         site.store->stage));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNewLoops(const Program& program, std::string_view action,
                           const std::vector<std::string>& names) {
  absl::flat_hash_set<std::string> taken;
  for (const For* loop : LoopsBelow(program.body)) taken.insert(loop->var);
  for (const std::string& name : names) {
    RETURN_IF_ERROR(CheckNameShape(action, name));
    if (!taken.insert(name).second) {
      return Refuse(action, absl::StrCat("the name ", name, " is taken by another loop"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNewStage(const Program& program, std::string_view action,
                           const std::string& name) {
  RETURN_IF_ERROR(CheckNameShape(action, name));
  if (program.FindStage(name) != nullptr || program.FindBuffer(name) != nullptr) {
    return Refuse(action, absl::StrCat("the name ", name, " is taken by another stage or buffer"));
  }
  return absl::OkStatus();
}

Stmt Replace(const Stmt& root, const StmtNode* old, const Stmt& replacement) {
  return Replacer(old, replacement).Mutate(root);
}

Stmt InsertBefore(const Stmt& root, const StmtNode* place, const Stmt& inserted) {
  return Inserter(place, inserted).Mutate(root);
}

Program WithBody(const Program& program, Stmt body) {
  Program result = program;
  result.body = std::move(body);
  return result;
}

Program WithMarks(const Program& program, const For* loop, LoopMarks marks) {
  Stmt marked = MakeFor(loop->var, loop->extent, marks, loop->body);
  return WithBody(program, Replace(program.body, loop, marked));
}

Stmt AddPredicate(const Stmt& s, const Expr& condition) {
  return PredicateAdder(condition).Mutate(s);
}

Expr And(const Expr& a, const Expr& b) {
  if (!a || !b) return a ? a : b;
  return MakeBinary(BinaryOp::kAnd, a, b);
}

}  // namespace lathe::schedule
