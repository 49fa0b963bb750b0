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

TEST(Conditions, Contamination) {
  BatchConditions c;
  c.steal_fraction = 0.01;
  c.involuntary_switches = 10;
  EXPECT_FALSE(IsContaminated(c, 1));
  c.involuntary_switches = 100;
  EXPECT_TRUE(IsContaminated(c, 1));
  c.involuntary_switches = 0;
  c.steal_fraction = 0.05;
  EXPECT_TRUE(IsContaminated(c, 1));
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
