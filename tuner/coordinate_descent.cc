#include "tuner/coordinate_descent.h"

#include <algorithm>
#include <utility>

namespace lathe {

bool IsSignificantlyFaster(const PointTime& a, const PointTime& b) { return a.high < b.low; }

void CoordinateDescent::Start(Point center, PointTime time, std::vector<Point> neighbours) {
  center_ = std::move(center);
  time_ = time;
  center_repeated_ = false;
  queue_.clear();
  waiting_.clear();
  undecided_.clear();
  for (Point& neighbour : neighbours) queue_.push_back({std::move(neighbour)});
  active_ = !queue_.empty();
}

std::optional<CoordinateDescent::Step> CoordinateDescent::Next() {
  if (!active_ || queue_.empty()) return std::nullopt;
  Step step = std::move(queue_.front());
  queue_.pop_front();
  waiting_.push_back(step.point);
  return step;
}

bool CoordinateDescent::Update(const Point& point, std::optional<PointTime> time, bool repeat) {
  if (!active_) return false;
  auto waited = std::find(waiting_.begin(), waiting_.end(), point);
  if (waited == waiting_.end()) return false;
  waiting_.erase(waited);
  std::vector<std::pair<Point, PointTime>> to_test;
  if (point == center_) {
    if (time) time_ = *time;
    center_repeated_ = true;
    to_test = std::exchange(undecided_, {});
  } else if (time) {
    to_test.emplace_back(point, *time);
  }
  for (auto& [neighbour, measured] : to_test) {
    if (IsSignificantlyFaster(measured, time_)) {
      active_ = false;
      center_ = std::move(neighbour);
      time_ = measured;
      return true;
    }
    const bool final = repeat || point == center_;
    if (final && center_repeated_) continue;  // measured in full, and not better
    if (measured.seconds >= time_.seconds) continue;
    if (final) {  // the centre's full time is still to come
      undecided_.emplace_back(std::move(neighbour), measured);
      continue;
    }
    if (!center_repeated_ && undecided_.empty() &&
        std::none_of(queue_.begin(), queue_.end(),
                     [this](const Step& step) { return step.point == center_; }) &&
        std::find(waiting_.begin(), waiting_.end(), center_) == waiting_.end()) {
      queue_.push_front({center_, true});
    }
    queue_.push_front({std::move(neighbour), true});
  }
  EndIfDone();
  return false;
}

void CoordinateDescent::EndIfDone() {
  if (queue_.empty() && waiting_.empty()) active_ = false;
}

}  // namespace lathe
