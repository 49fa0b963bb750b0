// Bad input gives one clear message and exit code 2; nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// One refusal: exit code 2, nothing on stdout, one message that says `what`.
void ExpectRefused(const LatheProgram& lathe, const std::vector<std::string>& arguments,
                   const std::string& what, const std::string& input = "") {
  std::string command;
  for (const std::string& argument : arguments) command += argument + " ";
  SCOPED_TRACE(command);
  RunResult result = lathe.Run(arguments, input);
  EXPECT_EQ(result.exit_code, 2) << result.out << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("lathe: error: "));
  EXPECT_THAT(result.err, HasSubstr(what));
  EXPECT_EQ(result.err.find("error: ", 14), std::string::npos) << "two messages: " << result.err;
}

TEST(BadInputTest, CommandLine) {
  LatheProgram lathe;
  ExpectRefused(lathe, {}, "subcommand");
  ExpectRefused(lathe, {"conquer"}, "conquer");
  ExpectRefused(lathe, {"tune"}, "FUNCTION");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--trials", "0"}, "--trials");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--trials", "-3"}, "--trials");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--trials", "many"}, "--trials");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--threads", "0"}, "--threads");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--threads", "-1"}, "--threads");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--budget", "soon"}, "soon");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--budget", "0s"}, "0s");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--cpus", "one"}, "one");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--cpus", "100000"}, "100000");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--target", "pentium"}, "pentium");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--accuracy", "sloppy"}, "sloppy");
  for (const char* search : {"random", "evolution"}) {
    ExpectRefused(lathe, {"tune", kSmallMatmul, "--search", search, "--model", "m"},
                  "--model belongs to --search model");
  }
  ExpectRefused(lathe, {"measure-quality", kSmallMatmul, "--runs", "1"}, "percentiles");
  ExpectRefused(lathe, {"measure-quality", kSmallMatmul, "--runs", "0", "--promotions", "0"},
                "nothing to measure");
  ExpectRefused(lathe, {"query", kSmallMatmul, "--target", "pentium"}, "x86-64-v3");
  ExpectRefused(lathe, {"show", kSmallMatmul, "--level", "quantum"}, "quantum");
  ExpectRefused(lathe, {"build", kSmallMatmul, "-o", "kernel.exe"}, ".so, .o or .a");
  ExpectRefused(lathe, {"db"}, "subcommand");
}

TEST(BadInputTest, Operators) {
  LatheProgram lathe;
  ExpectRefused(lathe, {"query", "op:matmull(m=1,n=1,k=1)"}, "matmul");
  ExpectRefused(lathe, {"query", "op:matmul(m=1,n=1)"}, "k");
  ExpectRefused(lathe, {"query", "op:matmul(m=0,n=1,k=1)"}, "m");
  ExpectRefused(lathe, {"query", "op:matmul(m=-4,n=1,k=1)"}, "m");
  ExpectRefused(lathe, {"query", "op:matmul(m=4,n=1,q=1)"}, "q");
  ExpectRefused(lathe, {"query", "op:matmul(m=four,n=1,k=1)"}, "four");
  ExpectRefused(lathe, {"query", "op:matmul(m=99999999999999999999,n=1,k=1)"}, "m");
  ExpectRefused(lathe, {"query", "op:"}, "op");
  ExpectRefused(lathe, {"query", "op:matmul("}, "op");
  ExpectRefused(lathe, {"query", "op:relu(rows=1,columns=2,type=f15)"}, "one of f32, f64");
  ExpectRefused(lathe, {"ops", "conv2"}, "did you mean conv2d?");
}

TEST(BadInputTest, FunctionTexts) {
  LatheProgram lathe;
  struct Case {
    const char *text, *what;
  };
  const Case cases[] = {
      {"lathe 1\nfunc f(x: f32[4]) -> (y) {\n  y[i] = x[i] +\n}\n", "<stdin>:"},
      {"lathe 1\nfunc f(x: f32[4]) -> (y) {\n  y[i] = x[i, i]\n}\n", "<stdin>:3:"},
      {"lathe 1\nfunc f(x: f32[4], z: i8[4]) -> (y) {\n  y[i] = x[i] + z[i]\n}\n", "<stdin>:3:"},
      {"lathe 1\nfunc f(x: f32[4]) -> (y) {\n  y[i: 5] = x[i]\n}\n", "<stdin>:3:"},
      {"lathe 1\nfunc f(x: f32[0]) -> (y) {\n  y[i] = x[i]\n}\n", "<stdin>:2:"},
      {"lathe 1\nfunc f(x: f32[-3]) -> (y) {\n  y[i] = x[i]\n}\n", "<stdin>:2:"},
      {"lathe 1\nfunc f(x: f32[4]) -> (y) {\n  z[i] = x[i]\n}\n", "y"},
      {"lathe 1\nfunc f[M: 1..512](x: f32[M]) -> (y) {\n  y[i] = x[i]\n}\n", "<stdin>:2:"},
      {"lathe 9\nfunc f(x: f32[4]) -> (y) {\n  y[i] = x[i]\n}\n", "<stdin>:1:"},
      {"hello", "<stdin>:1:"},
  };
  for (const Case& c : cases) ExpectRefused(lathe, {"query", "-"}, c.what, c.text);
}

TEST(BadInputTest, FunctionFiles) {
  LatheProgram lathe;
  ExpectRefused(lathe, {"query", lathe.path("missing.tfn")}, "missing.tfn");
  ExpectRefused(lathe, {"query", lathe.path("")}, "directory");
  WriteWholeFile(lathe.path("empty.tfn"), "");
  ExpectRefused(lathe, {"query", lathe.path("empty.tfn")}, "empty");
  WriteWholeFile(lathe.path("binary.tfn"), std::string("\x7f"
                                                       "ELF\0\1\2\3\xff\xfe",
                                                       10));
  ExpectRefused(lathe, {"query", lathe.path("binary.tfn")}, "binary.tfn");
  WriteWholeFile(lathe.path("two.tfn"),
                 "lathe 1\nfunc f(x: f32[4]) -> (y) {\n  y[i] = x[i]\n}\n"
                 "func g(x: f32[4]) -> (y) {\n  y[i] = x[i] * 2\n}\n");
  ExpectRefused(lathe, {"query", lathe.path("two.tfn")}, "#NAME");
  ExpectRefused(lathe, {"query", lathe.path("two.tfn") + "#h"}, "it has f, g");
  EXPECT_EQ(lathe.Run({"query", lathe.path("two.tfn") + "#g"}).exit_code, 1);
}

TEST(BadInputTest, Traces) {
  LatheProgram lathe;
  WriteWholeFile(lathe.path("bad.trace"), "lathe-trace 1\na, b = split(C.q, 4)\n");
  ExpectRefused(lathe, {"show", kSmallMatmul, "--trace", lathe.path("bad.trace")}, "C.q");
  WriteWholeFile(lathe.path("worse.trace"), "lathe-trace 1\na b split\n");
  ExpectRefused(lathe, {"show", kSmallMatmul, "--trace", lathe.path("worse.trace")},
                "worse.trace:2");
  ExpectRefused(lathe, {"show", kSmallMatmul, "--trace", lathe.path("none.trace")}, "none.trace");
  ExpectRefused(lathe, {"run", kSmallMatmul, "--trace", lathe.path("bad.trace")}, "C.q");
}

TEST(BadInputTest, Databases) {
  LatheProgram lathe;
  ExpectRefused(lathe, {"query", kSmallMatmul, "--db", lathe.path("missing.db")}, "missing.db");
  WriteWholeFile(lathe.path("corrupt.db"), std::string(8192, 'x'));
  ExpectRefused(lathe, {"query", kSmallMatmul, "--db", lathe.path("corrupt.db")}, "corrupt.db");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--trials", "1", "--db", lathe.path("corrupt.db")},
                "corrupt.db");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--trials", "1", "--db", lathe.path("")}, "director");
  ExpectRefused(lathe,
                {"tune", kSmallMatmul, "--trials", "1", "--db", lathe.path("nowhere/deep/x.db")},
                "nowhere");
  ExpectRefused(lathe, {"tune", kSmallMatmul, "--trials", "1", "--db", "/proc/lathe.db"},
                "/proc/lathe.db");
  EXPECT_EQ(ReadWholeFile(lathe.path("corrupt.db")), std::string(8192, 'x'));
}

TEST(BadInputTest, Outputs) {
  LatheProgram lathe;
  ExpectRefused(lathe, {"build", kSmallMatmul, "--untuned", "-o", lathe.path("no/such/k.so")},
                "k.so");
  EXPECT_FALSE(std::filesystem::exists(lathe.path("no")));
}

}  // namespace
}  // namespace lathe::testing
