// Texts that are refused, with the whole message where the caret matters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/tensor/function.h"

namespace lathe {
namespace {

std::string ErrorOf(const std::string& text) {
  absl::StatusOr<Function> function = ParseFunction(text, "f.tfn");
  if (function.ok()) return "accepted";
  EXPECT_EQ(function.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(function.status().message());
}

// The error of one equation over some arguments, on line 3.
std::string BodyError(const std::string& body) {
  return ErrorOf(absl::StrCat(
      "lathe 1\nfunc f(x: f32[8, 12], v: f32[12], n: i32[8], m: i8[8], b: bool[8], s: f32[]) -> "
      "(y) {\n",
      body, "\n}\n"));
}

TEST(ParseError, PointsAtLineColumnAndCaret) {
  EXPECT_EQ(BodyError("  y[i] = v[i] + z[i]"),
            "f.tfn:3:17: there is no tensor z before this equation (did you mean x?)\n"
            "    y[i] = v[i] + z[i]\n"
            "                  ^");
  EXPECT_EQ(BodyError("y[i] = sum(k) x[i, k] * v[k + 1]"),
            "f.tfn:3:27: this subscript runs from 1 to 12, but dimension 0 of v has the extent 12; "
            "guard the read, as in (v[...] else 0), or state a smaller extent\n"
            "  y[i] = sum(k) x[i, k] * v[k + 1]\n"
            "                            ^");
  EXPECT_EQ(BodyError("y[i] = n[i] + v[i]"),
            "f.tfn:3:17: i runs over 12 in dimension 0 of v, but over 8 in dimension 0 of n\n"
            "  y[i] = n[i] + v[i]\n"
            "                  ^");
}

TEST(ParseError, Bodies) {
  for (auto [body, error] : {
           // Types.
           std::pair("y[i] = n[i] + v[0]", "3:13: i32 and f32 do not mix: cast one of them"),
           std::pair("y[i] = n[i] + 1.5", "3:15: 1.5 is not an integer, and the other operand is"),
           std::pair("y[i] = n[i] / 2", "3:13: '/' does not take i32: write // for integers"),
           std::pair("y[i] = v[i] // 2", "3:13: '//' does not take f32: write floor(a / b)"),
           std::pair("y[i] = n[i] // 0", "3:16: the divisor of '//' and '%' must be a positive"),
           std::pair("y[i] = n[i] % n[i]", "3:15: the divisor of '//' and '%' must be a positive"),
           std::pair("y[i] = m[i] + 128", "3:15: 128 does not fit i8"),
           std::pair("y[i] = v[i] + 1e39", "3:15: 1e39 does not fit f32"),
           std::pair("y[i] = n[i] * 99999999999999999999999", "does not fit i32"),
           std::pair("y[i] = exp(n[i])", "3:8: 'exp' does not take i32"),
           std::pair("y[i] = -b[i]", "3:8: '-' does not take bool"),
           std::pair("y[i] = b[i] + b[i]", "3:13: '+' does not take bool"),
           std::pair("y[] = sum(k) b[k]", "3:7: 'sum' does not take bool"),
           std::pair("y[i] = not v[i]", "3:12: this must be a bool, but is f32"),
           std::pair("y[i] = select(v[i], 1, v[i])", "3:15: this must be a bool, but is f32"),
           std::pair("y[i: 4] = 1", "3:11: the type of this number is not clear"),
           std::pair("y[i: 9] = (v[i] else n[0])", "3:22: this value is i32, but v holds f32"),
           std::pair("y[i] = v[i] < 1 < 2", "3:17: comparisons do not chain"),
           // Names.
           std::pair("y[i] = y[i]", "3:8: y is read in its own equation"),
           std::pair("y[i] = v[i] * k", "3:15: there is no index k here"),
           std::pair("y[i] = v[i] * s", "3:15: s is a tensor: read an element of it"),
           std::pair("y[i, i] = x[i, i]", "3:6: i is an index of this equation already"),
           std::pair("y[i] = sum(i) x[i, i]", "3:12: i is an index of this equation already"),
           std::pair("v[i] = n[i]", "3:1: v is defined already"),
           std::pair("t[i] = v[i]\ny[i] = v[i]", "3:1: t is neither an output nor read"),
           std::pair("t[i] = v[i]", "the output y has no equation"),
           std::pair("y[i] = exq(v[i])", "3:8: there is no function 'exq' (did you mean exp?)"),
           std::pair("else[i] = v[i]", "3:1: 'else' is a word of the language"),
           std::pair("y[i] = a.b[i]", "3:8: there is no tensor a.b"),
           // Shapes, extents and bounds.
           std::pair("y[i] = x[i]", "3:8: x has 2 dimensions, not 1"),
           std::pair("y[i] = s[i]", "3:3: the extent of i does not follow from any subscript"),
           std::pair("y[i, j] = v[i]", "3:6: the extent of j does not follow"),
           std::pair("y[i: 0] = v[i]", "3:6: an extent must be positive, not 0"),
           std::pair("y[i: -3] = v[i]", "3:6: an extent must be positive, not -3"),
           std::pair("y[i: 2.5] = v[i]", "3:6: expected an extent, but this number is not an int"),
           std::pair("y[i: 99999999999999999999] = v[0]",
                     "3:6: expected an extent, but this number "
                     "is too large"),
           std::pair("y[i: M] = v[i]", "'M' is not a number: symbolic extents are reserved"),
           std::pair("y[i: 2000000, j: 2000000] = v[0]", "3:1: y has more than 2^40 elements"),
           std::pair("y[i: 13] = v[i]", "3:14: this subscript runs from 0 to 12"),
           std::pair("y[] = v[12]", "3:9: this subscript is 12"),
           std::pair("y[i: 4] = v[i - 1]", "3:13: this subscript runs from -1 to 2"),
           std::pair("y[i: 4] = v[3*i + i // 2]", "accepted"),
           std::pair("y[i: 5] = v[3*i + i // 2]", "3:13: this subscript runs from 0 to 14"),
           std::pair("y[i: 90] = v[i % 13]", "3:14: this subscript runs from 0 to 12"),
           std::pair("y[i: 4] = v[i * i]", "cannot hold a product of two indices"),
           std::pair("y[i: 4] = v[i64(n[i])]", "a subscript is a sum of indices"),
           std::pair("y[i: 4] = v[v[i]]", "3:13: a subscript is an i64, not f32"),
           std::pair("y[i: 4] = (v[9223372036854775807 * i] else 0)", "this subscript overflows"),
           std::pair("y[i: 4] = v[i // 0]", "must be a positive constant"),
           // Syntax.
           std::pair("y[i] = v[i] v[i]", "3:13: expected the end of the line, but found 'v'"),
           std::pair("y[i] = v[i] +", "4:1: expected a number, a name or '(', but found '}'"),
           std::pair("y[i] = (v[i] + 1", "expected"),
           std::pair("y[i] = (v[i] + 1 else 0)", "3:18: a guard follows a read only"),
           std::pair("y[i] = (v[i] if true else 0)", "3:17: a guard has no condition here"),
           std::pair("y[i] = sum() v[i]", "3:8: a reduction needs an index"),
           std::pair("y[i] = exp(v[i], v[i])", "3:8: exp takes 1 operand, not 2"),
           std::pair("y[i] = broadcast(v[i], 4)", "there is no function 'broadcast'"),
           std::pair("y[i] = 3x", "3:9: a number runs into a name"),
           std::pair("y[i] = v[i] & 1", "3:13: this character has no meaning here"),
           std::pair("y[i] = \"a\"", "3:8: this character has no meaning here"),
           std::pair("y = v[i]", "3:3: expected '[', but found '='"),
           // Tables.
           std::pair("const G: f32[2] = [1, 2, 3]\ny[i] = G[i]",
                     "needs 2 elements here, and lists 3"),
           std::pair("const G: f32[2, 2] = [1, 2, 3]\ny[i] = v[i]", "lists 3 values"),
           std::pair("const G: i8[1] = [300]\ny[i] = v[i]", "3:19: 300 does not fit i8"),
           std::pair("const G: i64[1] = [9007199254740993]\ny[i] = v[i]", "limited to 2^53"),
           std::pair("const G: q4[1] = [1]\ny[i] = v[i]", "3:10: there is no type 'q4'"),
       }) {
    EXPECT_THAT(BodyError(body), testing::HasSubstr(error)) << body;
  }
}

TEST(ParseError, Files) {
  for (auto [text, error] : {
           std::pair("", "f.tfn: the file is empty"),
           std::pair(" \n\n", "f.tfn: the file is empty"),
           std::pair("# only a comment\n", "a file of tensor functions begins with the line"),
           std::pair("func f() -> (y) { }", "1:1: a file of tensor functions begins with the line"),
           std::pair("lathe 2\nfunc f() -> (y) { }", "this text is in version 2"),
           std::pair("lathe 1\n", "expected a function after the line"),
           std::pair("lathe 1\nfunc f() -> () { }", "expected the name of an output"),
           std::pair("lathe 1\nfunc f(x: f32[4]) -> (y) {\n", "expected '}', but the text ends"),
           std::pair("lathe 1\nfunc f(x: f32[4], x: f32[4]) -> (y) { y[i] = x[i] }",
                     "2:19: x is defined already"),
           std::pair("lathe 1\nfunc f(x: f32[4]) -> (y, y) { y[i] = x[i] }", "y is listed twice"),
           std::pair("lathe 1\nfunc f(x: f32[0]) -> (y) { y[i] = x[i] }",
                     "2:15: an extent must be positive, not 0"),
           std::pair("lathe 1\nfunc f[M: 1..512](x: f32[M, 3072]) -> (y) { y[i, j] = x[i, j] }",
                     "2:7: symbolic extents are reserved and not supported yet"),
           std::pair("lathe 1\nfunc f(x: f32[4]) -> (y) { y[i] = x[i] }\n"
                     "func f(x: f32[4]) -> (y) { y[i] = x[i] }",
                     "3:6: a function f stands above already"),
           std::pair("lathe 1\nfunc f(x: f32[1048577, 1048576]) -> (y) { y[] = x[0, 0] }",
                     "x has more than 2^40 elements"),
           std::pair("lathe 1\nfunc f(x: f32[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]) -> (y) { }",
                     "a tensor has at most 16 dimensions"),
           std::pair("lathe 1\n\xff\xfe", "f.tfn: not a text file: invalid UTF-8 at byte 8"),
       }) {
    EXPECT_THAT(ErrorOf(text), testing::HasSubstr(error)) << text;
  }
  EXPECT_EQ(ErrorOf(std::string("\x7f"
                                "ELF\0\0",
                                6)),
            "f.tfn: not a text file: a NUL byte at byte 4");
}

TEST(ParseError, DeepAndLongExpressionsAreRefused) {
  constexpr int kDeep = 200000;
  std::string open(kDeep, '('), minus(kDeep, '-'), chain, negations, casts;
  for (int i = 0; i < kDeep; ++i) {
    chain += "v[i]+";
    casts += "f32(";
    negations += "not ";
  }
  for (const std::string& expression : {open, minus, chain, casts, negations}) {
    std::string error = BodyError(absl::StrCat("y[i] = ", expression, "v[i]"));
    EXPECT_THAT(error, testing::HasSubstr("nests deeper than 512 levels"));
    EXPECT_LT(error.size(), 400u);
  }
}

}  // namespace
}  // namespace lathe
