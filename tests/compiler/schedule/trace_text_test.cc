#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Trace Parse(const std::string& text) {
  absl::StatusOr<Trace> trace = ParseTrace(text, "t.trace");
  EXPECT_TRUE(trace.ok()) << trace.status();
  return trace.ok() ? *std::move(trace) : Trace{};
}

std::string ErrorOf(const std::string& text) {
  absl::StatusOr<Trace> trace = ParseTrace(text, "t.trace");
  EXPECT_FALSE(trace.ok()) << text;
  if (trace.ok()) return "";
  EXPECT_EQ(trace.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(trace.status().message());
}

TEST(TraceText, ReadsEveryForm) {
  Trace trace = Parse(
      "# a comment before\n"
      "lathe-trace 1   # and behind\r\n"
      "\n"
      "  t.i.o ,t.i.i=split( t.i,12 )\n"
      "reorder(t.i.o, t.k, t.i.i)   # order\n"
      "noop()\n"
      "f = fuse@2(a, b)\n"
      "shift(x, -3)");
  ASSERT_EQ(trace.steps.size(), 5u);
  EXPECT_EQ(trace.steps[0], (TraceStep{"split", 1, {"t.i.o", "t.i.i"}, {"t.i", int64_t{12}}}));
  EXPECT_EQ(trace.steps[0].line, 4);
  EXPECT_EQ(trace.steps[1], (TraceStep{"reorder", 1, {}, {"t.i.o", "t.k", "t.i.i"}}));
  EXPECT_EQ(trace.steps[2], (TraceStep{"noop", 1, {}, {}}));
  EXPECT_EQ(trace.steps[3], (TraceStep{"fuse", 2, {"f"}, {"a", "b"}}));
  EXPECT_EQ(trace.steps[4], (TraceStep{"shift", 1, {}, {"x", int64_t{-3}}}));
  EXPECT_EQ(trace.steps[4].line, 8);
}

TEST(TraceText, RoundTripsExactly) {
  std::string text =
      "lathe-trace 1\n"
      "i.o, i.i = split(t.i, 12)\n"
      "reorder(i.o, t.k, i.i)\n"
      "copy = cache_write@3(t, register)\n"
      "tail(i.o, partition)\n"
      "shift(x, -9223372036854775808)\n";
  EXPECT_EQ(ToText(Parse(text)), text);
  EXPECT_EQ(ToText(Trace{}), "lathe-trace 1\n");
  EXPECT_EQ(ToText(Parse("lathe-trace 1")), "lathe-trace 1\n");
}

TEST(TraceText, ErrorsPointAtTheFault) {
  EXPECT_EQ(ErrorOf("lathe-trace 1\nsplit(t.i 12)"),
            "t.trace:2:11: expected ',' or ')' after an argument\n"
            "  split(t.i 12)\n"
            "            ^");
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"", "t.trace:1:1: a trace begins with the line 'lathe-trace 1'"},
      {"lathe 1\n", "t.trace:1:1: a trace begins with"},
      {"lathe-trace1\n", "a trace begins with"},
      {"lathe-trace x\n", "t.trace:1:13: expected a number"},
      {"lathe-trace 2\n", "t.trace:1:13: this program reads version 1"},
      {"lathe-trace 1 2\n", "t.trace:1:15: expected the end of the line"},
      {"lathe-trace 1\n= split(i, 2)", "t.trace:2:1: expected the name of a primitive"},
      {"lathe-trace 1\na, = split(i, 2)", "t.trace:2:4: expected the name of a result"},
      {"lathe-trace 1\na, b split(i, 2)", "t.trace:2:6: expected '=' after the results"},
      {"lathe-trace 1\na = 3(i)", "t.trace:2:5: expected the name of a primitive"},
      {"lathe-trace 1\nsplit", "t.trace:2:6: expected '(' after"},
      {"lathe-trace 1\nsplit(", "t.trace:2:7: expected a name or a number"},
      {"lathe-trace 1\nsplit(i,)", "t.trace:2:9: expected a name or a number"},
      {"lathe-trace 1\nsplit(i) j", "t.trace:2:10: expected the end of the line"},
      {"lathe-trace 1\nsplit(i\n)", "t.trace:2:8: expected ',' or ')'"},
      {"lathe-trace 1\nsplit(i.)", "t.trace:2:8: expected ',' or ')'"},
      {"lathe-trace 1\nsplit(1.5)", "expected an integer"},
      {"lathe-trace 1\nsplit(12x)", "expected an integer"},
      {"lathe-trace 1\nsplit(99999999999999999999)", "the number does not fit 64 bits"},
      {"lathe-trace 1\nsplit@0(i)", "t.trace:2:7: expected the version of the primitive"},
      {"lathe-trace 1\nsplit@9999999999(i)", "expected the version of the primitive"},
      {"lathe-trace 1\nsplit(\xc3\xa9)", "t.trace:2:7: expected a name or a number"},
  };
  for (const Case& c : cases) EXPECT_THAT(ErrorOf(c.text), HasSubstr(c.error)) << c.text;
}

TEST(TraceText, BoundsHostileText) {
  std::string header = "lathe-trace 1\n";
  EXPECT_THAT(ErrorOf(header + "split(" + std::string(200, 'x') + ")"),
              HasSubstr("a name may have at most 128 bytes"));
  std::string many = "x";
  for (int i = 0; i < 100; ++i) many += ", x";
  EXPECT_THAT(ErrorOf(header + "reorder(" + many + ")"), HasSubstr("at most 64 names"));
  EXPECT_THAT(ErrorOf(header + many + " = split(i, 2)"), HasSubstr("at most 64 names"));
  std::string steps = header;
  for (int i = 0; i < 5000; ++i) steps += "unroll(i)\n";
  EXPECT_THAT(ErrorOf(steps), HasSubstr("at most 512 steps"));
  EXPECT_THAT(ErrorOf(header + std::string(2 << 20, ' ')), StartsWith("t.trace:1:1: a trace may"));
  EXPECT_THAT(ErrorOf(header + std::string("a\0b(i)", 6)), HasSubstr("expected '('"));
}

}  // namespace
}  // namespace lathe
