// A tuning session with a fake builder and a fake device.
#ifndef LATHE_TESTS_TUNER_TUNE_SESSION_FIXTURE_H_
#define LATHE_TESTS_TUNER_TUNE_SESSION_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fake_services.h"
#include "gtest/gtest.h"
#include "tuner/tune_session.h"

namespace lathe {

inline constexpr int kDefault = 1;  // FakeTrace(kDefault) is the default

class TuneSessionTest : public testing::Test {
 protected:
  TuneSessionTest() : store_(NewMemoryStore()) {
    options_.problem = FakeProblem();
    options_.default_trace = FakeTrace(kDefault);
    options_.trials = 5;
    options_.device_wait = absl::Milliseconds(50);
  }

  absl::StatusOr<TuneResult> Run(int last_trace = 1000) {
    search_ = std::make_unique<FakeSearch>(kDefault, last_trace);
    TuneServices services;
    services.store = store_.get();
    services.search = search_.get();
    services.builder = &builder_;
    services.measurer = &device_;
    services.cancellation = &cancellation_;
    services.on_progress = [this](const TuneProgress& progress) { progress_.push_back(progress); };
    absl::StatusOr<TuneResult> result = TuneSession(options_, services).Run();
    if (result.ok()) CheckConsistent(*result);
    return result;
  }

  // What holds after every run.
  void CheckConsistent(const TuneResult& result) {
    std::optional<Record> best = store_->Best(result.task).value();
    ASSERT_EQ(best.has_value(), result.best.has_value());
    EXPECT_EQ(result.best_trace, best ? best->trace : "");
    if (best) {
      EXPECT_EQ(result.best->median, best->median);
    }
    int64_t counted = 0;
    for (const auto& [status, count] : result.statuses) counted += count;
    EXPECT_EQ(result.done, result.resumed + counted);
    ASSERT_FALSE(progress_.empty());
    EXPECT_EQ(progress_.back().done, result.done);
    EXPECT_EQ(progress_.back().statuses, result.statuses);
  }

  std::vector<Record> Records() {
    // All sessions of a test tune one task.
    const std::vector<Task> tasks = store_->Tasks().value();
    return tasks.empty() ? std::vector<Record>() : store_->Records(tasks.front()).value();
  }
  // Status names of records of one trace.
  std::vector<std::string> StatusesOf(const std::string& trace) {
    std::vector<std::string> names;
    for (const Record& record : Records()) {
      if (record.trace == trace) names.emplace_back(Name(record.status));
    }
    return names;
  }
  void Behave(int trace, std::vector<FakeBehaviour> behaviour) {
    device_.behaviour[FakeTraceText(trace)] = std::move(behaviour);
  }
  void Forget() {
    builder_.built.clear();
    builder_.references_built = 0;
    device_.measured.clear();
    progress_.clear();
  }

  TuneOptions options_;
  std::unique_ptr<RecordStore> store_;
  std::unique_ptr<FakeSearch> search_;
  FakeBuilder builder_;
  FakeDevice device_;
  Cancellation cancellation_;
  std::vector<TuneProgress> progress_;
};

}  // namespace lathe

#endif  // LATHE_TESTS_TUNER_TUNE_SESSION_FIXTURE_H_
