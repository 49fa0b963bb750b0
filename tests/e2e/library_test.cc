// Schedules that call a library, here one of our own with the name of OpenBLAS:
// off by default, measured where allowed, opened by what `build` writes.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "compiler/runtime/lathe_kernel.h"
#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class LibraryTest : public ::testing::Test {
 protected:
  LibraryTest() { WriteWholeFile(trace_, "lathe-trace 1\nlibrary_call(C.i, cblas_sgemm)\n"); }
  RunResult Run(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"run", kSmallMatmul, "--trace", trace_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lathe_.Run(arguments);
  }

  LatheProgram lathe_;
  const std::string trace_ = lathe_.path("library.trace");
};

TEST_F(LibraryTest, RunsWithTheLibrariesThatAreNamed) {
  RunResult refused = Run({});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("calls cblas_sgemm of libopenblas.so.0"));
  EXPECT_THAT(refused.err, HasSubstr("--library libopenblas.so.0"));

  RunResult timed = Run({"--library", LATHE_TEST_LIBRARY, "--json"});
  EXPECT_EQ(timed.exit_code, 0) << timed.err << timed.out;
  Json json = Json::parse(timed.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << timed.out;
  EXPECT_EQ(json["status"], "ok");

  // A library without the routine: the C library.
  RunResult lacking = Run({"--library", "libc.so.6"});
  EXPECT_EQ(lacking.exit_code, 1) << lacking.err;
  EXPECT_THAT(lacking.out, HasSubstr("cblas_sgemm, which no library named by --library has"));
}

TEST_F(LibraryTest, DeployedKernelsOpenTheLibrary) {
  RunResult built =
      lathe_.Run({"build", kSmallMatmul, "--trace", trace_, "-o", lathe_.path("k.so"), "--json"});
  ASSERT_EQ(built.exit_code, 0) << built.err;
  EXPECT_EQ(Json::parse(built.out)["libraries"],
            Json::parse(R"([{"routine": "cblas_sgemm", "library": "libopenblas.so.0"}])"));
  // What the kernel opens by name is then this one.
  void* sgemm = dlopen(LATHE_TEST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(sgemm, nullptr) << dlerror();
  void* library = dlopen(lathe_.path("k.so").c_str(), RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  using Matmul = int32_t (*)(const float*, const float*, float*);
  using MatmulEx = int32_t (*)(const float*, const float*, float*, const lathe_runtime*);
  auto matmul = reinterpret_cast<Matmul>(dlsym(library, "matmul"));
  auto matmul_ex = reinterpret_cast<MatmulEx>(dlsym(library, "matmul_ex"));
  ASSERT_NE(matmul, nullptr);
  ASSERT_NE(matmul_ex, nullptr);
  std::vector<float> a(48 * 32), b(32 * 48), c(48 * 48, NAN);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i % 7) - 3);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i % 5) - 2);
  for (int call = 0; call < 2; ++call) {
    ASSERT_EQ(matmul(a.data(), b.data(), c.data()), LATHE_OK);
    for (int i = 0; i < 48; ++i) {
      for (int j = 0; j < 48; ++j) {
        float expected = 0;
        for (int k = 0; k < 32; ++k) expected += a[i * 32 + k] * b[k * 48 + j];
        ASSERT_EQ(c[i * 48 + j], expected) << i << "," << j;
      }
    }
  }
  // The caller's own runtime: without libraries, without the routine, too old.
  lathe_runtime rt{};
  rt.abi_version = LATHE_ABI_VERSION;
  rt.struct_size = sizeof(rt);
  rt.num_threads = 1;
  EXPECT_EQ(matmul_ex(a.data(), b.data(), c.data(), &rt), LATHE_ELIBRARY);
  rt.library_routine = [](const lathe_runtime*, const char*) -> void* { return nullptr; };
  EXPECT_EQ(matmul_ex(a.data(), b.data(), c.data(), &rt), LATHE_ELIBRARY);
  rt.struct_size = offsetof(lathe_runtime, library_routine);
  EXPECT_EQ(matmul_ex(a.data(), b.data(), c.data(), &rt), LATHE_EABI);
  dlclose(library);
  dlclose(sgemm);
}

}  // namespace
}  // namespace lathe::testing
