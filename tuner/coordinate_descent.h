// Coordinate descent with a significance test: walks from a measured point to a
// neighbour only if that one's confidence interval lies below.
#ifndef LATHE_TUNER_COORDINATE_DESCENT_H_
#define LATHE_TUNER_COORDINATE_DESCENT_H_

#include <deque>
#include <optional>
#include <vector>

#include "tuner/search_space.h"

namespace lathe {

// Seconds per call with the 95 % confidence interval of the median.
struct PointTime {
  double seconds = 0, low = 0, high = 0;
};

// Knows nothing of models: who drives it orders the neighbours. A neighbour with
// the lower median whose interval meets the centre's is undecided: then both are
// asked for once more, in full, and the test is made again with those times.
class CoordinateDescent {
 public:
  bool is_active() const { return active_; }
  const Point& center() const { return center_; }

  // From `center`, trying `neighbours` in this order.
  void Start(Point center, PointTime time, std::vector<Point> neighbours);
  struct Step {
    Point point;
    bool repeat = false;
  };
  // What to measure next; nullopt while it waits for times, or when it is over.
  std::optional<Step> Next();
  // Of the centre or a neighbour; others are ignored. nullopt: it failed, or was
  // abandoned as far slower. True if the centre has moved to `point`: the descent
  // is over then, and goes on by Start from there.
  bool Update(const Point& point, std::optional<PointTime> time, bool repeat);

 private:
  void EndIfDone();

  bool active_ = false;
  Point center_;
  PointTime time_;
  bool center_repeated_ = false;
  std::deque<Step> queue_;
  std::vector<Point> waiting_;                          // asked for, without a time yet
  std::vector<std::pair<Point, PointTime>> undecided_;  // until the centre is repeated
};

// Whether `a` is faster than `b` beyond their intervals.
bool IsSignificantlyFaster(const PointTime& a, const PointTime& b);

}  // namespace lathe

#endif  // LATHE_TUNER_COORDINATE_DESCENT_H_
