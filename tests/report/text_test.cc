#include "report/text.h"

#include <gtest/gtest.h>

namespace lathe::report {
namespace {

TEST(TextTest, EscapesMarkup) {
  EXPECT_EQ(Escaped("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
}

TEST(TextTest, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(Escaped("µ → 𝛼"), "µ → 𝛼");
  EXPECT_EQ(Escaped("\xff\xc3"), "??");
  EXPECT_EQ(Escaped("\xc0\xaf"), "??");       // overlong
  EXPECT_EQ(Escaped("\xed\xa0\x80"), "???");  // a surrogate
  EXPECT_EQ(Escaped("\xef\xbf\xbf"), "???");  // no character of XML
  EXPECT_EQ(Escaped(std::string("\0\x1b\n", 3)), "??\n");
}

TEST(TextTest, NumbersHaveThreeDigits) {
  EXPECT_EQ(NumberText(107.3), "107");
  EXPECT_EQ(NumberText(12.34), "12.3");
  EXPECT_EQ(NumberText(1.234), "1.23");
  EXPECT_EQ(NumberText(9.999), "10.0");
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(1.2e10), "1.2e+10");
  EXPECT_EQ(TickText(20), "20");
  EXPECT_EQ(TickText(0.5), "0.5");
  EXPECT_EQ(TickText(100), "100");
}

TEST(TextTest, UnitsFitTheSize) {
  EXPECT_EQ(TimeText(1.52e-3), "1.52 ms");
  EXPECT_EQ(TimeText(0.99999e-3), "1.00 ms");
  EXPECT_EQ(TimeText(25e-6), "25.0 µs");
  EXPECT_EQ(TimeText(0.4e-9), "0.40 ns");
  EXPECT_EQ(DurationText(8.41), "8.4 s");
  EXPECT_EQ(DurationText(125), "2 min 5 s");
  EXPECT_EQ(DurationText(11520), "3 h 12 min");
  EXPECT_EQ(CountText(1234567), "1,234,567");
  EXPECT_EQ(CountText(-123), "-123");
  EXPECT_EQ(PercentText(0.934), "93 %");
  EXPECT_EQ(PercentText(0.0123), "1.2 %");
  EXPECT_EQ(DateText(1'000'000'000'000), "2001-09-09 01:46:40");
}

}  // namespace
}  // namespace lathe::report
