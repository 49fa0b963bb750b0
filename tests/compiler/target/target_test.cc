#include "compiler/target/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;

TEST(TargetTest, HostDescribesAMachineThatRunsItsOwnCode) {
  Target host = HostTarget();
  EXPECT_GE(host.cores, 1);
  EXPECT_GE(host.vector_bits, 128);
  EXPECT_GE(host.l1_bytes, 8 << 10);
  EXPECT_FALSE(host.tuning.empty() && host.architecture == Architecture::kX86_64);
  EXPECT_TRUE(CheckRunsOn(host, host).ok());
}

TEST(TargetTest, TextRoundTrips) {
  for (std::string name : {"host", "x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    absl::StatusOr<Target> target = ParseTarget(name);
    ASSERT_TRUE(target.ok()) << target.status();
    absl::StatusOr<Target> again = ParseTarget(ToText(*target));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *target) << ToText(*target);
  }
}

TEST(TargetTest, LevelsGrowInVectorWidth) {
  EXPECT_EQ(ParseTarget("x86-64-v2")->vector_bits, 128);
  EXPECT_EQ(ParseTarget("x86-64-v3")->vector_bits, 256);
  Target v4 = *ParseTarget("x86-64-v4");
  EXPECT_EQ(v4.vector_bits, 512);
  EXPECT_EQ(v4.vector_registers, 32);
  EXPECT_EQ(v4.VectorLanes(4), 16);
  EXPECT_TRUE(v4.Has("fma"));
  EXPECT_FALSE(v4.Has("amx-tile"));
}

TEST(TargetTest, NarrowCodeRunsOnWideMachinesOnly) {
  Target v2 = *ParseTarget("x86-64-v2"), v4 = *ParseTarget("x86-64-v4");
  EXPECT_TRUE(CheckRunsOn(v2, v4).ok());
  absl::Status status = CheckRunsOn(v4, v2);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("avx512f"));
  v2.architecture = Architecture::kAArch64;
  EXPECT_THAT(std::string(CheckRunsOn(v2, v4).message()), HasSubstr("aarch64"));
}

TEST(TargetTest, RefusesWhatIsNoTarget) {
  struct Case {
    const char *text, *message;
  };
  const Case cases[] = {
      {"", "it is empty"},
      {"pentium", "no such name or architecture"},
      {"x86_64 vector=100", "field 'vector=100'"},
      {"x86_64 vector=-512", "field 'vector=-512'"},
      {"x86_64 cores=0", "field 'cores=0'"},
      {"x86_64 l1=99999999999999999999", "field 'l1="},
      {"x86_64 colour=red", "field 'colour=red'"},
      {"x86_64 features=avx2,AVX!", "feature 'AVX!'"},
      {"x86_64 tuning=", "tuning ''"},
  };
  for (const Case& c : cases) {
    absl::StatusOr<Target> target = ParseTarget(c.text);
    ASSERT_FALSE(target.ok()) << c.text;
    EXPECT_EQ(target.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(target.status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(target.status().message()), HasSubstr("x86-64-v3"));
  }
}

}  // namespace
}  // namespace lathe
