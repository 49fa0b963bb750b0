// A tuning session in slices, with repeats, forecasts and a slow naive kernel.
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "fake_services.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tuner/tune_session.h"

namespace lathe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

const absl::Duration kForever = absl::InfiniteDuration();

// FakeSearch that wants its second candidate measured again, and says what it
// expects.
class DemandingSearch : public FakeSearch {
 public:
  using FakeSearch::FakeSearch;
  std::vector<Candidate> Suggest(int n) override {
    if (!repeat) return FakeSearch::Suggest(n);
    repeat = false;
    Candidate candidate{0, {}, "sketch knob=2", FakeTrace(2), "fake"};
    candidate.repeat = true;
    return {candidate};
  }
  std::optional<double> ForecastGain(int) const override { return gain; }

  bool repeat = false;
  std::optional<double> gain;
};

class TuneSlicesTest : public testing::Test {
 protected:
  TuneSlicesTest() : store_(NewMemoryStore()), search_(2, 1000) {
    options_.problem = FakeProblem();
    options_.default_trace = FakeTrace(1);
    options_.default_decisions = "sketch knob=1";
    options_.promotion_rounds = 0;
    services_.store = store_.get();
    services_.search = &search_;
    services_.builder = &builder_;
    services_.measurer = &device_;
  }
  std::vector<Record> Records() { return store_->Records(store_->Tasks().value().front()).value(); }

  TuneOptions options_;
  TuneServices services_;
  std::unique_ptr<RecordStore> store_;
  DemandingSearch search_;
  FakeBuilder builder_;
  FakeDevice device_;
};

TEST_F(TuneSlicesTest, SlicesGoOnWhereTheLastOneEnded) {
  options_.trials = 10;
  TuneSession session(options_, services_);
  ASSERT_TRUE(session.Start().ok());
  EXPECT_EQ(session.Advance(3, kForever).value(), StopReason::kTrials);
  EXPECT_EQ(session.Progress().done, 3);
  EXPECT_EQ(session.Advance(4, kForever).value(), StopReason::kTrials);
  EXPECT_EQ(session.Progress().done, 7);
  EXPECT_EQ(session.Advance(100, kForever).value(), StopReason::kTrials);
  auto result = session.Conclude();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->done, 10);
  EXPECT_EQ(builder_.references_built, 1);
  EXPECT_EQ(device_.measured.size(), 11u);  // each once, naive last
  EXPECT_EQ(device_.measured.back(), ToText(Trace{}));
}

TEST_F(TuneSlicesTest, ASliceWithoutTimeMeasuresTheDefaultOnly) {
  TuneSession session(options_, services_);
  ASSERT_TRUE(session.Start().ok());
  EXPECT_EQ(session.Advance(3, absl::ZeroDuration()).value(), StopReason::kBudget);
  EXPECT_EQ(session.Progress().done, 1);
  EXPECT_EQ(session.Advance(2, kForever).value(), StopReason::kTrials);
  EXPECT_EQ(session.Progress().done, 3);
}

TEST_F(TuneSlicesTest, ARepeatIsMeasuredInFullAndCountsApart) {
  options_.trials = 6;
  device_.behaviour[FakeTraceText(2)] = {{v1::TRIAL_STATUS_OK, 0.5}, {v1::TRIAL_STATUS_OK, 0.75}};
  TuneSession session(options_, services_);
  ASSERT_TRUE(session.Start().ok());
  ASSERT_TRUE(session.Advance(3, kForever).ok());
  search_.repeat = true;
  ASSERT_TRUE(session.Advance(3, kForever).ok());
  auto result = session.Conclude();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->done, 6);
  EXPECT_EQ(result->repeats, 1);
  std::vector<double> times, rough;
  for (size_t i = 0; i < device_.measured.size(); ++i) {
    if (device_.measured[i] != FakeTraceText(2)) continue;
    rough.push_back(device_.leases[i].timing().target_relative_interval());
  }
  ASSERT_EQ(rough.size(), 2u);
  EXPECT_LT(rough[1], rough[0]);
  for (const Outcome& outcome : search_.updates) {
    if (outcome.candidate.trace == FakeTrace(2)) times.push_back(outcome.seconds);
  }
  EXPECT_THAT(times, ElementsAre(0.5, 0.75));
  EXPECT_EQ(search_.updates.back().candidate.trace, Trace{});
}

TEST_F(TuneSlicesTest, StopsWhenNothingMoreIsExpected) {
  options_.auto_stop = {true, 0.01, 4, 12};
  search_.gain = 0.05;
  options_.trials = 40;
  auto unconverged = TuneSession(options_, services_).Run();
  ASSERT_TRUE(unconverged.ok()) << unconverged.status();
  EXPECT_EQ(unconverged->stop, StopReason::kTrials);
  EXPECT_EQ(unconverged->forecast, 0.05);
  search_.gain = 0.001;
  options_.trials = 100;
  auto converged = TuneSession(options_, services_).Run();
  ASSERT_TRUE(converged.ok()) << converged.status();
  EXPECT_EQ(converged->stop, StopReason::kConverged);
  EXPECT_GE(converged->done - converged->resumed, 12);
  EXPECT_LT(converged->done - converged->resumed, 20);
}

TEST_F(TuneSlicesTest, ImprovementsKeepItGoing) {
  options_.auto_stop = {true, 0.01, 4, 12};
  options_.trials = 100;
  // One per cent better each time up to the fiftieth.
  for (int i = 1; i <= 50; ++i) {
    device_.behaviour[FakeTraceText(i)] = {{v1::TRIAL_STATUS_OK, 1 - 0.01 * i}};
  }
  auto result = TuneSession(options_, services_).Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kConverged);
  EXPECT_GE(result->done, 50);
  EXPECT_LT(result->done, 65);
}

TEST_F(TuneSlicesTest, ANaiveKernelThatTakesTooLongIsLeftOut) {
  options_.trials = 3;
  options_.budget = absl::Hours(1);
  ASSERT_TRUE(TuneSession(options_, services_).Run()->naive.has_value());
  store_ = NewMemoryStore();
  services_.store = store_.get();
  device_.measured.clear();
  // The first lease takes 0.25 s.
  options_.budget = absl::Seconds(5);
  EXPECT_FALSE(TuneSession(options_, services_).Run()->naive.has_value());
  EXPECT_THAT(device_.measured, Not(Contains(ToText(Trace{}))));
}

TEST_F(TuneSlicesTest, RecordsAndLaterRunsKnowTheDecisions) {
  options_.trials = 3;
  options_.promotion_rounds = 1;
  ASSERT_TRUE(TuneSession(options_, services_).Run().ok());
  int with_decisions = 0;
  for (const Record& record : Records()) {
    if (record.trace != FakeTraceText(1)) continue;
    EXPECT_EQ(record.decisions, "sketch knob=1");
    ++with_decisions;
  }
  EXPECT_EQ(with_decisions, 2);  // the trial and its round of the promotion
  search_.updates.clear();
  options_.trials = 4;
  ASSERT_TRUE(TuneSession(options_, services_).Run().ok());
  ASSERT_FALSE(search_.updates.empty());
  EXPECT_EQ(search_.updates.front().candidate.decisions, "sketch knob=1");
  EXPECT_EQ(search_.updates.front().candidate.origin, "resumed");
  EXPECT_GT(search_.updates.front().ci_high, search_.updates.front().ci_low);
}

}  // namespace
}  // namespace lathe
