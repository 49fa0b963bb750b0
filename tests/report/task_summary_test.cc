#include "report/task_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/test_history.h"

namespace lathe::report {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TaskSummary Tuned() {
  const Task task = TaskFor(Matmul(64));
  const std::vector<Record> records = TunedTwice(task);
  return Summarize(task, records, records.back());
}

TEST(TaskSummaryTest, CountsTrialsApartFromNaiveAndRounds) {
  const TaskSummary summary = Tuned();
  EXPECT_EQ(summary.records, 11);
  EXPECT_EQ(summary.trials, 6);
  EXPECT_EQ(summary.rounds, 4);
  EXPECT_EQ(summary.contaminated, 1);
  EXPECT_THAT(summary.statuses,
              UnorderedElementsAre(Pair(RecordStatus::kOk, 4), Pair(RecordStatus::kAbandoned, 1),
                                   Pair(RecordStatus::kBuildFailed, 1)));
}

TEST(TaskSummaryTest, TakesBaselinesFromTheLastPairedRounds) {
  const TaskSummary summary = Tuned();
  EXPECT_THAT(summary.default_candidate, Optional(DoubleNear(12.1e-6, 1e-12)));
  EXPECT_THAT(summary.naive, Optional(DoubleNear(500e-6, 1e-12)));
}

TEST(TaskSummaryTest, ACurveBeginsWithTheDefaultAndLeavesPausesOut) {
  const TaskSummary summary = Tuned();
  ASSERT_EQ(summary.searches.size(), 2u);
  const SearchRun& first = summary.searches[0];
  EXPECT_EQ(first.name, "first seed=1");
  ASSERT_EQ(first.points.size(), 3u);
  EXPECT_DOUBLE_EQ(first.points[0].time, 12e-6);
  EXPECT_DOUBLE_EQ(first.points[0].seconds, 0.15);  // its own work
  EXPECT_DOUBLE_EQ(first.points[1].seconds, 0.55);  // naive was measured in between
  EXPECT_DOUBLE_EQ(first.best, 9e-6);
  EXPECT_THAT(first.promoted, ElementsAre(DoubleNear(9.2e-6, 1e-12)));
  const SearchRun& second = summary.searches[1];
  ASSERT_EQ(second.points.size(), 4u);
  EXPECT_EQ(second.points[1].status, RecordStatus::kAbandoned);
  EXPECT_NEAR(second.points[3].seconds, 0.7, 1e-9) << "without the half hour between the runs";
  EXPECT_THAT(second.promoted, ElementsAre(DoubleNear(8.1e-6, 1e-12)));
}

TEST(TaskSummaryTest, HistoryHoldsBaselinesImprovementsAndPromotions) {
  using Kind = HistoryEvent::Kind;
  std::vector<Kind> kinds;
  for (const HistoryEvent& event : Tuned().history) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, ElementsAre(Kind::kDefault, Kind::kNaive, Kind::kImproved, Kind::kImproved,
                                 Kind::kPromoted, Kind::kImproved, Kind::kPromoted));
}

TEST(TaskSummaryTest, TheShareOfTheRooflineNeedsPeaks) {
  TaskSummary summary = Tuned();
  EXPECT_EQ(summary.roofline_fraction(), std::nullopt);
  summary.peaks = MachinePeaks{100e9, 20e9};
  // 2 * 64^3 operations at 100 GFLOP/s take 5.24 us.
  EXPECT_THAT(summary.roofline_fraction(), Optional(DoubleNear(5.24288 / 8.1, 1e-3)));
}

TEST(TaskSummaryTest, ATaskWithoutRecordsOrReadableFunctionIsStillOne) {
  Task task = TaskFor(Matmul(64));
  task.function_text = "lathe 99";
  const TaskSummary summary = Summarize(task, {}, std::nullopt);
  EXPECT_FALSE(summary.work.has_value());
  EXPECT_EQ(summary.roofline_fraction(), std::nullopt);
  EXPECT_TRUE(summary.searches.empty());
}

}  // namespace
}  // namespace lathe::report
