#include "tuner/measure_quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/base/check.h"
#include "compiler/base/digest.h"
#include "fake_services.h"

namespace lathe {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MeasureQualityTest : public ::testing::Test {
 protected:
  MeasureQualityTest() {
    options_.problem = FakeProblem();
    options_.trace = FakeTraceText(1);
    options_.runs = 5;
    options_.promotions = 12;
  }
  QualityReport Measure() {
    auto report = MeasureQuality(options_, builder_, device_);
    CHECK(report.ok()) << report.status();
    return *std::move(report);
  }
  void AddWinner(int trace, double median) {
    Winner winner;
    winner.problem = FakeProblem();
    winner.record.id = NewUuid();
    winner.record.task.function_name = "matmul";
    winner.record.trace = FakeTraceText(trace);
    winner.record.program_hash = Sha256Hex(FakeTraceText(trace));
    winner.record.median = median;
    options_.winners.push_back(std::move(winner));
  }

  QualityOptions options_;
  FakeBuilder builder_;
  FakeDevice device_;
};

TEST_F(MeasureQualityTest, ASteadyMachineIsGood) {
  QualityReport report = Measure();
  EXPECT_THAT(report.runs, SizeIs(5));
  EXPECT_THAT(report.runs, Each(1));
  EXPECT_EQ(report.promotions, 12);
  EXPECT_EQ(report.false_promotions, 0);
  EXPECT_EQ(report.leases, 17);
  EXPECT_THAT(report.Excesses(), IsEmpty());
  // A promotion is one lease with the same artifact twice.
  for (const v1::Lease& lease : device_.leases) {
    for (const v1::Contender& contender : lease.contenders()) {
      EXPECT_EQ(contender.digest(), lease.digest());
    }
  }
}

TEST_F(MeasureQualityTest, RunsThatDifferExceedTheLimit) {
  options_.runs = 4;
  options_.promotions = 0;
  device_.behaviour[FakeTraceText(1)] = {{v1::TRIAL_STATUS_OK, 1}, {v1::TRIAL_STATUS_OK, 1.1}};
  EXPECT_THAT(Measure().Excesses(), ElementsAre(HasSubstr("p90 - p10 of the runs: ")));
}

TEST_F(MeasureQualityTest, AMachineThatFavoursOnePlaceIsFoundOut) {
  options_.runs = 0;
  // What is measured second is always faster, as no real pairing should be.
  std::vector<FakeBehaviour> alternating;
  for (int i = 0; i < 12; ++i) {
    alternating.push_back({v1::TRIAL_STATUS_OK, 1});
    alternating.push_back({v1::TRIAL_STATUS_OK, 0.9});
  }
  device_.behaviour[FakeTraceText(1)] = alternating;
  QualityReport report = Measure();
  EXPECT_EQ(report.false_promotions, 12);
  EXPECT_THAT(report.Excesses(), ElementsAre("false promotions: 100.00 %, above 5.00 %"));
}

TEST_F(MeasureQualityTest, WinnersAreComparedWithTheirRecords) {
  AddWinner(2, 1.0);
  AddWinner(3, 0.9);
  AddWinner(4, 1.0);
  builder_.failures[FakeTraceText(4)] = v1::BUILD_STATUS_FAILED;
  QualityReport report = Measure();
  ASSERT_THAT(report.winners, SizeIs(3));
  EXPECT_EQ(report.winners[0].Change(), 0);
  EXPECT_NEAR(report.winners[1].Change(), 1 / 0.9 - 1, 1e-12);
  EXPECT_THAT(report.Excesses(),
              ElementsAre(HasSubstr("against its record: 11.11 %"), HasSubstr("does not build")));
}

TEST_F(MeasureQualityTest, AWinnerThatCannotBeMeasuredLeavesTheOthers) {
  AddWinner(2, 1.0);
  options_.winners[0].record.program_hash = Sha256Hex("of another compiler");
  AddWinner(3, 1.0);
  QualityReport report = Measure();
  ASSERT_THAT(report.winners, SizeIs(2));
  EXPECT_THAT(report.winners[0].error, HasSubstr("stale: its trace gives another program"));
  EXPECT_EQ(report.winners[1].error, "");
  EXPECT_EQ(report.winners[1].seconds, 1.0);
  EXPECT_THAT(report.Excesses(), ElementsAre(HasSubstr("stale")));
}

TEST_F(MeasureQualityTest, AWrongKernelIsAnError) {
  device_.otherwise.status = v1::TRIAL_STATUS_WRONG_OUTPUT;
  auto report = MeasureQuality(options_, builder_, device_);
  EXPECT_TRUE(absl::IsInvalidArgument(report.status())) << report.status();
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("wrong_output"));
}

TEST_F(MeasureQualityTest, ProgressCountsLeases) {
  std::vector<int> done;
  auto report = MeasureQuality(options_, builder_, device_, nullptr, [&](int now, int total) {
    EXPECT_EQ(total, 17);
    done.push_back(now);
  });
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(done.size(), 17u);
  EXPECT_EQ(done.back(), 17);
}

TEST(QualityQuantiles, OfRuns) {
  std::vector<double> values;
  for (int i = 0; i <= 100; ++i) values.push_back(100 - i);
  const Quantiles quantiles = QuantilesOf(values);
  EXPECT_EQ(quantiles.p10, 10);
  EXPECT_EQ(quantiles.p50, 50);
  EXPECT_EQ(quantiles.p90, 90);
  EXPECT_EQ(quantiles.Spread(), 1.6);
  EXPECT_EQ(QuantilesOf({}).Spread(), 0);
}

}  // namespace
}  // namespace lathe
