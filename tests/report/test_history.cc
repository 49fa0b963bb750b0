#include "tests/report/test_history.h"

#include "absl/strings/str_format.h"
#include "compiler/base/check.h"
#include "tests/database/test_records.h"

namespace lathe::report {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;  // ms

class Maker {
 public:
  explicit Maker(const Task& task) : task_(task) {}

  Record& Add(const std::string& search, const std::string& trace, double microseconds) {
    const auto number = static_cast<int64_t>(records_.size()) + 1;
    Record record = TestRecord(number, microseconds * 1e-6, task_);
    const uint64_t place = task_.function_hash[0] + uint64_t{256} * task_.function_hash[1];
    record.id = absl::StrFormat("00000000-0000-4000-8000-%06x%06x", place, number);
    record.trace = trace;
    record.search = search;
    record.error.clear();
    record.samples.clear();
    for (int i = 0; i < 24; ++i)
      record.samples.push_back(record.median * (0.985 + 0.002 * (i % 17)));
    record.conditions = {2600, 55, 0.25, 0, 0, 1, number == 4, 0, 1.02};
    record.build_seconds = 0.05;
    record.measure_seconds = 0.1;
    record.created_unix_ms = now_ += 200;
    records_.push_back(record);
    return records_.back();
  }
  void Pause(int64_t milliseconds) { now_ += milliseconds; }
  std::vector<Record> Take() { return std::move(records_); }

 private:
  const Task task_;
  int64_t now_ = kStart;
  std::vector<Record> records_;
};

}  // namespace

Function Matmul(int64_t size) {
  absl::StatusOr<Function> function = ParseFunction(
      absl::StrFormat("lathe 1\nfunc product(a: f32[%d, %d], b: f32[%d, %d]) -> (c) {\n"
                      "  c[row, column] = sum(k) a[row, k] * b[k, column]\n}\n",
                      size, size, size, size),
      "test");
  CHECK(function.ok()) << function.status().message();
  return *function;
}

Task TaskFor(const Function& function) {
  const FunctionKey key = CanonicalKey(function);
  Task task = TestTask(key.text);
  task.function_name = function.name;
  task.threads = 1;
  task.regime = Regime::kWarm;
  task.accuracy = Accuracy::kStrict;
  return task;
}

std::vector<Record> TunedTwice(const Task& task) {
  const std::string kDefault = "lathe-trace 1\ni, ii = split(s0.i0, 4)\n";
  const std::string kNine = "lathe-trace 1\ni, ii = split(s0.i0, 8)\n";
  const std::string kEight = "lathe-trace 1\ni, ii = split(s0.i0, 16)\nvectorize(s0.i1)\n";
  Maker maker(task);
  maker.Add("default", kDefault, 12);
  maker.Add("naive", "lathe-trace 1\n", 500);
  maker.Add("first seed=1", "lathe-trace 1\ni, ii = split(s0.i0, 2)\n", 11);
  maker.Add("first seed=1", kNine, 9);
  maker.Add("promotion round=1", kDefault, 12.5);
  maker.Add("promotion round=1", kNine, 9.2).promoted = true;
  maker.Pause(30 * 60 * 1000);
  Record& abandoned =
      maker.Add("second seed=2 <b>", "lathe-trace 1\ni, ii = split(s0.i0, 1)\n", 30);
  abandoned.status = RecordStatus::kAbandoned;
  Record& failed = maker.Add("second seed=2 <b>", "lathe-trace 1\nunroll(s0.i0)\n", 0);
  failed.status = RecordStatus::kBuildFailed;
  failed.error = "too <large> & slow";
  failed.samples.clear();
  failed.program_hash = failed.artifact_digest = failed.device_uuid = "";
  maker.Add("second seed=2 <b>", kEight, 8);
  maker.Add("promotion round=1", kDefault, 12.1);
  maker.Add("promotion round=1", kEight, 8.1).promoted = true;
  return maker.Take();
}

}  // namespace lathe::report
