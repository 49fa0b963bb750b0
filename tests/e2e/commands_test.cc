// Every command on the real programs: tune, query, build, run, show, target,
// ops, db; and what `build` writes, called from C, from C++ and from Python.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kMeanVariance[] =
    "lathe 1\n"
    "func mean_variance(x: f32[5, 37]) -> (mean, variance) {\n"
    "  s[i] = sum(j) x[i, j]\n"
    "  mean[i] = s[i] / 37\n"
    "  d[i] = sum(j) (x[i, j] - mean[i]) * (x[i, j] - mean[i])\n"
    "  variance[i] = d[i] / 37\n"
    "}\n";

class CommandsTest : public ::testing::Test {
 protected:
  // Runs and expects success; returns stdout.
  std::string Ok(const std::vector<std::string>& arguments, const std::string& input = "") const {
    RunResult result = lathe_.Run(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
    return result.out;
  }
  Json OkJson(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.push_back("--json");
    std::string out = Ok(arguments, input);
    Json json = Json::parse(out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << out;
    return json;
  }
  void Compile(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command{LATHE_C_COMPILER, "-Wall", "-Werror"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    RunResult result = RunProgram(command);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  LatheProgram lathe_;
};

TEST_F(CommandsTest, TuneQueryBuildAndCall) {
  EXPECT_EQ(lathe_.Run({"query", kSmallMatmul}).exit_code, 1);
  RunResult unbuilt = lathe_.Run({"build", kSmallMatmul, "-o", lathe_.path("k.so")});
  EXPECT_EQ(unbuilt.exit_code, 1);
  EXPECT_THAT(unbuilt.err, HasSubstr("--untuned"));

  Json tuned = OkJson({"tune", kSmallMatmul, "--trials", "6", "--seed", "3"});
  EXPECT_GT(tuned["best"]["median_seconds"].get<double>(), 0);
  EXPECT_GT(tuned["naive_seconds"].get<double>(), 0);
  EXPECT_GT(tuned["default_seconds"].get<double>(), 0);
  EXPECT_EQ(tuned["trials"]["wrong_output"].get<int>(), 0);

  Json found = OkJson({"query", kSmallMatmul});
  EXPECT_EQ(found["verdict"], "exact");
  EXPECT_EQ(found["record"]["status"], "ok");
  EXPECT_EQ(found["record"]["trace"], tuned["best"]["trace"]);
  EXPECT_THAT(Ok({"query", kSmallMatmul}), HasSubstr("verdict   exact"));

  Json built =
      OkJson({"build", kSmallMatmul, "-o", lathe_.path("k.so"), "--header", lathe_.path("k.h")});
  EXPECT_EQ(built["symbol"], "matmul");
  EXPECT_EQ(built["verdict"], "exact");
  EXPECT_EQ(built["arguments"].size(), 3);

  void* library = dlopen(lathe_.path("k.so").c_str(), RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  using Matmul = int32_t (*)(const float*, const float*, float*);
  auto matmul = reinterpret_cast<Matmul>(dlsym(library, "matmul"));
  ASSERT_NE(matmul, nullptr);
  std::vector<float> a(48 * 32), b(32 * 48), c(48 * 48, NAN);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i % 7) - 3);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i % 5) - 2);
  ASSERT_EQ(matmul(a.data(), b.data(), c.data()), 0);
  for (int i = 0; i < 48; ++i) {
    for (int j = 0; j < 48; ++j) {
      float expected = 0;
      for (int k = 0; k < 32; ++k) expected += a[i * 32 + k] * b[k * 48 + j];
      ASSERT_EQ(c[i * 48 + j], expected) << i << "," << j;
    }
  }
  EXPECT_NE(matmul(nullptr, b.data(), c.data()), 0);
  dlclose(library);
}

TEST_F(CommandsTest, TwoOutputsThroughTuneBuildAndAProgramInC) {
  WriteWholeFile(lathe_.path("mv.tfn"), kMeanVariance);
  Json tuned = OkJson({"tune", lathe_.path("mv.tfn"), "--trials", "2"});
  EXPECT_FALSE(tuned["best"].is_null());
  WriteWholeFile(lathe_.path("main.c"),
                 "#include \"mv.h\"\n#include <math.h>\n"
                 "int main(void) {\n"
                 "  float x[5 * 37], mean[5], variance[5];\n"
                 "  for (int i = 0; i < 5 * 37; ++i) x[i] = (float)(i / 37);\n"
                 "  if (mean_variance(x, mean, variance) != 0) return 1;\n"
                 "  for (int i = 0; i < 5; ++i) {\n"
                 "    if (fabsf(mean[i] - (float)i) > 1e-5f) return 2;\n"
                 "    if (fabsf(variance[i]) > 1e-5f) return 3;\n"
                 "  }\n"
                 "  return 0;\n"
                 "}\n");
  for (std::string kind : {"so", "o", "a"}) {
    SCOPED_TRACE(kind);
    std::string library = lathe_.path("mv." + kind);
    Ok({"build", lathe_.path("mv.tfn"), "-o", library, "--header", lathe_.path("mv.h")});
    Compile({lathe_.path("main.c"), library, "-I", lathe_.path(""), "-o",
             lathe_.path("main_" + kind), "-lm", "-lpthread"});
    EXPECT_EQ(RunProgram({lathe_.path("main_" + kind)}).exit_code, 0);
  }
}

// Weights packed into panels of 16 columns by a hand-written trace: checked, timed
// and computed with by `run`, then deployed and called from C.
TEST_F(CommandsTest, PacksConstWeightsAheadOfTheCalls) {
  const std::string function = lathe_.path("linear.tfn"), trace = lathe_.path("packed.trace");
  WriteWholeFile(function,
                 "lathe 1\n"
                 "func linear(x: f32[3, 20], w: const f32[20, 37], b: f32[37]) -> (y) {\n"
                 "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
                 "  y[i, j] = max(t[i, j] + b[j], 0)\n"
                 "}\n");
  WriteWholeFile(trace,
                 "lathe-trace 1\n"
                 "P = pack(w, 1, 16)\n"
                 "prepare(P)\n"
                 "j.o, j.i = split(t.j, 16)\n"
                 "reorder(j.o, t.i, t.k, j.i)\n"
                 "vectorize(j.i)\n");
  EXPECT_EQ(OkJson({"run", function, "--trace", trace, "--out", lathe_.path("packed")})["status"],
            "ok");
  Ok({"run", function, "--trace", "naive", "--out", lathe_.path("naive")});
  std::string packed = ReadWholeFile(lathe_.path("packed/y.npy"));
  EXPECT_EQ(packed, ReadWholeFile(lathe_.path("naive/y.npy")))
      << "the same additions in the same order";
  EXPECT_THAT(Ok({"show", function, "--trace", trace, "--level", "lowered"}),
              HasSubstr("prepare {"));

  WriteWholeFile(lathe_.path("main.c"),
                 "#include \"linear.h\"\n#include <stdlib.h>\n"
                 "static float x[3 * 20], w[20 * 37], b[37], y[3 * 37];\n"
                 "int main(void) {\n"
                 "  void* packed = aligned_alloc(64, linear_packed_bytes());\n"
                 "  for (int i = 0; i < 20 * 37; ++i) w[i] = (float)(i % 37);\n"
                 "  if (linear_prepare(w, packed) != 0) return 1;\n"
                 "  for (int i = 0; i < 20 * 37; ++i) w[i] = -1;\n"
                 "  for (int call = 1; call <= 2; ++call) {\n"
                 "    for (int i = 0; i < 3 * 20; ++i) x[i] = (float)call;\n"
                 "    if (linear(x, b, packed, y) != 0) return 2;\n"
                 "    for (int i = 0; i < 3 * 37; ++i) {\n"
                 "      if (y[i] != (float)(20 * call * (i % 37))) return 3;\n"
                 "    }\n"
                 "  }\n"
                 "  free(packed);\n"
                 "  return 0;\n"
                 "}\n");
  for (std::string kind : {"so", "a"}) {
    SCOPED_TRACE(kind);
    std::string library = lathe_.path("linear." + kind);
    Json built = OkJson(
        {"build", function, "--trace", trace, "-o", library, "--header", lathe_.path("linear.h")});
    EXPECT_EQ(built["prepare"]["replaces"], Json::array({"w"}));
    Compile({lathe_.path("main.c"), library, "-I", lathe_.path(""), "-o",
             lathe_.path("main_" + kind), "-lpthread"});
    EXPECT_EQ(RunProgram({lathe_.path("main_" + kind)}).exit_code, 0);
  }
}

TEST_F(CommandsTest, LibraryFromPython) {
  RunResult python = RunProgram({"/usr/bin/env", "python3", "--version"});
  ASSERT_EQ(python.exit_code, 0) << "python3 is needed: deploy/packages --test installs it";
  Ok({"build", "op:linear_relu(m=1,k=8,n=5)", "--untuned", "-o", lathe_.path("l.so")});
  std::string script =
      "import ctypes, sys\n"
      "f = ctypes.CDLL(sys.argv[1]).linear_relu\n"
      "a = lambda n, v: (ctypes.c_float * n)(*([v] * n))\n"
      "y = a(5, 7.0)\n"
      "assert f(a(8, 1.0), a(40, 0.5), a(5, -1.0), y) == 0\n"
      "assert list(y) == [3.0] * 5, list(y)\n"
      "assert f(a(8, 1.0), a(40, -0.5), a(5, -1.0), y) == 0\n"
      "assert list(y) == [0.0] * 5, list(y)\n";
  RunResult result = RunProgram({"/usr/bin/env", "python3", "-c", script, lathe_.path("l.so")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(CommandsTest, RunChecksTimesAndComputes) {
  // x is the 2x3 matrix [[1, 2, 3], [4, 5, 6]] as f32.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  header.append(117 - header.size(), ' ');
  header += '\n';
  std::string npy =
      std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
  const float values[] = {1, 2, 3, 4, 5, 6};
  npy.append(reinterpret_cast<const char*>(values), sizeof(values));
  WriteWholeFile(lathe_.path("x.npy"), npy);
  WriteWholeFile(lathe_.path("f.tfn"),
                 "lathe 1\nfunc scale(x: f32[2, 3]) -> (y) {\n  y[j, i] = x[i, j] * 10\n}\n");
  for (std::string trace : {"naive", "default"}) {
    Json ran = OkJson({"run", lathe_.path("f.tfn"), "--trace", trace, "--in",
                       "x=" + lathe_.path("x.npy"), "--out", lathe_.path("results")});
    EXPECT_EQ(ran["status"], "ok");
    EXPECT_GT(ran["median_seconds"].get<double>(), 0);
    std::string result = ReadWholeFile(lathe_.path("results/y.npy"));
    ASSERT_GE(result.size(), 24u);
    std::vector<float> y(6);
    std::memcpy(y.data(), result.data() + result.size() - 24, 24);
    EXPECT_EQ(y, (std::vector<float>{10, 40, 20, 50, 30, 60}));
  }
  // bf16, which NumPy lacks, goes out and comes back in as two opaque bytes.
  WriteWholeFile(lathe_.path("halves.tfn"),
                 "lathe 1\nfunc halves(x: f32[2, 3]) -> (y, z) {\n"
                 "  y[i, j] = bf16(x[i, j])\n  z[i, j] = f16(x[i, j])\n}\n");
  WriteWholeFile(lathe_.path("sum.tfn"),
                 "lathe 1\nfunc sum(y: bf16[2, 3], z: f16[2, 3]) -> (s) {\n"
                 "  s[i, j] = f32(y[i, j]) + f32(z[i, j])\n}\n");
  OkJson({"run", lathe_.path("halves.tfn"), "--trace", "default", "--in",
          "x=" + lathe_.path("x.npy"), "--out", lathe_.path("halves")});
  OkJson({"run", lathe_.path("sum.tfn"), "--trace", "default", "--in",
          "y=" + lathe_.path("halves/y.npy"), "--in", "z=" + lathe_.path("halves/z.npy"), "--out",
          lathe_.path("halves")});
  std::string sums = ReadWholeFile(lathe_.path("halves/s.npy"));
  ASSERT_GE(sums.size(), 24u);
  std::vector<float> s(6);
  std::memcpy(s.data(), sums.data() + sums.size() - 24, 24);
  EXPECT_EQ(s, (std::vector<float>{2, 4, 6, 8, 10, 12}));
  Json explained = OkJson({"run", "op:matmul(m=64,n=64,k=64)", "--trace", "default", "--explain"});
  explained = explained["explain"];
  EXPECT_EQ(explained["flops"], 2 * 64 * 64 * 64);
  EXPECT_EQ(explained["bytes"], 3 * 64 * 64 * 4);
  EXPECT_NEAR(explained["arithmetic_intensity"].get<double>(), 32 / 3.0, 1e-9);
  for (const char* measured : {"peak_flops_per_second", "bandwidth_bytes_per_second",
                               "bound_seconds", "achieved_fraction"}) {
    EXPECT_GT(explained[measured].get<double>(), 0) << measured;
  }
  EXPECT_THAT(Ok({"run", "op:matmul(m=64,n=64,k=64)", "--trace", "default", "--explain"}),
              HasSubstr("% of the bound"));
  EXPECT_EQ(lathe_.Run({"run", lathe_.path("f.tfn"), "--trace", "best"}).exit_code, 1);
  RunResult wrong = lathe_.Run({"run", lathe_.path("f.tfn"), "--in", "z=" + lathe_.path("x.npy"),
                                "--out", lathe_.path("results")});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("z"));
}

TEST_F(CommandsTest, ShowsEveryLevel) {
  const std::pair<const char*, const char*> levels[] = {{"tensor", "func matmul"},
                                                        {"loop", "for "},
                                                        {"lowered", "for "},
                                                        {"llvm", "define "},
                                                        {"asm", "lathe_kernel"}};
  for (const auto& [level, expected] : levels) {
    EXPECT_THAT(Ok({"show", kSmallMatmul, "--level", level}), HasSubstr(expected)) << level;
  }
  // The tile of the default schedule stays in registers.
  const std::vector<std::string> assembly = {"show",     "op:matmul(m=128,n=128,k=128)",
                                             "--level",  "asm",
                                             "--trace",  "default",
                                             "--target", "x86-64-v3"};
  EXPECT_THAT(Ok(assembly), HasSubstr("# >>>>>>>> hot loop"));
  Json hot = OkJson(assembly)["hot_loop"];
  EXPECT_GE(hot["depth"], 3);  // rows, panels, the reduction; blocks of them perhaps
  EXPECT_GE(hot["fused_multiply_adds"].get<int>(), 8);
  EXPECT_GT(hot["fused_multiply_adds"], hot["loads"]);
  EXPECT_GE(hot["vector_registers"].get<int>(), 8);
  EXPECT_EQ(hot["stack_references"], 0);
  Json naive = OkJson({"show", kSmallMatmul, "--level", "loop", "--trace", "naive"});
  EXPECT_EQ(naive["origin"], "naive");
  // What is shown as tensor function is one.
  std::string text = Ok({"show", kSmallMatmul, "--level", "tensor"});
  EXPECT_EQ(Ok({"show", "-", "--level", "tensor"}, text), text);
}

TEST_F(CommandsTest, TargetsAndOperators) {
  Json target = OkJson({"target"});
  EXPECT_FALSE(target["device_kind"].get<std::string>().empty());
  EXPECT_EQ(OkJson({"target", target["text"].get<std::string>()})["text"], target["text"]);
  EXPECT_THAT(Ok({"target", "--list"}), HasSubstr("x86-64-v3"));
  EXPECT_THAT(Ok({"ops"}), HasSubstr("op:matmul("));
  EXPECT_GE(OkJson({"ops"}).size(), 2u);
  EXPECT_THAT(Ok({"ops", "conv2d"}), HasSubstr("ONNX Conv"));
  EXPECT_EQ(OkJson({"ops", "conv2d"})["parameters"][0]["name"], "n");
}

TEST_F(CommandsTest, DatabaseCommands) {
  std::string db = lathe_.path("x.db");
  OkJson({"tune", kSmallMatmul, "--trials", "3", "--db", db});
  Json stats = OkJson({"db", "stats", "--db", db});
  EXPECT_GE(stats["records"].get<int>(), 3);
  EXPECT_EQ(stats["functions"], 1);
  Json list = OkJson({"db", "list", "--db", db});
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["function"], "matmul");
  EXPECT_EQ(OkJson({"db", "verify", "--db", db})["whole"], true);
  // A database of nothing is no error.
  EXPECT_EQ(OkJson({"db", "stats"})["records"], 0);
}

TEST_F(CommandsTest, AnotherSpellingOfTheFunctionIsTheSameTask) {
  WriteWholeFile(lathe_.path("one.tfn"),
                 "lathe 1\nfunc one(x: f32[4, 30], w: f32[30, 40]) -> (y) {\n"
                 "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j], 0)\n}\n");
  WriteWholeFile(lathe_.path("other.tfn"),
                 "lathe 1\nfunc other(a: f32[4, 30], b: f32[30, 40]) -> (out) {\n"
                 "  acc[r, c] = sum(kk) b[kk, c] * a[r, kk]\n  out[r, c] = max(acc[r, c], 0)\n}\n");
  OkJson({"tune", lathe_.path("one.tfn"), "--trials", "4"});
  Json found = OkJson({"query", lathe_.path("other.tfn")});
  EXPECT_EQ(found["verdict"], "exact");
  // The trace is shown in the names of who asks, and works in them.
  std::string trace = found["record"]["trace"];
  EXPECT_THAT(trace, HasSubstr("split(acc.c, "));
  WriteWholeFile(lathe_.path("other.trace"), trace);
  for (std::string source : {std::string("best"), lathe_.path("other.trace")}) {
    EXPECT_EQ(OkJson({"run", lathe_.path("other.tfn"), "--trace", source})["status"], "ok");
    EXPECT_THAT(Ok({"show", lathe_.path("other.tfn"), "--level", "loop", "--trace", source}),
                HasSubstr("for acc.r"));
  }
  EXPECT_EQ(OkJson({"build", lathe_.path("other.tfn"), "-o", lathe_.path("o.so")})["symbol"],
            "other");
  EXPECT_GE(OkJson({"tune", lathe_.path("other.tfn"), "--trials", "4"})["resumed"].get<int>(), 4);
}

TEST_F(CommandsTest, TuneResumes) {
  Json first = OkJson({"tune", kSmallMatmul, "--trials", "5", "--seed", "1"});
  Json second = OkJson({"tune", kSmallMatmul, "--trials", "5", "--seed", "1"});
  EXPECT_GE(second["resumed"].get<int>(), 5);
  EXPECT_EQ(second["measured"].get<int>(), 0);
  EXPECT_EQ(first["best"]["trace"], second["best"]["trace"]);
}

TEST_F(CommandsTest, SearchesAreSelectable) {
  for (const char* search : {"model", "evolution", "random"}) {
    Json tuned = OkJson(
        {"tune", kSmallMatmul, "--trials", "6", "--search", search, "--db", lathe_.path(search)});
    EXPECT_FALSE(tuned["best"].is_null()) << search;
  }
  EXPECT_EQ(lathe_.Run({"tune", kSmallMatmul, "--search", "luck"}).exit_code, 2);
}

TEST_F(CommandsTest, TunesForANarrowerTargetAndMoreThreads) {
  Json narrow = OkJson({"tune", kSmallMatmul, "--trials", "2", "--target", "x86-64-v3"});
  EXPECT_FALSE(narrow["best"].is_null());
  // This machine has every feature that the narrow record needs.
  EXPECT_EQ(OkJson({"query", kSmallMatmul})["verdict"], "compatible");
  Json threads = OkJson({"tune", kSmallMatmul, "--trials", "3", "--threads", "2"});
  EXPECT_FALSE(threads["best"].is_null());
  EXPECT_EQ(OkJson({"query", kSmallMatmul, "--threads", "2"})["verdict"], "exact");
}

TEST_F(CommandsTest, MeasureQuality) {
  const std::string db = lathe_.path("quality.db");
  OkJson({"tune", kSmallMatmul, "--trials", "3", "--db", db});
  // What it measures is not asserted, and so neither is whether limits are kept.
  RunResult result = lathe_.Run(
      {"measure-quality", kSmallMatmul, "--runs", "3", "--promotions", "2", "--db", db, "--json"});
  Json json = Json::parse(result.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << result.out << result.err;
  EXPECT_EQ(result.exit_code, json["exceeded"].empty() ? 0 : 1);
  EXPECT_EQ(json["repeatability"]["runs_seconds"].size(), 3u);
  EXPECT_EQ(json["false_promotions"]["promotions"], 2);
  EXPECT_LE(json["false_promotions"]["false"].get<int>(), 2);
  EXPECT_LE(json["winners"].size(), 1u);
  for (const Json& winner : json["winners"]) {
    EXPECT_EQ(winner["error"], "");
    EXPECT_GT(winner["seconds"].get<double>(), 0);
  }
  RunResult table =
      lathe_.Run({"measure-quality", kSmallMatmul, "--runs", "2", "--promotions", "0"});
  EXPECT_THAT(table.out, HasSubstr("p90 - p10 of 2 runs"));
  EXPECT_EQ(lathe_.Run({"measure-quality", kSmallMatmul, "--trace", "best"}).exit_code, 1);
}

TEST_F(CommandsTest, MeasureQualityGoesOnPastATaskThatItCannotRead) {
  const std::string db = lathe_.path("quality.db");
  OkJson({"tune", "op:gelu(rows=4,columns=16)", "--trials", "1", "--db", db});
  OkJson({"tune", kSmallMatmul, "--trials", "1", "--db", db});
  const std::string damage =
      "import sqlite3, sys\n"
      "db = sqlite3.connect(sys.argv[1])\n"
      "db.execute(\"UPDATE records SET promoted = 1 WHERE status = 'ok'\")\n"
      "assert db.execute(\"UPDATE functions SET text = 'lathe 9' WHERE name = 'gelu'\").rowcount\n"
      "db.commit()\n";
  RunResult python = RunProgram({"/usr/bin/env", "python3", "-c", damage, db});
  ASSERT_EQ(python.exit_code, 0) << python.err;
  RunResult result = lathe_.Run(
      {"measure-quality", kSmallMatmul, "--runs", "0", "--promotions", "0", "--db", db, "--json"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  Json json = Json::parse(result.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << result.out << result.err;
  EXPECT_TRUE(json["repeatability"].is_null());
  ASSERT_EQ(json["winners"].size(), 2u);
  EXPECT_EQ(json["winners"][0]["error"], "");
  EXPECT_GT(json["winners"][0]["seconds"].get<double>(), 0);
  EXPECT_EQ(json["winners"][1]["function"], "gelu");
  EXPECT_THAT(json["winners"][1]["error"].get<std::string>(), HasSubstr("unreadable: "));
  EXPECT_TRUE(json["winners"][1]["change"].is_null());
}

TEST_F(CommandsTest, ColdCachesAreATaskOfTheirOwn) {
  OkJson({"tune", kSmallMatmul, "--trials", "2"});
  const std::vector<std::string> query = {"query", kSmallMatmul, "--regime", "cold", "--json"};
  RunResult none = lathe_.Run(query);
  EXPECT_EQ(none.exit_code, 1) << none.err;
  EXPECT_THAT(none.out, HasSubstr("there are records for warm caches, not cold"));
  Json cold = OkJson({"tune", kSmallMatmul, "--trials", "2", "--regime", "cold"});
  EXPECT_EQ(cold["resumed"], 0);
  EXPECT_EQ(cold["task"]["regime"], "cold");
  Json found = OkJson({"query", kSmallMatmul, "--regime", "cold"});
  EXPECT_EQ(found["verdict"], "exact");
  EXPECT_EQ(found["record"]["task"]["regime"], "cold");
  EXPECT_EQ(OkJson({"query", kSmallMatmul})["record"]["task"]["regime"], "warm");
  Json run = OkJson({"run", kSmallMatmul, "--regime", "cold"});
  EXPECT_EQ(run["origin"], "best (exact)");
  EXPECT_EQ(run["task"]["regime"], "cold");
}

TEST_F(CommandsTest, PlainProgressAndHelp) {
  RunResult tune = lathe_.Run({"tune", kSmallMatmul, "--trials", "3", "--budget", "60s"});
  EXPECT_EQ(tune.exit_code, 0);
  EXPECT_THAT(tune.out, HasSubstr("naive"));
  EXPECT_EQ(tune.err.find('\r'), std::string::npos) << "not a terminal";
  EXPECT_THAT(Ok({"--help"}), HasSubstr("tune"));
  EXPECT_THAT(Ok({"--version"}), HasSubstr("lathe "));
}

}  // namespace
}  // namespace lathe::testing
