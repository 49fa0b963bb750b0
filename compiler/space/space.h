// Schedule spaces: rules look at a tensor function on a target and propose
// sketches; a sketch is a trace with free decisions (knobs).
#ifndef LATHE_COMPILER_SPACE_SPACE_H_
#define LATHE_COMPILER_SPACE_SPACE_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
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
  virtual std::string_view rule() const = 0;  // who made it
  virtual const std::vector<Knob>& knobs() const = 0;
  // Whether the combination is legal; every setting for which this holds
  // instantiates to a trace that replays.
  virtual bool IsLegal(const Setting& setting) const = 0;
  virtual Trace Instantiate(const Setting& setting) const = 0;
  // The best setting by the target's registers, caches and widths; legal.
  virtual Setting Analytic() const = 0;
};

struct SpaceOptions {
  Target target;
  int threads = 1;
};

class Rule {
 public:
  virtual ~Rule() = default;
  virtual std::string_view name() const = 0;
  // Sketches for `function` (whose naive program is `program`); empty when the
  // structure does not match.
  virtual std::vector<std::unique_ptr<Sketch>> Propose(const Function& function,
                                                       const Program& program,
                                                       const SpaceOptions& options) const = 0;
};

// The rules of Lathe, best first.
std::vector<std::unique_ptr<Rule>> DefaultRules();

// All sketches of a function. Never empty: without a matching rule, one sketch
// without knobs that marks what is safe to mark.
absl::StatusOr<std::vector<std::unique_ptr<Sketch>>> SketchesOf(const Function& function,
                                                                const SpaceOptions& options);

// The default: the analytic setting of the first sketch, unmeasured.
absl::StatusOr<Trace> DefaultTrace(const Function& function, const SpaceOptions& options);

// A legal setting drawn uniformly by rejection (the analytic one after 1000 misses).
Setting SampleSetting(const Sketch& sketch, std::mt19937_64& rng);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_SPACE_H_
