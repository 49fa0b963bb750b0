#include "tests/compiler/codegen/compiled_kernel.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/codegen/compile.h"
#include "compiler/codegen/packed_block.h"
#include "compiler/runtime/lathe_thread_pool.h"

namespace lathe::testing {
namespace {

constexpr size_t kGuard = 256;
constexpr std::byte kPoison{0xFF};

// Element aligned, and no more: vectors must not count on alignment.
std::byte* Misaligned(std::vector<std::byte>& storage, size_t bytes, int element) {
  storage.assign(bytes + 2 * kGuard + 64, kPoison);
  auto address = reinterpret_cast<uintptr_t>(storage.data() + kGuard);
  return reinterpret_cast<std::byte*>((address + 63) / 64 * 64 + element);
}

struct PoolRuntime {
  lathe_runtime base;
  lathe_thread_pool* pool;
  std::vector<std::byte> workspace;
};

int32_t RunInPool(const lathe_runtime* rt, int64_t iterations, lathe_task task, void* closure) {
  return lathe_thread_pool_run(static_cast<PoolRuntime*>(rt->state)->pool, iterations, task,
                               closure);
}

void* GiveWorkspace(const lathe_runtime* rt, uint64_t bytes) {
  auto* self = static_cast<PoolRuntime*>(rt->state);
  self->workspace.assign(bytes + 64, kPoison);
  auto address = reinterpret_cast<uintptr_t>(self->workspace.data());
  return reinterpret_cast<void*>((address + 63) / 64 * 64);
}

// cblas_sgemm by its definition, for the calls that code generation makes.
void PlainSgemm(int32_t, int32_t transpose_a, int32_t transpose_b, int32_t m, int32_t n, int32_t k,
                float alpha, const float* a, int32_t lda, const float* b, int32_t ldb, float beta,
                float* c, int32_t ldc) {
  constexpr int32_t kTranspose = 112;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = beta * c[i * ldc + j];
      for (int64_t p = 0; p < k; ++p) {
        sum += alpha * a[transpose_a == kTranspose ? p * lda + i : i * lda + p] *
               b[transpose_b == kTranspose ? j * ldb + p : p * ldb + j];
      }
      c[i * ldc + j] = sum;
    }
  }
}

void* FindRoutine(const lathe_runtime*, const char* name) {
  return std::strcmp(name, "cblas_sgemm") == 0 ? reinterpret_cast<void*>(PlainSgemm) : nullptr;
}

absl::StatusOr<std::vector<TensorValue>> RunKernel(lathe_kernel_fn kernel, lathe_kernel_fn prepare,
                                                   const Program& lowered,
                                                   const std::vector<TensorValue>& inputs,
                                                   int threads) {
  std::vector<std::vector<std::byte>> storage(lowered.buffers.size());
  std::vector<void*> args, call_args, prepare_args;
  const PackedBlock block = PlanPackedBlock(lowered);
  size_t next_input = 0;
  for (size_t i = 0; i < lowered.buffers.size(); ++i) {
    const Buffer& buffer = lowered.buffers[i];
    if (buffer.scope != Scope::kArgument) continue;
    const size_t bytes = buffer.NumElements() * ByteSize(buffer.type);
    const bool packed = buffer.access == Access::kPacked;
    std::byte* data = Misaligned(storage[i], bytes, packed ? 0 : ByteSize(buffer.type));
    if (buffer.access != Access::kOutput && !packed) {
      std::copy_n(inputs.at(next_input++).bytes.data(), bytes, data);
    }
    args.push_back(data);
    call_args.push_back(block.replaced.contains(buffer.name) ? nullptr : data);
    prepare_args.push_back(packed || block.sources.contains(buffer.name) ? data : nullptr);
  }
  PoolRuntime runtime{};
  runtime.base = {LATHE_ABI_VERSION, sizeof(lathe_runtime), &runtime,   threads, 0,
                  RunInPool,         GiveWorkspace,         FindRoutine};
  runtime.pool = lathe_thread_pool_create(threads, nullptr, 0);
  if (runtime.pool == nullptr) return absl::ResourceExhaustedError("no threads");
  int32_t result = prepare != nullptr ? prepare(prepare_args.data(), &runtime.base) : LATHE_OK;
  if (result == LATHE_OK) result = kernel(call_args.data(), &runtime.base);
  lathe_thread_pool_destroy(runtime.pool);
  if (result != LATHE_OK) return absl::InternalError(absl::StrCat("the kernel returned ", result));

  std::vector<TensorValue> outputs;
  size_t arg = 0;
  for (size_t i = 0; i < lowered.buffers.size(); ++i) {
    const Buffer& buffer = lowered.buffers[i];
    if (buffer.scope != Scope::kArgument) continue;
    auto* data = static_cast<std::byte*>(args[arg++]);
    const size_t bytes = buffer.NumElements() * ByteSize(buffer.type);
    std::byte* end = storage[i].data() + storage[i].size();
    auto poisoned = [](std::byte b) { return b == kPoison; };
    if (!std::all_of(storage[i].data(), data, poisoned) ||
        !std::all_of(data + bytes, end, poisoned)) {
      return absl::InternalError(absl::StrCat("written outside of ", buffer.name));
    }
    if (buffer.access != Access::kOutput) continue;
    TensorValue value = TensorValue::Zeros(buffer.type, buffer.shape);
    std::copy_n(data, bytes, value.bytes.data());
    outputs.push_back(std::move(value));
  }
  return outputs;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OpenedLibrary>> OpenedLibrary::Open(const std::string& bytes) {
  const int fd = memfd_create("kernel", MFD_CLOEXEC);
  if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return absl::InternalError("cannot write the library");
  }
  void* handle = dlopen(absl::StrCat("/proc/self/fd/", fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  close(fd);
  if (handle == nullptr) return absl::InternalError(dlerror());
  return std::unique_ptr<OpenedLibrary>(new OpenedLibrary(handle));
}

OpenedLibrary::~OpenedLibrary() { dlclose(handle_); }

void* OpenedLibrary::Symbol(const char* name) const { return dlsym(handle_, name); }

absl::StatusOr<std::vector<TensorValue>> CompileAndRun(const Program& lowered,
                                                       const std::vector<TensorValue>& inputs,
                                                       const Target& target, int threads) {
  ASSIGN_OR_RETURN(std::string artifact, CompileArtifact(lowered, target, "{}"));
  ASSIGN_OR_RETURN(std::unique_ptr<OpenedLibrary> library, OpenedLibrary::Open(artifact));
  auto kernel = reinterpret_cast<lathe_kernel_fn>(library->Symbol("lathe_kernel"));
  if (kernel == nullptr) return absl::InternalError("the artifact has no lathe_kernel");
  auto prepare = reinterpret_cast<lathe_kernel_fn>(library->Symbol("lathe_prepare"));
  if ((prepare != nullptr) != static_cast<bool>(lowered.prepare)) {
    return absl::InternalError("lathe_prepare is there, or not, against the program");
  }
  return RunKernel(kernel, prepare, lowered, inputs, threads);
}

}  // namespace lathe::testing
