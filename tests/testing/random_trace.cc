#include "tests/testing/random_trace.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/intrinsic/intrinsic.h"
#include "compiler/intrinsic/library_routine.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/registry.h"
#include "tests/testing/equivalence.h"

namespace lathe::testing {
namespace {

// Loops of a program, and for each whether its body is one more loop.
class LoopLister : public StmtVisitor {
 public:
  std::vector<const For*> loops;

 protected:
  void VisitFor(const For& node) override {
    loops.push_back(&node);
    StmtVisitor::VisitFor(node);
  }
};

class Drawer {
 public:
  Drawer(const Program& naive, std::mt19937_64& random, const RandomTraceOptions& options)
      : naive_(naive), program_(naive), random_(random), options_(options) {}

  Trace Run() {
    for (int i = 0; i < options_.rewrites; ++i) Try(Rewrite());
    // Vectorise from the inside: unrolled loops first, then what is around.
    for (int i = 0; i < options_.marks; ++i) Try(Mark());
    return std::move(trace_);
  }

 private:
  size_t Below(size_t n) { return n == 0 ? 0 : random_() % n; }
  bool Wild() { return static_cast<double>(Below(1000)) < 1000 * options_.wild; }

  template <typename T>
  const T& Pick(const std::vector<T>& values) {
    return values[Below(values.size())];
  }

  void Try(TraceStep step) {
    absl::StatusOr<const schedule::Primitive*> primitive = schedule::FindPrimitive(step);
    CHECK(primitive.ok()) << primitive.status();
    absl::StatusOr<Program> next = (*primitive)->apply(program_, step);
    if (!next.ok()) {
      CHECK(next.status().code() == absl::StatusCode::kInvalidArgument) << next.status();
      return;
    }
    absl::Status verified = Verify(*next);
    if (!verified.ok()) {
      // The verifier cannot prove every odd schedule (nested splits by more
      // than the extent). Such steps are left out, but they must be right.
      absl::Status same = SameResults(naive_, *next, 1);
      CHECK(same.ok()) << same << " (" << verified << ") by " << CallText(step) << " after "
                       << ToText(trace_) << "of " << ToText(program_);
      return;
    }
    program_ = *std::move(next);
    trace_.steps.push_back(std::move(step));
  }

  std::vector<const For*> Loops() {
    LoopLister lister;
    lister.Visit(program_.body);
    return std::move(lister.loops);
  }

  std::string NewName() { return absl::StrCat("v", ++names_); }

  TraceStep Rewrite() {
    std::vector<const For*> loops = Loops();
    if (loops.empty()) return {"reorder", 1, {}, {}};
    const For* loop = Pick(loops);
    switch (Below(11)) {
      case 0:
      case 1:
      case 2: {
        std::vector<int64_t> factors = {1, 2, 3, 4, 5, 8, 16, loop->extent, loop->extent + 1};
        int64_t factor = Wild() ? static_cast<int64_t>(Below(40)) - 2 : Pick(factors);
        return {"split", 1, {NewName(), NewName()}, {loop->var, factor}};
      }
      case 3: {
        const auto* inner = loop->body.As<For>();
        std::string other = inner && !Wild() ? inner->var : Pick(loops)->var;
        return {"fuse", 1, {NewName()}, {loop->var, std::move(other)}};
      }
      case 4:
      case 5:
      case 6: {
        std::vector<std::string> nest = {loop->var};
        for (const For* at = loop->body.As<For>(); at; at = at->body.As<For>()) {
          nest.push_back(at->var);
        }
        if (Wild()) nest.push_back(Pick(loops)->var);
        std::shuffle(nest.begin(), nest.end(), random_);
        if (nest.size() > 2) nest.resize(2 + Below(nest.size() - 1));
        return {"reorder", 1, {}, {nest.begin(), nest.end()}};
      }
      case 7:
        if (Below(2) == 0) return RFactor(*loop);
        return {"cache_write", 1, {NewName()}, {Pick(program_.stages).name, AnyScope()}};
      case 8:
        return MoveBetweenStages(*loop);
      default:
        return {"reverse_compute_at", 1, {}, {Pick(program_.stages).name, loop->var}};
    }
  }

  // Steps that move a stage, remove it or put one between.
  TraceStep MoveBetweenStages(const For& loop) {
    switch (Below(6)) {
      case 0:
        return {"inline", 1, {}, {Pick(program_.stages).name}};
      case 1:
        return {"pad", 1, {NewName()}, {Pick(program_.buffers).name}};
      case 2: {
        const Buffer& buffer = Pick(program_.buffers);
        TraceStep step{"pack", 1, {NewName()}, {buffer.name}};
        for (size_t d = 0; d < buffer.shape.size(); ++d) {
          if (Below(2) == 0) continue;
          step.arguments.emplace_back(static_cast<int64_t>(d));
          step.arguments.emplace_back(static_cast<int64_t>(Wild() ? Below(9) : 1 + Below(5)));
        }
        return step;
      }
      case 3:
        return Below(4) == 0
                   ? StoreIn()
                   : TraceStep{"reverse_compute_at", 1, {}, {Pick(program_.stages).name, loop.var}};
      default:
        return {"compute_at", 1, {}, {Pick(program_.stages).name, loop.var}};
    }
  }

  // Of a loop that reduces, if it is not a wild draw.
  TraceStep RFactor(const For& loop) {
    std::vector<std::pair<std::string, std::string>> choices;  // stage, loop
    for (const StoreSite& site : schedule::StoresOf(program_)) {
      for (const For* around : site.loops) {
        bool reduces = schedule::BindsOf(program_, *site.store, around->var).reduction;
        if (reduces) choices.emplace_back(site.store->stage, around->var);
      }
    }
    if (choices.empty() || Wild()) choices = {{Pick(program_.stages).name, loop.var}};
    auto [stage, chosen] = Pick(choices);
    return {"rfactor", 1, {NewName()}, {std::move(stage), std::move(chosen)}};
  }

  TraceStep Mark() {
    std::vector<const For*> loops = Loops();
    if (loops.empty()) return {"unroll", 1, {}, {"none"}};
    const For* loop = Pick(loops);
    switch (Below(11)) {
      case 10:
        return {"outline", 1, {}, {loop->var}};
      case 8:
        return {"prefetch",
                1,
                {},
                {loop->var, Pick(program_.buffers).name, static_cast<int64_t>(1 + Below(4))}};
      case 7:
        return StoreIn();
      case 6:
        return {"peel", 1, {}, {loop->var, Below(2) == 0 ? "first" : "last"}};
      case 9:
        if (Below(2) == 0) return {"library_call", 1, {}, {loop->var, Pick(LibraryRoutineNames())}};
        return {"tensorize", 1, {}, {loop->var, Pick(IntrinsicNames())}};
      case 0:
        return {"parallel", 1, {}, {loop->var}};
      case 1:
        return {"unroll", 1, {}, {loop->var}};
      case 2:
        return {"tail", 1, {}, {loop->var, Below(4) == 0 ? "mask" : "partition"}};
      case 3:
        if (Below(2) == 0) return {"prepare", 1, {}, {Pick(program_.stages).name}};
        return {"set_scope", 1, {}, {Pick(program_.buffers).name, AnyScope()}};
      default: {
        // An innermost loop, if it is not a wild draw.
        while (!Wild()) {
          LoopLister below;
          below.Visit(loop->body);
          if (below.loops.empty()) break;
          loop = Pick(below.loops);
        }
        return {"vectorize", 1, {}, {loop->var}};
      }
    }
  }

  // Into a buffer of the same shape, as it has to be.
  TraceStep StoreIn() {
    const std::string stage = Pick(program_.stages).name;
    std::vector<std::string> alike;
    for (const Buffer& from : program_.buffers) {
      if (from.name != stage) continue;
      for (const Buffer& to : program_.buffers) {
        if (to.shape == from.shape) alike.push_back(to.name);
      }
    }
    std::string buffer = alike.empty() ? stage : Pick(alike);
    return {"store_in", 1, {}, {stage, std::move(buffer)}};
  }

  // Registers seldom: their indices must be constant after unrolling.
  std::string AnyScope() {
    switch (Below(8)) {
      case 0:
        return "register";
      case 1:
      case 2:
      case 3:
        return "stack";
      default:
        return "workspace";
    }
  }

  const Program& naive_;
  Program program_;
  std::mt19937_64& random_;
  const RandomTraceOptions options_;
  Trace trace_;
  int names_ = 0;
};

}  // namespace

Trace RandomTrace(const Program& naive, std::mt19937_64& random,
                  const RandomTraceOptions& options) {
  return Drawer(naive, random, options).Run();
}

}  // namespace lathe::testing
