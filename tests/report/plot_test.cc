#include "report/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/text.h"
#include "tests/report/well_formed.h"

namespace lathe::report {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

PlotAxis Axis(double low, double high, bool log) { return {low, high, log, "a < b", TickText}; }

TEST(PlotTest, TicksAreRound) {
  EXPECT_THAT(Ticks(Axis(0, 10, false), 6), ElementsAre(DoubleEq(0), DoubleEq(2), DoubleEq(4),
                                                        DoubleEq(6), DoubleEq(8), DoubleEq(10)));
  EXPECT_THAT(Ticks(Axis(0.013, 0.041, false), 4), Pointwise(DoubleNear(1e-9), {0.02, 0.03, 0.04}));
  EXPECT_THAT(Ticks(Axis(0.5, 200, true), 8),
              Pointwise(DoubleNear(1e-9), {1.0, 3.0, 10.0, 30.0, 100.0}));
  EXPECT_THAT(Ticks(Axis(3.4, 5.1, true), 6), Pointwise(DoubleNear(1e-9), {3.5, 4.0, 4.5, 5.0}))
      << "a narrow range";
}

TEST(PlotTest, LogarithmicTicksOfManyDecadesAreFew) {
  EXPECT_LE(Ticks(Axis(1e-3, 1e5, true), 10).size(), 10u);
  EXPECT_GE(Ticks(Axis(1e-3, 1e5, true), 10).size(), 5u);
}

TEST(PlotTest, PutsValuesWhereTheAxesSay) {
  Plot plot("t", Axis(1, 100, true), Axis(0, 10, false));
  const PlotSize& size = plot.size();
  EXPECT_DOUBLE_EQ(plot.X(1), size.left);
  EXPECT_DOUBLE_EQ(plot.X(10), (size.left + size.width - size.right) / 2.0);
  EXPECT_DOUBLE_EQ(plot.Y(10), size.top);
  EXPECT_DOUBLE_EQ(plot.Y(99), size.top) << "moved to the end of the axis";
}

TEST(PlotTest, WritesWellFormedSvg) {
  Plot plot("a \"title\" & more", Axis(0, 4, false), Axis(1, 100, true));
  plot.Line({{0, 1}, {4, 100}}, "curve");
  plot.Steps({{0, 90}, {1, 50}, {3, 20}}, "curve");
  plot.Dot(1, 10, 2, "trial", "<best>");
  plot.Diamond(2, 20, 5, "promoted", "won & kept");
  plot.BottomTick(3, 6, "failed", "");
  plot.Label(10, 10, "start", "tick", "x < y");
  EXPECT_EQ(lathe::testing::WhyNotWellFormed(plot.Svg()), "");
}

}  // namespace
}  // namespace lathe::report
