// The verifier and the text form over random legal schedules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "compiler/loop/lower.h"
#include "compiler/loop/program.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/trace.h"
#include "tests/testing/random_trace.h"

namespace lathe {
namespace {

constexpr const char* kFunctions[] = {
    R"(lathe 1
func linear_relu(x: f32[3, 37], w: const f32[37, 20], b: f32[20]) -> (y) {
  t[i, j] = sum(k) x[i, k] * w[k, j]
  y[i, j] = max(t[i, j] + b[j], 0)
}
)",
    R"(lathe 1
func moments(x: f32[7, 30]) -> (mean, variance) {
  s[i] = sum(k) x[i, k]
  mean[i] = s[i] * 0.25
  q[i] = sum(k) (x[i, k] - mean[i]) * (x[i, k] - mean[i])
  variance[i] = q[i] * 0.25
}
)",
    R"(lathe 1
func blur(x: f32[40]) -> (y) {
  y[i: 40] = (x[i - 1] else 0) + x[i] * 2 + (x[i + 1] else 0)
}
)"};

void ExpectRoundTrip(const Program& program, const std::string& context) {
  std::string text = ToText(program);
  auto parsed = ParseProgram(text, "printed");
  ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << context;
  EXPECT_EQ(ToText(*parsed), text) << context;
}

TEST(VerifyRandom, AcceptsEveryLegalSchedule) {
  for (const char* text : kFunctions) {
    auto function = ParseFunction(text, "test");
    ASSERT_TRUE(function.ok()) << function.status();
    auto naive = BuildNaive(*function);
    ASSERT_TRUE(naive.ok()) << naive.status();
    ASSERT_TRUE(Verify(*naive).ok()) << Verify(*naive) << "\n" << ToText(*naive);
    for (uint64_t seed = 1; seed <= 100; ++seed) {
      std::mt19937_64 random(seed);
      Trace trace = testing::RandomTrace(*naive, random);
      std::string context = "seed " + std::to_string(seed) + "\n" + ToText(trace);
      auto replayed = Replay(*naive, trace);
      ASSERT_TRUE(replayed.ok()) << replayed.status() << "\n" << context;
      const Program& program = *replayed;
      ExpectRoundTrip(program, context);
      auto lowered = Lower(program);
      if (!lowered.ok()) continue;  // a register buffer that was not unrolled, say
      absl::Status verified = Verify(*lowered);
      ASSERT_TRUE(verified.ok()) << verified << "\n" << context << ToText(*lowered);
      ExpectRoundTrip(*lowered, context);
    }
  }
}

}  // namespace
}  // namespace lathe
