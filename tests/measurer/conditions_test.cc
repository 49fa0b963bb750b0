#include "measurer/conditions.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Conditions, ProcStat) {
  const std::string text =
      "cpu  9 9 9 9 9 9 9 9 9 9\n"
      "cpu0 1 2 3 4 5 6 7 8 1 1\n"
      "cpu1 10 20 30 40 50 60 70 80 1 1\n"
      "intr 5 5\n";
  EXPECT_EQ(ParseProcStat(text, {}).total, 396u);
  EXPECT_EQ(ParseProcStat(text, {}).steal, 88u);
  EXPECT_EQ(ParseProcStat(text, {1}).total, 360u);
  EXPECT_EQ(ParseProcStat("", {}).total, 0u);
}

TEST(Conditions, Megahertz) {
  EXPECT_EQ(ParseCpuinfoMegahertz("cpu MHz\t\t: 2000.0\nx : 1\ncpu MHz\t\t: 3000.0\n"), 2500);
  EXPECT_LT(ParseCpuinfoMegahertz("model name : none"), 0);
}

TEST(Conditions, EachLimitIsJudged) {
  struct Case {
    const char* what;
    void (*change)(BatchConditions&);
    Contamination found;
  };
  const Case cases[] = {
      {"nothing can be read", [](BatchConditions&) {}, Contamination::kNone},
      {"little of everything",
       [](BatchConditions& c) {
         c.steal_fraction = 0.01;
         c.involuntary_switches = 20;
         c.migrations = 1;
         c.frequency_change = 0.01;
         c.drift = 1.05;
         c.load_average = 0.5;
         c.temperature_celsius = 60;
       },
       Contamination::kNone},
      {"steal", [](BatchConditions& c) { c.steal_fraction = 0.05; }, Contamination::kPassing},
      {"switches", [](BatchConditions& c) { c.involuntary_switches = 100; },
       Contamination::kPassing},
      {"migrations", [](BatchConditions& c) { c.migrations = 4; }, Contamination::kPassing},
      {"frequency", [](BatchConditions& c) { c.frequency_change = 0.2; }, Contamination::kPassing},
      {"slower", [](BatchConditions& c) { c.drift = 1.2; }, Contamination::kPassing},
      {"faster", [](BatchConditions& c) { c.drift = 0.8; }, Contamination::kPassing},
      {"load", [](BatchConditions& c) { c.load_average = 1e6; }, Contamination::kLasting},
      {"heat", [](BatchConditions& c) { c.temperature_celsius = 99; }, Contamination::kLasting},
  };
  for (const Case& one : cases) {
    BatchConditions conditions;
    one.change(conditions);
    EXPECT_EQ(JudgeConditions(conditions, 1), one.found) << one.what;
  }
}

TEST(Conditions, ASingleEventDoesNotSpoilAShortBatch) {
  BatchConditions conditions;
  conditions.involuntary_switches = 2;
  conditions.migrations = 1;
  EXPECT_EQ(JudgeConditions(conditions, 1e-3), Contamination::kNone);
  conditions.involuntary_switches = 3;
  EXPECT_EQ(JudgeConditions(conditions, 1e-3), Contamination::kPassing);
}

TEST(Conditions, TheMonitorReadsThisMachine) {
  ConditionMonitor monitor;
  monitor.Start({});
  BatchConditions c = monitor.Stop();
  EXPECT_GE(c.load_average, 0);
  EXPECT_GE(c.involuntary_switches, 0);
}

}  // namespace
}  // namespace lathe
