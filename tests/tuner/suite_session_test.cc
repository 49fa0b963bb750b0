#include "tuner/suite_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/fake_services.h"

namespace lathe {
namespace {

// Tasks of one suite on fakes: one function with different numbers of threads.
class SuiteSessionTest : public ::testing::Test {
 protected:
  SuiteSessionTest() : store_(NewMemoryStore()) {}

  SuiteTask TaskOf(int threads, int first, int last) {
    SuiteTask task;
    task.name = "threads_" + std::to_string(threads);
    task.options.problem = FakeProblem();
    task.options.problem.threads = threads;
    task.options.default_trace = FakeTrace(first);
    task.options.naive = false;
    task.options.promotion_rounds = 0;
    task.options.trials = 20;
    task.options.device_wait = absl::Milliseconds(50);
    task.make_search = [first, last] { return std::make_unique<FakeSearch>(first, last); };
    return task;
  }
  SuiteSession Session(std::vector<SuiteTask> tasks, SuiteOptions options = {}) {
    TuneServices services;
    services.store = store_.get();
    services.builder = &builder_;
    services.measurer = &device_;
    services.cancellation = &cancellation_;
    return SuiteSession(options, std::move(tasks), services, [this] { ++updates_; });
  }

  std::unique_ptr<RecordStore> store_;
  FakeBuilder builder_;
  FakeDevice device_;
  Cancellation cancellation_;
  int updates_ = 0;
};

TEST_F(SuiteSessionTest, TunesEveryTaskToItsLimit) {
  SuiteSession session = Session({TaskOf(1, 100, 199), TaskOf(2, 200, 299), TaskOf(3, 300, 304)});
  ASSERT_EQ(session.Run(), absl::OkStatus());
  ASSERT_EQ(session.tasks().size(), 3u);
  for (const SuiteTaskStatus& task : session.tasks()) {
    EXPECT_EQ(task.state, SuiteTaskState::kDone) << task.name;
    ASSERT_TRUE(task.result.has_value()) << task.name;
    EXPECT_TRUE(task.result->best.has_value()) << task.name;
  }
  EXPECT_EQ(session.tasks()[0].result->done, 20);
  EXPECT_EQ(session.tasks()[1].result->done, 20);
  EXPECT_EQ(session.tasks()[2].result->done, 5) << "its space has no more";
  EXPECT_GT(updates_, 0);
}

TEST_F(SuiteSessionTest, ASearchBeginsWithWhatTheTasksBeforeItMeasured) {
  std::vector<size_t> known;
  std::vector<SuiteTask> tasks{TaskOf(1, 100, 199), TaskOf(2, 200, 299)};
  for (SuiteTask& task : tasks) {
    task.make_search = [this, &known, make = task.make_search] {
      known.push_back(store_->Stats()->records);
      return make();
    };
  }
  SuiteOptions options;
  options.slice_trials = 7;
  ASSERT_EQ(Session(tasks, options).Run(), absl::OkStatus());
  EXPECT_THAT(known, ::testing::ElementsAre(0, 7));
}

TEST_F(SuiteSessionTest, ASearchThatCannotBeMadeIsAnErrorOfItsTask) {
  std::vector<SuiteTask> tasks{TaskOf(1, 100, 199), TaskOf(2, 200, 299)};
  tasks[0].make_search = [] { return absl::UnimplementedError("no search"); };
  SuiteSession session = Session(tasks);
  ASSERT_EQ(session.Run(), absl::OkStatus());
  EXPECT_EQ(session.tasks()[0].state, SuiteTaskState::kFailed);
  EXPECT_EQ(session.tasks()[1].state, SuiteTaskState::kDone);
}

TEST_F(SuiteSessionTest, OneReferenceForEachTaskWhateverItsSlices) {
  SuiteSession session = Session({TaskOf(1, 100, 199), TaskOf(2, 200, 299)});
  ASSERT_EQ(session.Run(), absl::OkStatus());
  EXPECT_EQ(builder_.references_built, 2);
}

TEST_F(SuiteSessionTest, RunAgainItGoesOnWhereItWas) {
  std::vector<SuiteTask> few{TaskOf(1, 100, 199), TaskOf(2, 200, 299)};
  for (SuiteTask& task : few) task.options.trials = 6;
  ASSERT_EQ(Session(few).Run(), absl::OkStatus());
  SuiteSession again = Session({TaskOf(1, 100, 199), TaskOf(2, 200, 299)});
  ASSERT_EQ(again.Run(), absl::OkStatus());
  for (const SuiteTaskStatus& task : again.tasks()) {
    EXPECT_EQ(task.result->resumed, 6) << task.name;
    EXPECT_EQ(task.result->done, 20) << task.name;
  }
}

TEST_F(SuiteSessionTest, AFunctionThatCannotBeTunedFailsAlone) {
  builder_.reference_status = v1::BUILD_STATUS_UNSUPPORTED;
  SuiteSession session = Session({TaskOf(1, 100, 199), TaskOf(2, 200, 299)});
  EXPECT_EQ(session.Run(), absl::OkStatus());
  for (const SuiteTaskStatus& task : session.tasks()) {
    EXPECT_EQ(task.state, SuiteTaskState::kFailed);
    EXPECT_FALSE(task.error.ok());
  }
}

TEST_F(SuiteSessionTest, ACancellationKeepsWhatWasMeasured) {
  device_.on_measure = [this](const std::string&) {
    if (store_->Stats()->records > 0) cancellation_.Request();
  };
  SuiteSession session = Session({TaskOf(1, 100, 199), TaskOf(2, 200, 299)});
  ASSERT_EQ(session.Run(), absl::OkStatus());
  EXPECT_TRUE(session.was_cancelled());
  EXPECT_GT(store_->Stats()->records, 0);
}

TEST_F(SuiteSessionTest, TheBudgetEndsIt) {
  std::vector<SuiteTask> tasks{TaskOf(1, 1000, 1'000'000), TaskOf(2, 2'000'000, 3'000'000)};
  for (SuiteTask& task : tasks) task.options.trials = 1'000'000;
  SuiteOptions options;
  options.budget = absl::Milliseconds(300);
  SuiteSession session = Session(std::move(tasks), options);
  ASSERT_EQ(session.Run(), absl::OkStatus());
  EXPECT_LT(session.tasks()[0].result->done + session.tasks()[1].result->done, 1'000'000);
}

}  // namespace
}  // namespace lathe
