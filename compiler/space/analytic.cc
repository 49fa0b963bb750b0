// The analytic setting: the one that the estimate likes best.
#include <limits>
#include <random>

#include "compiler/base/check.h"
#include "compiler/loop/lower.h"
#include "compiler/space/plan.h"

namespace lathe {
namespace {

constexpr int64_t kMaxEnumerated = 4096;  // settings
constexpr int kStarts = 6;                // of the descent, in larger spaces

class Minimiser {
 public:
  Minimiser(const Plan& plan, const SpaceOptions& options) : plan_(plan), options_(options) {}

  std::vector<int64_t> Find() && {
    int64_t size = 1;
    for (const Knob& knob : plan_.knobs()) {
      size = std::min(kMaxEnumerated + 1, size * static_cast<int64_t>(knob.domain.size()));
    }
    if (size <= kMaxEnumerated) {
      std::vector<int64_t> values(plan_.knobs().size());
      Enumerate(values, 0);
    } else {
      std::mt19937_64 rng(1);
      for (int start = 0; start < kStarts; ++start) Descend(rng);
    }
    CHECK(!best_.empty() || plan_.knobs().empty())
        << std::string(plan_.name()) << ": no legal setting";
    return best_;
  }

 private:
  // Whether it is the best so far.
  bool Try(const std::vector<int64_t>& values) {
    if (!plan_.IsLegal(values)) return false;
    ScheduleModel model;
    plan_.Model(values, model);
    double seconds = EstimateSeconds(model, options_.target, options_.threads);
    if (seconds >= least_) return false;
    least_ = seconds;
    best_ = values;
    return true;
  }

  void Enumerate(std::vector<int64_t>& values, size_t knob) {
    if (knob == values.size()) {
      Try(values);
      return;
    }
    for (int64_t value : plan_.knobs()[knob].domain) {
      values[knob] = value;
      Enumerate(values, knob + 1);
    }
  }

  // From a random legal point, one knob after the other, until none helps.
  void Descend(std::mt19937_64& rng) {
    double least = std::exchange(least_, std::numeric_limits<double>::infinity());
    std::vector<int64_t> best = std::exchange(best_, {});
    for (int draw = 0; draw < 1000 && best_.empty(); ++draw) {
      std::vector<int64_t> values;
      for (const Knob& knob : plan_.knobs())
        values.push_back(knob.domain[rng() % knob.domain.size()]);
      Try(values);
    }
    for (bool moved = !best_.empty(); moved;) {
      moved = false;
      for (size_t k = 0; k < plan_.knobs().size(); ++k) {
        std::vector<int64_t> values = best_;
        for (int64_t value : plan_.knobs()[k].domain) {
          values[k] = value;
          moved = Try(values) || moved;
        }
      }
    }
    if (least <= least_) {
      least_ = least;
      best_ = std::move(best);
    }
  }

  const Plan& plan_;
  const SpaceOptions& options_;
  double least_ = std::numeric_limits<double>::infinity();
  std::vector<int64_t> best_;
};

}  // namespace

bool ReplaysAtEnds(const Plan& plan, const Program& naive) {
  auto replays = [&](const std::vector<int64_t>& values) {
    if (!plan.IsLegal(values)) return true;
    TraceBuilder trace;
    plan.Emit(values, trace);
    absl::StatusOr<Program> scheduled = Replay(naive, std::move(trace).Build());
    return scheduled.ok() && Lower(*scheduled).ok();
  };
  std::vector<int64_t> low, high;
  for (const Knob& knob : plan.knobs()) {
    low.push_back(knob.domain.front());
    high.push_back(knob.domain.back());
  }
  if (!replays(low) || !replays(high)) return false;
  // One knob after the other: the highest values together may not be legal.
  for (size_t k = 0; k < low.size(); ++k) {
    if (low[k] == high[k]) continue;
    std::vector<int64_t> values = low;
    values[k] = high[k];
    if (!replays(values)) return false;
  }
  return true;
}

std::vector<int64_t> Plan::Analytic(const SpaceOptions& options) const {
  return Minimiser(*this, options).Find();
}

}  // namespace lathe
