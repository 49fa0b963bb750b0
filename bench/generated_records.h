// Realistic records for tests and benchmarks of the database: functions of the
// operator library in many shapes, traces and decisions of their real spaces,
// statuses and histories as tuning leaves them.
#ifndef LATHE_BENCH_GENERATED_RECORDS_H_
#define LATHE_BENCH_GENERATED_RECORDS_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "database/lookup.h"
#include "database/store.h"

namespace lathe {

// The same seed gives the same records on every platform. What is served of a task
// replays to its program hash; all others are stale. Not thread-safe.
class RecordGenerator {
 public:
  explicit RecordGenerator(uint64_t seed);

  // The boards that records name; to be put before them.
  const std::vector<DeviceRow>& devices() const { return devices_; }
  // All records of one more function: one to four tasks, of about 100 trials each
  // and the rounds of their promotions, oldest first.
  std::vector<Record> NextFunction();
  // A query of another shape of one of the families, most likely without records.
  Query NearbyQuery();
  // The query that a task of NextFunction answers exactly.
  Query QueryOf(const Function& function, const Task& task) const;

  // The function of the latest NextFunction.
  const Function& function() const { return function_; }

 private:
  struct Schedule {
    std::string trace, decisions, program_hash;
    bool is_fresh = false;  // program_hash is that of its program
  };

  uint64_t Random() { return random_(); }
  double Uniform();  // in [0, 1)
  int64_t Pick(const std::vector<int64_t>& values) { return values[Random() % values.size()]; }
  std::string Uuid();
  Function RandomFunction();
  std::vector<Schedule>& SchedulesFor(size_t target, int threads);
  absl::Status MakeFresh(Schedule& schedule) const;
  void AddTask(size_t device, int threads, std::vector<Record>& records);
  Record MakeRecord(const Task& task, const Schedule& schedule, size_t device, double seconds);

  std::mt19937_64 random_;
  std::vector<DeviceRow> devices_;
  std::vector<Target> targets_;  // of the devices
  Function function_;
  std::map<std::pair<size_t, int>, std::vector<Schedule>> schedules_;  // of function_
  int64_t clock_ms_ = 1700000000000;
};

}  // namespace lathe

#endif  // LATHE_BENCH_GENERATED_RECORDS_H_
