// Schedule spaces: rules look at a tensor function on a target and propose
// sketches; a sketch is a trace with free decisions (knobs).
#ifndef LATHE_COMPILER_SPACE_SPACE_H_
#define LATHE_COMPILER_SPACE_SPACE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/analysis/schedule_model.h"
#include "compiler/loop/program.h"
#include "compiler/schedule/trace.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"

namespace lathe {

// One free decision with its finite domain.
struct Knob {
  std::string name;
  std::vector<int64_t> domain;  // at least one value
};

// One index into each knob's domain, in the order of the knobs.
using Setting = std::vector<int>;

class Sketch {
 public:
  virtual ~Sketch() = default;
  // Of its plans, "tiled+elementwise": unique among the sketches of a function,
  // and the same for all functions of one structure.
  virtual std::string_view name() const = 0;
  virtual const std::vector<Knob>& knobs() const = 0;
  // Whether the combination is legal; every setting for which this holds
  // instantiates to a trace that replays.
  virtual bool IsLegal(const Setting& setting) const = 0;
  virtual Trace Instantiate(const Setting& setting) const = 0;
  // What the schedule does, in numbers, without building it.
  virtual ScheduleModel Model(const Setting& setting) const = 0;
  // The best setting by the target's registers, caches and widths; legal.
  virtual Setting Analytic() const = 0;
};

using Space = std::vector<std::unique_ptr<Sketch>>;

struct SpaceOptions {
  Target target;
  int threads = 1;
};

struct SpaceContext;
struct PlanMatch;

class Rule {
 public:
  virtual ~Rule() = default;
  virtual std::string_view name() const = 0;
  // The ways to schedule nests[first], alone or with later ones; best first,
  // empty when the structure does not match. Nests before `first` are others'.
  virtual std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const = 0;
  // Asked only where no other rule matches.
  virtual bool is_fallback() const { return false; }
};

// The rules of Lathe, best first. All that match a nest are its alternatives.
std::vector<std::unique_ptr<Rule>> DefaultRules();

// All sketches of a function, that of the least estimated time first; at most
// 24. Never empty.
absl::StatusOr<Space> SketchesOf(const Function& function, const SpaceOptions& options);

// The default: the analytic setting of the first sketch, unmeasured.
absl::StatusOr<Trace> DefaultTrace(const Function& function, const SpaceOptions& options);

// sampling.cc. A legal setting drawn uniformly by rejection (the analytic one
// after 1000 misses).
Setting SampleSetting(const Sketch& sketch, std::mt19937_64& rng);
// `setting` with one to three knobs moved, near ones more often; legal. Itself
// when nothing else is found.
Setting MutateSetting(const Sketch& sketch, const Setting& setting, std::mt19937_64& rng);
// Each knob from one of the parents; legal. `a` when nothing else is found.
Setting CrossSettings(const Sketch& sketch, const Setting& a, const Setting& b,
                      std::mt19937_64& rng);

// decisions.cc. A setting in words, "tiled t.rows=6 t.vectors=4", which keeps its
// meaning for other functions of the same structure and for other versions.
std::string DecisionsText(const Sketch& sketch, const Setting& setting);
// The setting that `decisions` names in this space; nullopt when there is no
// such sketch, knob or value, or it is not legal.
std::optional<std::pair<int, Setting>> FindSetting(const Space& space, std::string_view decisions);
// The legal setting nearest to `decisions` in the sketch of that name: of a knob
// that is missing the analytic value. nullopt without such a sketch.
std::optional<std::pair<int, Setting>> RefitSetting(const Space& space, std::string_view decisions);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_SPACE_H_
