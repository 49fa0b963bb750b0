#include "tuner/task_scheduler.h"

#include <algorithm>

#include "compiler/base/check.h"

namespace lathe {
namespace {

// A task without any time yet might gain so much of its unknown best.
constexpr double kUnknownGain = 0.5;
// Ahead, a best is taken to fall like one over the trials, by this part of that.
constexpr double kOptimism = 0.5;

}  // namespace

TaskScheduler::TaskScheduler(const std::vector<ScheduledTask>& tasks, SchedulerOptions options)
    : options_(options) {
  CHECK(options_.fair_every > 0) << "slices of waiting tasks must come";
  for (const ScheduledTask& task : tasks) {
    State state;
    state.task = task;
    states_.push_back(state);
    weighted_ = weighted_ || task.weight > 0;
  }
}

std::optional<size_t> TaskScheduler::Next() const {
  std::optional<size_t> waiting, gaining;
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].finished) continue;
    if (!waiting || states_[i].last_slice < states_[*waiting].last_slice) waiting = i;
    if (!gaining || GainPerSecond(i) > GainPerSecond(*gaining)) gaining = i;
  }
  if (!waiting) return std::nullopt;
  const bool fair = states_[*waiting].slices == 0 || slices_ % options_.fair_every == 0;
  return fair ? waiting : gaining;
}

void TaskScheduler::Update(size_t task, const SliceOutcome& outcome) {
  State& state = states_.at(task);
  if (state.slices == 0) {
    state.first = state.best = outcome.earlier;
    state.trials = outcome.resumed;
  }
  const double before = state.best;
  if (outcome.best > 0) state.best = before > 0 ? std::min(before, outcome.best) : outcome.best;
  if (state.first == 0) state.first = state.best;
  const double improvement = before > 0 ? 1 - state.best / before : 0;
  // What the first slice finds of a new task says little of the ones to come.
  const double decay = state.slices == 0 ? 0 : options_.decay;
  state.improvement = decay * state.improvement + (1 - decay) * improvement;
  state.slice_seconds = decay * state.slice_seconds + (1 - decay) * outcome.seconds;
  state.slice_trials = static_cast<double>(outcome.trials);
  state.trials += outcome.trials;
  state.seconds += outcome.seconds;
  state.forecast = outcome.forecast;
  ++state.slices;
  state.last_slice = slices_++;
}

void TaskScheduler::Finish(size_t task) { states_.at(task).finished = true; }

double TaskScheduler::ShareOfTime(size_t task) const {
  double all = 0;
  for (const State& state : states_) all += state.seconds;
  return all > 0 ? states_.at(task).seconds / all : 0;
}

// The share of its best that another slice of a task is expected to gain.
double TaskScheduler::RelativeGain(const State& state) const {
  if (state.best == 0) return kUnknownGain;
  const double trials = std::max(1.0, static_cast<double>(state.trials));
  double ahead = kOptimism * std::min(1.0, state.slice_trials / trials);
  if (state.forecast) ahead = std::max(0.0, *state.forecast);
  const double gain =
      options_.history_share * state.improvement + (1 - options_.history_share) * ahead;
  return std::min(gain, std::max(0.0, 1 - state.task.floor / state.best));
}

double TaskScheduler::GainPerSecond(size_t task) const {
  const State& state = states_.at(task);
  if (state.finished) return 0;
  const double cost = std::max(state.slice_seconds, 1e-9);
  // Of tasks without weights each counts alike, whatever its time.
  double value = state.best == 0 ? 1 : state.best / state.first;
  if (weighted_) value = (state.task.weight > 0 ? state.task.weight : 1) * state.best;
  return value * RelativeGain(state) / cost;
}

}  // namespace lathe
