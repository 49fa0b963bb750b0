// Text in, artifacts and deployable wrappers out.
#include "compiler/codegen/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "compiler/runtime/lathe_kernel.h"
#include "compiler/target/target.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "tests/compiler/codegen/compiled_kernel.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kRelu[] =
    "lathe 1\n"
    "func relu(x: f32[3, 37], b: f32[37]) -> (y) {\n"
    "  t[i, j] = x[i, j] * 2 + b[j]\n"
    "  y[i, j] = max(t[i, j], 0)\n"
    "}\n";
constexpr char kParallelTrace[] = "lathe-trace 1\nparallel(y.i)\n";

v1::BuildRequest Request(v1::BuildProduct product) {
  v1::BuildRequest request;
  request.set_id(42);
  request.set_function(kRelu);
  request.set_target(ToText(HostTarget()));
  request.set_product(product);
  return request;
}

v1::BuildResponse BuildOk(const v1::BuildRequest& request) {
  v1::BuildResponse response = Build(request);
  EXPECT_EQ(response.status(), v1::BUILD_STATUS_OK) << response.error();
  return response;
}

// Inputs and the result of kRelu.
struct ReluData {
  std::vector<float> x = std::vector<float>(3 * 37), b = std::vector<float>(37);
  std::vector<float> y = std::vector<float>(3 * 37, -1), expected = y;
  ReluData() {
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i % 17) - 8);
    for (size_t j = 0; j < b.size(); ++j) b[j] = static_cast<float>(j % 5);
    for (size_t i = 0; i < x.size(); ++i) expected[i] = std::max(x[i] * 2 + b[i % 37], 0.0f);
  }
};

using Relu = int32_t (*)(const float*, const float*, float*);
using ReluEx = int32_t (*)(const float*, const float*, float*, const lathe_runtime*);

std::vector<std::string> SymbolsOf(const std::string& bytes, bool defined) {
  auto buffer = llvm::MemoryBuffer::getMemBuffer(bytes, "", false);
  auto object = llvm::object::ObjectFile::createObjectFile(buffer->getMemBufferRef());
  EXPECT_TRUE(static_cast<bool>(object));
  const auto* elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
  std::vector<std::string> names;
  auto collect = [&](const llvm::object::ELFSymbolRef& symbol) {
    const uint32_t flags = llvm::cantFail(symbol.getFlags());
    const bool undefined = flags & llvm::object::SymbolRef::SF_Undefined;
    if (!(flags & llvm::object::SymbolRef::SF_Global) || undefined == defined) return;
    names.push_back(llvm::cantFail(symbol.getName()).str());
  };
  if (elf->getEType() == llvm::ELF::ET_DYN) {
    for (const auto& symbol : elf->getDynamicSymbolIterators()) collect(symbol);
  } else {
    for (const auto& symbol : elf->symbols()) collect(symbol);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool HasSection(const std::string& bytes, std::string_view wanted) {
  auto buffer = llvm::MemoryBuffer::getMemBuffer(bytes, "", false);
  auto object =
      llvm::cantFail(llvm::object::ObjectFile::createObjectFile(buffer->getMemBufferRef()));
  for (const auto& section : object->sections()) {
    if (std::string_view(llvm::cantFail(section.getName())) == wanted) return true;
  }
  return false;
}

TEST(BuildTest, ArtifactExportsTheKernelAndNeedsNothing) {
  const v1::BuildResponse response = BuildOk(Request(v1::BUILD_PRODUCT_ARTIFACT));
  EXPECT_EQ(response.id(), 42u);
  EXPECT_EQ(response.program_hash().size(), 64u);
  EXPECT_EQ(SymbolsOf(response.output(), true),
            (std::vector<std::string>{"lathe_kernel", "lathe_kernel_metadata"}));
  EXPECT_THAT(SymbolsOf(response.output(), false), ::testing::IsEmpty());
  for (const char* section : {".tbss", ".tdata", ".init_array", ".ctors", ".interp"}) {
    EXPECT_FALSE(HasSection(response.output(), section)) << section;
  }
  auto library = OpenedLibrary::Open(response.output());
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_EQ(response.metadata(),
            static_cast<const char*>((*library)->Symbol("lathe_kernel_metadata")));
  EXPECT_THAT(response.metadata(), HasSubstr(R"("arguments":[{"name":"x","type":"f32")"));
  EXPECT_THAT(response.metadata(), HasSubstr(R"("shape":[3,37],"access":"out"}])"));
}

TEST(BuildTest, SameRequestSameBytes) {
  for (v1::BuildProduct product :
       {v1::BUILD_PRODUCT_ARTIFACT, v1::BUILD_PRODUCT_SHARED_LIBRARY, v1::BUILD_PRODUCT_OBJECT,
        v1::BUILD_PRODUCT_ARCHIVE, v1::BUILD_PRODUCT_LLVM_IR, v1::BUILD_PRODUCT_ASSEMBLY}) {
    v1::BuildRequest request = Request(product);
    request.set_trace(kParallelTrace);
    const std::string first = BuildOk(request).output();
    EXPECT_FALSE(first.empty());
    EXPECT_EQ(first, BuildOk(request).output()) << v1::BuildProduct_Name(product);
  }
}

TEST(BuildTest, WrapperComputesAndReportsErrors) {
  const v1::BuildResponse response = BuildOk(Request(v1::BUILD_PRODUCT_SHARED_LIBRARY));
  EXPECT_EQ(SymbolsOf(response.output(), true),
            (std::vector<std::string>{"relu", "relu_ex", "relu_metadata"}));
  auto library = OpenedLibrary::Open(response.output());
  ASSERT_TRUE(library.ok()) << library.status();
  auto relu = reinterpret_cast<Relu>((*library)->Symbol("relu"));
  auto relu_ex = reinterpret_cast<ReluEx>((*library)->Symbol("relu_ex"));
  ReluData data;
  ASSERT_EQ(relu(data.x.data(), data.b.data(), data.y.data()), LATHE_OK);
  EXPECT_EQ(data.y, data.expected);
  EXPECT_EQ(relu(data.x.data(), nullptr, data.y.data()), LATHE_EARG);
  // The caller's own runtime: one that cannot give memory, one too old.
  lathe_runtime rt{LATHE_ABI_VERSION,
                   sizeof(lathe_runtime),
                   nullptr,
                   1,
                   0,
                   nullptr,
                   [](const lathe_runtime*, uint64_t) -> void* { return nullptr; },
                   nullptr};
  EXPECT_EQ(relu_ex(data.x.data(), data.b.data(), data.y.data(), &rt), LATHE_ENOMEM);
  rt.struct_size = 8;
  EXPECT_EQ(relu_ex(data.x.data(), data.b.data(), data.y.data(), &rt), LATHE_EABI);
}

TEST(BuildTest, WrapperIsSafeFromSeveralThreads) {
  for (uint32_t pool : {1u, 3u}) {
    v1::BuildRequest request = Request(v1::BUILD_PRODUCT_SHARED_LIBRARY);
    request.set_trace(kParallelTrace);
    request.set_threads(pool);
    const v1::BuildResponse response = BuildOk(request);
    auto library = OpenedLibrary::Open(response.output());
    ASSERT_TRUE(library.ok()) << library.status();
    auto relu = reinterpret_cast<Relu>((*library)->Symbol("relu"));
    std::vector<ReluData> data(4);
    std::vector<std::thread> callers;
    for (ReluData& mine : data) {
      callers.emplace_back([relu, &mine] {
        for (int call = 0; call < 50; ++call) {
          std::fill(mine.y.begin(), mine.y.end(), -1.0f);
          ASSERT_EQ(relu(mine.x.data(), mine.b.data(), mine.y.data()), LATHE_OK);
          ASSERT_EQ(mine.y, mine.expected);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

TEST(BuildTest, WrapperRefusesACpuWithoutTheFeatures) {
  Target target = HostTarget();
  target.features.push_back("sse4a");               // AMD's
  target.features.push_back("avx512vp2intersect");  // some of Intel's; no CPU has both
  std::sort(target.features.begin(), target.features.end());
  target.features.erase(std::unique(target.features.begin(), target.features.end()),
                        target.features.end());
  v1::BuildRequest request = Request(v1::BUILD_PRODUCT_SHARED_LIBRARY);
  request.set_target(ToText(target));
  auto library = OpenedLibrary::Open(BuildOk(request).output());
  ASSERT_TRUE(library.ok()) << library.status();
  auto relu = reinterpret_cast<Relu>((*library)->Symbol("relu"));
  ReluData data;
  EXPECT_EQ(relu(data.x.data(), data.b.data(), data.y.data()), LATHE_EFEATURE);
}

TEST(BuildTest, ObjectsKeepTheirRuntimeToThemselves) {
  const v1::BuildResponse response = BuildOk(Request(v1::BUILD_PRODUCT_OBJECT));
  EXPECT_EQ(SymbolsOf(response.output(), true),
            (std::vector<std::string>{"relu", "relu_ex", "relu_metadata"}));
  EXPECT_THAT(response.wrapper_header(), HasSubstr("int32_t relu(\n    const float* LATHE_RESTRICT "
                                                   "x,\n    const float* LATHE_RESTRICT b,\n    "
                                                   "float* LATHE_RESTRICT y);"));
  EXPECT_THAT(response.wrapper_header(), HasSubstr("y: f32[3, 37], written"));
}

// Weights in panels of 16 columns, packed by two threads.
constexpr char kLinear[] =
    "lathe 1\n"
    "func linear(x: f32[3, 5], w: const f32[5, 37], b: const f32[37]) -> (y) {\n"
    "  P[n: 3, k: 5, m: 16] = (w[k, 16 * n + m] else 0)\n"
    "  t[i, n: 3, m: 16] = sum(k) x[i, k] * P[n, k, m]\n"
    "  y[i: 3, j: 37] = t[i, j // 16, j % 16] + b[j]\n"
    "}\n";
constexpr char kPackedTrace[] =
    "lathe-trace 1\n"
    "prepare(P)\n"
    "parallel(P.n)\n"
    "vectorize(P.m)\n"
    "reorder(t.k, t.m)\n"
    "vectorize(t.m)\n";

v1::BuildRequest LinearRequest(v1::BuildProduct product) {
  v1::BuildRequest request = Request(product);
  request.set_function(kLinear);
  request.set_trace(kPackedTrace);
  request.set_threads(2);
  return request;
}

TEST(BuildTest, PackedArgumentsAreDescribed) {
  const v1::BuildResponse response = BuildOk(LinearRequest(v1::BUILD_PRODUCT_ARTIFACT));
  EXPECT_EQ(SymbolsOf(response.output(), true),
            (std::vector<std::string>{"lathe_kernel", "lathe_kernel_metadata", "lathe_prepare"}));
  EXPECT_THAT(response.metadata(),
              HasSubstr(R"("prepare":{"symbol":"lathe_prepare","reads":["w"],"replaces":["w"],)"
                        R"("packed":[{"name":"P","type":"f32","shape":[240],"bytes":960}],)"
                        R"("workspace_bytes":0,"workspace_bytes_per_thread":0,"parallel":true})"));
  EXPECT_THAT(response.metadata(), HasSubstr(R"("parallel":false,"features")"));
}

TEST(BuildTest, WrapperPreparesOnceAndIsCalledOften) {
  const v1::BuildResponse response = BuildOk(LinearRequest(v1::BUILD_PRODUCT_SHARED_LIBRARY));
  EXPECT_EQ(
      SymbolsOf(response.output(), true),
      (std::vector<std::string>{"linear", "linear_ex", "linear_metadata", "linear_packed_bytes",
                                "linear_prepare", "linear_prepare_ex"}));
  auto library = OpenedLibrary::Open(response.output());
  ASSERT_TRUE(library.ok()) << library.status();
  auto packed_bytes = reinterpret_cast<size_t (*)()>((*library)->Symbol("linear_packed_bytes"));
  auto prepare =
      reinterpret_cast<int32_t (*)(const float*, void*)>((*library)->Symbol("linear_prepare"));
  auto linear = reinterpret_cast<int32_t (*)(const float*, const float*, const void*, float*)>(
      (*library)->Symbol("linear"));
  ASSERT_EQ(packed_bytes(), 960u);
  alignas(64) unsigned char packed[960 + 64];
  std::vector<float> w(5 * 37), b(37);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(static_cast<int>(i % 13) - 6);
  for (size_t j = 0; j < b.size(); ++j) b[j] = static_cast<float>(j);
  const std::vector<float> weights = w;
  EXPECT_EQ(prepare(nullptr, packed), LATHE_EARG);
  EXPECT_EQ(prepare(w.data(), nullptr), LATHE_EARG);
  EXPECT_EQ(prepare(w.data(), packed + 4), LATHE_EARG) << "not aligned";
  ASSERT_EQ(prepare(w.data(), packed), LATHE_OK);
  std::fill(w.begin(), w.end(), -1e30f);  // no call reads them again
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&, caller] {
      for (int call = 0; call < 20; ++call) {
        std::vector<float> x(3 * 5), y(3 * 37, -1), expected(3 * 37);
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i + caller + call) % 7);
        for (size_t i = 0; i < 3; ++i) {
          for (size_t j = 0; j < 37; ++j) {
            expected[i * 37 + j] = b[j];
            for (size_t k = 0; k < 5; ++k) {
              expected[i * 37 + j] += x[i * 5 + k] * weights[k * 37 + j];
            }
          }
        }
        ASSERT_EQ(linear(x.data(), b.data(), packed, y.data()), LATHE_OK);
        ASSERT_EQ(y, expected);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  std::vector<float> x(3 * 5), y(3 * 37);
  EXPECT_EQ(linear(x.data(), b.data(), packed + 4, y.data()), LATHE_EARG);
  EXPECT_EQ(linear(x.data(), b.data(), nullptr, y.data()), LATHE_EARG);
  EXPECT_THAT(response.wrapper_header(),
              HasSubstr("int32_t linear_prepare(\n    const float* LATHE_RESTRICT w,\n    "
                        "void* LATHE_RESTRICT packed);"));
  EXPECT_THAT(response.wrapper_header(),
              HasSubstr("int32_t linear(\n    const float* LATHE_RESTRICT x,\n    const float* "
                        "LATHE_RESTRICT b,\n    const void* LATHE_RESTRICT packed,\n    float* "
                        "LATHE_RESTRICT y);"));
}

TEST(BuildTest, ErrorsHaveTheirStatus) {
  v1::BuildRequest request = Request(v1::BUILD_PRODUCT_ARTIFACT);
  request.set_function("lathe 1\nfunc");
  EXPECT_EQ(Build(request).status(), v1::BUILD_STATUS_INVALID);
  request = Request(v1::BUILD_PRODUCT_ARTIFACT);
  request.set_trace("lathe-trace 1\nsplit(nowhere, 4)\n");
  EXPECT_EQ(Build(request).status(), v1::BUILD_STATUS_INVALID);
  EXPECT_THAT(Build(request).error(), HasSubstr("nowhere"));
  request = Request(v1::BUILD_PRODUCT_ARTIFACT);
  request.set_target("vax");
  EXPECT_EQ(Build(request).status(), v1::BUILD_STATUS_INVALID);
  request = Request(v1::BUILD_PRODUCT_UNSPECIFIED);
  EXPECT_EQ(Build(request).status(), v1::BUILD_STATUS_INVALID);
}

TEST(BuildTest, TextProductsShowTheKernel) {
  EXPECT_THAT(BuildOk(Request(v1::BUILD_PRODUCT_LLVM_IR)).output(),
              HasSubstr("define i32 @lathe_kernel(ptr"));
  EXPECT_THAT(BuildOk(Request(v1::BUILD_PRODUCT_ASSEMBLY)).output(), HasSubstr("lathe_kernel:"));
}

}  // namespace
}  // namespace lathe::testing
