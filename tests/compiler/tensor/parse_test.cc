// Texts that are accepted, and what they mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/tensor/function.h"

namespace lathe {
namespace {

// The function parsed from `body` with some arguments; prints the error.
Function Parse(const std::string& text) {
  absl::StatusOr<Function> function = ParseFunction(text, "test.tfn");
  EXPECT_TRUE(function.ok()) << function.status().message();
  return function.ok() ? *std::move(function) : Function{};
}

Function ParseBody(const std::string& body) {
  return Parse(
      "lathe 1\nfunc f(x: f32[8, 12], v: f32[12], n: i32[8], m: i8[8], h: f16[8], b: bool[8], "
      "d: f64[4], s: f32[]) -> (y) {\n" +
      body + "\n}\n");
}

std::string BodyText(const std::string& body) {
  Function f = ParseBody(body);
  return f.stages.empty() ? "" : ToText(f.stages.back().body);
}

TEST(Parse, LinearRelu) {
  Function f = Parse(
      "lathe 1\n"
      "func linear_relu(x: f32[1, 3072], w: const f32[3072, 200], b: f32[200]) -> (y) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
      "  y[i, j] = max(t[i, j] + b[j], 0)\n"
      "}\n");
  EXPECT_EQ(f.name, "linear_relu");
  ASSERT_EQ(f.arguments.size(), 3u);
  EXPECT_FALSE(f.arguments[0].is_const);
  EXPECT_TRUE(f.arguments[1].is_const);
  EXPECT_THAT(f.arguments[1].shape, testing::ElementsAre(3072, 200));
  EXPECT_THAT(f.outputs, testing::ElementsAre("y"));
  ASSERT_EQ(f.stages.size(), 2u);
  EXPECT_THAT(f.stages[0].axes, testing::ElementsAre(Axis{"i", 1}, Axis{"j", 200}));
  const auto* sum = f.stages[0].body.As<Reduce>();
  ASSERT_NE(sum, nullptr);
  EXPECT_THAT(sum->axes, testing::ElementsAre(Axis{"k", 3072}));
  EXPECT_EQ(f.stages[1].type, ScalarType::kF32);
}

TEST(Parse, NumbersTakeTheTypeOfWhatTheyMeet) {
  EXPECT_EQ(ParseBody("y[i] = n[i] * 2 + 1").stages[0].type, ScalarType::kI32);
  EXPECT_EQ(ParseBody("y[i] = 1 + 2 * h[i]").stages[0].type, ScalarType::kF16);
  EXPECT_EQ(ParseBody("y[i: 3] = f64(0.1)").stages[0].type, ScalarType::kF64);
  EXPECT_EQ(ParseBody("y[i] = select(b[i], 1, d[i % 4])").stages[0].type, ScalarType::kF64);
  EXPECT_EQ(ParseBody("y[i: 4] = i * 3").stages[0].type, ScalarType::kI64);
  EXPECT_EQ(ParseBody("y[i: 4] = f32(i) / 3").stages[0].type, ScalarType::kF32);
  EXPECT_EQ(ParseBody("y[i] = v[i] > 0 and not (v[i] == 1)").stages[0].type, ScalarType::kBool);
}

TEST(Parse, FloatsRoundOnce) {
  // Halfway between two floats and a little more: through double it would
  // round to the halfway point first, and then down to even.
  Function f = ParseBody("y[i: 1] = f32(1.00000005960464477540)");
  EXPECT_EQ(f.stages[0].body.As<FloatImm>()->value, 1.0000001192092896);
}

TEST(Parse, ReductionsReachFarAndMaxIsTwoThings) {
  EXPECT_EQ(BodyText("y[i] = 1 + sum(k) x[i, k] * v[k] + 2"), "1 + sum(k: 12) x[i, k] * v[k] + 2");
  EXPECT_EQ(BodyText("y[i: 4] = max(p: 3) v[2*i + p]"), "max(p: 3) v[2 * i + p]");
  EXPECT_EQ(BodyText("y[i] = max(j) -x[i, j]"), "max(j: 12) -x[i, j]");
  EXPECT_EQ(BodyText("y[i: 4, j: 4] = max(i, j) - 3"), "max(i, j) - 3");
  EXPECT_EQ(BodyText("y[i] = (sum(k) x[i, k]) * 2"), "(sum(k: 12) x[i, k]) * 2");
}

TEST(Parse, GuardedReadsAndScalars) {
  EXPECT_EQ(BodyText("y[i: 14] = (v[i - 1] else s[]) * s[]"), "(v[i - 1] else s[]) * s[]");
  EXPECT_EQ(BodyText("y[] = sum(k) v[k]"), "sum(k: 12) v[k]");
}

TEST(Parse, ExpressionsMayContinueOnTheNextLine) {
  EXPECT_EQ(BodyText("y[i] = v[i] +\n    v[i] * (\n 2 +\n v[i])"), "v[i] + v[i] * (2 + v[i])");
}

TEST(Parse, TablesNestedAndFlat) {
  Function f = ParseBody(
      "const G: f32[2, 2] = [[1, -0.5], [inf, 0.1]]\nconst I: i8[2, 2] = [1, -128, 3, 127]\n"
      "const B: bool[2] = [true, false]\nconst z: f64[] = 3\n"
      "y[i, j] = select(B[i], G[i, j], f32(I[i, j]) * f32(z[]))");
  ASSERT_EQ(f.tables.size(), 4u);
  EXPECT_THAT(f.tables[0].values,
              testing::ElementsAre(1, -0.5, INFINITY, static_cast<double>(0.1f)));
  EXPECT_THAT(f.tables[1].values, testing::ElementsAre(1, -128, 3, 127));
  EXPECT_THAT(f.tables[2].values, testing::ElementsAre(1, 0));
  EXPECT_THAT(f.tables[3].values, testing::ElementsAre(3));
}

TEST(Parse, AnOutputMayBeReadAgain) {
  Function f =
      Parse("lathe 1\nfunc f(x: f32[4]) -> (a, b) {\n a[i] = x[i] + 1\n b[i] = a[i] * 2\n}");
  EXPECT_TRUE(f.IsOutput("a"));
  EXPECT_TRUE(f.IsOutput("b"));
}

TEST(Parse, SeveralFunctionsInAFile) {
  std::string text =
      "# two\r\nlathe 1\r\nfunc f(x: f32[4]) -> (y) {\r\n y[i] = x[i]\r\n}\r\n\r\n"
      "func g(x: f32[4]) -> (y) { y[i] = -x[i] }";
  auto functions = ParseFunctions(text, "two.tfn");
  ASSERT_TRUE(functions.ok()) << functions.status().message();
  ASSERT_EQ(functions->size(), 2u);
  EXPECT_EQ((*functions)[1].name, "g");
  EXPECT_THAT(std::string(ParseFunction(text, "two.tfn").status().message()),
              testing::HasSubstr("two.tfn: holds 2 functions, where one is expected: f g"));
}

// Printing and parsing again changes nothing, twice over.
void ExpectRoundTrip(const Function& f) {
  std::string text = ToText(f);
  absl::StatusOr<Function> again = ParseFunction(text, "printed.tfn");
  ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << text;
  EXPECT_EQ(ToText(*again), text);
  ASSERT_EQ(again->stages.size(), f.stages.size());
  for (size_t i = 0; i < f.stages.size(); ++i) {
    EXPECT_EQ(again->stages[i].axes, f.stages[i].axes) << text;
    EXPECT_TRUE(StructurallyEqual(again->stages[i].body, f.stages[i].body)) << text;
  }
}

TEST(RoundTrip, Expressions) {
  for (const char* body : {
           "y[i] = -(v[i] - (v[i] - 1)) - -2 * -v[i]",
           "y[i] = -(0.5) * v[i] - -(-0.5)",
           "y[i] = v[i] * (-0.0) + inf - nan * -inf",
           "y[i] = v[i] + 1e-45 + 3.4028235e38 + 0.1 + 123456789 + 1e20",
           "y[i] = d[i] + 4.9e-324 + 1.7976931348623157e308 + 0.1",
           "y[i: 8] = h[i] + 6e-8 + 65504",
           "y[i] = m[i] - 127 + (-128)",
           "y[i: 4] = i - 9223372036854775807 + -9223372036854775808",
           "y[i] = not (v[i] < 1 and v[i] > 0 or v[i] == 7) or true != false",
           "y[i] = (v[i] < 1) == (v[i] > 0)",
           "y[i] = sum(k: 3) (sum(l) x[k, l]) + v[i]",
           "y[i] = v[i] + (sum(k: 3) v[k]) + 1",
           "y[i: 2] = select(f32(1) < 2, f32(3), f32(4) + 5)",
           "y[i: 2] = pow(f32(2), 3) + rsqrt(f32(3)) * floor(f32(1))",
           "y[i: 2] = min(max(v[i], 0), 6) / (v[i] / v[i]) / v[i]",
           "y[i: 8] = v[(5*i + 3) // 7 + i % 3 - i // 8]",
           "y[i: 20] = (v[i - (3 - i)] else (v[i] else -1))",
           "y[i: 20] = n[i // 3] // 4 % 3 * 2 - (n[0] - 1)",
           "y[i: 8] = f32(i64(f64(n[i]))) + f32(b[i])",
           "y[i: 2] = f32(i64(3)) + 1",
       }) {
    SCOPED_TRACE(body);
    ExpectRoundTrip(ParseBody(body));
  }
}

TEST(RoundTrip, Examples) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LATHE_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".tfn") continue;
    SCOPED_TRACE(entry.path());
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    ExpectRoundTrip(Parse(text.str()));
    ++files;
  }
  EXPECT_GE(files, 5);
}

}  // namespace
}  // namespace lathe
