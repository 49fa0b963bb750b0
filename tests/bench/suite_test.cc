#include "bench/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;

TEST(SuiteTest, Entries) {
  auto suite = ParseSuite(
      "lathe-suite 1\n"
      "# products\n"
      "op:matmul(m=2, n=3, k=4)  # the usual\n"
      "\n"
      "  op:gelu(rows=2,columns=3) name=g trace=../traces/g.trace\n"
      "f.tfn#second as=op:relu(rows=1,columns=2) trace=default weight=2.5\n"
      "/abs/f.tfn trace=/abs/t.trace\n",
      "suites/my.suite");
  ASSERT_TRUE(suite.ok()) << suite.status();
  ASSERT_EQ(suite->size(), 4u);
  EXPECT_EQ((*suite)[0].function, "op:matmul(m=2, n=3, k=4)");
  EXPECT_EQ((*suite)[0].name, "op:matmul(m=2, n=3, k=4)");
  EXPECT_EQ((*suite)[0].trace, "");
  EXPECT_EQ((*suite)[1].name, "g");
  EXPECT_EQ((*suite)[1].trace, "traces/g.trace");
  EXPECT_EQ((*suite)[2].function, "suites/f.tfn#second");
  EXPECT_EQ((*suite)[2].name, "f.tfn#second");
  EXPECT_EQ((*suite)[2].as, "op:relu(rows=1,columns=2)");
  EXPECT_EQ((*suite)[2].trace, "default");
  EXPECT_EQ((*suite)[2].weight, 2.5);
  EXPECT_EQ((*suite)[3].weight, 0);
  EXPECT_EQ((*suite)[3].function, "/abs/f.tfn");
  EXPECT_EQ((*suite)[3].trace, "/abs/t.trace");
}

TEST(SuiteTest, ErrorsNameTheLine) {
  auto error = [](const std::string& text) {
    return std::string(ParseSuite(text, "a.suite").status().message());
  };
  EXPECT_THAT(error("op:relu(rows=1,columns=1)\n"), HasSubstr("a.suite:1: a suite begins"));
  EXPECT_THAT(error("lathe-suite 2\n"), HasSubstr("lathe-suite 1"));
  EXPECT_THAT(error("lathe-suite 1\n# nothing\n"), HasSubstr("no workloads"));
  EXPECT_THAT(error("lathe-suite 1\nf.tfn fast\n"), HasSubstr("a.suite:2: 'fast' is not"));
  EXPECT_THAT(error("lathe-suite 1\nf.tfn speed=9\n"), HasSubstr("no setting 'speed'"));
  EXPECT_THAT(error("lathe-suite 1\nf.tfn name=a name=b\n"), HasSubstr("name is given twice"));
  for (const char* weight : {"0", "-1", "inf", "nan", "much"}) {
    EXPECT_THAT(error(std::string("lathe-suite 1\nf.tfn weight=") + weight + "\n"),
                HasSubstr("is no positive number"));
  }
  EXPECT_THAT(error("lathe-suite 1\nf.tfn as=relu\n"), HasSubstr("as=op:NAME"));
  EXPECT_THAT(error("lathe-suite 1\nf.tfn\n\nf.tfn\n"),
              HasSubstr("a.suite:4: there is a workload"));
}

TEST(SuiteTest, SuitesAreRecognised) {
  EXPECT_TRUE(IsSuite("lathe-suite 1\n"));
  EXPECT_TRUE(IsSuite("lathe-suite 7\n"));
  EXPECT_FALSE(IsSuite("lathe 1\nfunc f() -> (y) {}\n"));
}

}  // namespace
}  // namespace lathe
