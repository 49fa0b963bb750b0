#include "cli/kernel_call.h"

#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "compiler/base/status_macros.h"
#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/loader.h"

namespace lathe::cli {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using AlignedBytes = std::unique_ptr<void, Free>;

// 64-byte aligned memory; never null, also for zero bytes.
AlignedBytes Allocate(uint64_t bytes) {
  return AlignedBytes(std::aligned_alloc(64, (bytes / 64 + 1) * 64));
}

struct EndThreads {
  void operator()(lathe_thread_pool* pool) const { lathe_thread_pool_destroy(pool); }
};
using ThreadPool = std::unique_ptr<lathe_thread_pool, EndThreads>;

// The runtime of one call: a thread pool and the kernel's workspace.
struct CallRuntime {
  lathe_runtime base;
  lathe_thread_pool* pool;
  void* workspace;
  uint64_t workspace_bytes;
};

int32_t ParallelFor(const lathe_runtime* rt, int64_t iterations, lathe_task task, void* closure) {
  return lathe_thread_pool_run(static_cast<CallRuntime*>(rt->state)->pool, iterations, task,
                               closure);
}

void* Workspace(const lathe_runtime* rt, uint64_t bytes) {
  auto* self = static_cast<CallRuntime*>(rt->state);
  return bytes <= self->workspace_bytes ? self->workspace : nullptr;
}

TensorValue OutputValue(const Stage& stage) {
  std::vector<int64_t> shape;
  for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
  return TensorValue::Zeros(stage.type, std::move(shape));
}

// Calls the kernel, or what prepares for it, with the workspace that its
// metadata asks for.
absl::Status Call(lathe_kernel_fn function, const char* what, const Json& needs,
                  lathe_thread_pool* pool, const std::vector<void*>& args) {
  const int32_t threads = lathe_thread_pool_size(pool);
  CallRuntime runtime{};
  runtime.workspace_bytes = needs["workspace_bytes"].get<uint64_t>() +
                            needs["workspace_bytes_per_thread"].get<uint64_t>() * threads;
  AlignedBytes workspace = Allocate(runtime.workspace_bytes);
  runtime.workspace = workspace.get();
  runtime.pool = pool;
  runtime.base.abi_version = LATHE_ABI_VERSION;
  runtime.base.struct_size = sizeof(lathe_runtime);
  runtime.base.state = &runtime;
  runtime.base.num_threads = threads;
  runtime.base.parallel_for = ParallelFor;
  runtime.base.workspace = Workspace;
  int32_t code = function(args.data(), &runtime.base);
  if (code == LATHE_OK) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(what, " returned ", code));
}

}  // namespace

absl::StatusOr<std::vector<TensorValue>> CallKernel(const Function& function,
                                                    const std::string& artifact,
                                                    const std::string& metadata,
                                                    absl::Span<const TensorValue> inputs,
                                                    int threads) {
  ASSIGN_OR_RETURN(LoadedKernel kernel, LoadedKernel::Load(artifact));
  Json parsed = Json::parse(metadata, nullptr, false);
  if (parsed.is_discarded()) return absl::InternalError("the kernel has no metadata");

  std::vector<TensorValue> outputs;
  for (const std::string& name : function.outputs) {
    outputs.push_back(OutputValue(*function.FindStage(name)));
  }
  std::vector<AlignedBytes> buffers;
  std::vector<void*> args;
  auto add_buffer = [&](size_t bytes) {
    buffers.push_back(Allocate(bytes));
    args.push_back(buffers.back().get());
  };
  for (const TensorValue& input : inputs) {
    add_buffer(input.bytes.size());
    std::copy(input.bytes.begin(), input.bytes.end(), static_cast<std::byte*>(args.back()));
  }
  for (const TensorValue& output : outputs) add_buffer(output.bytes.size());

  const Json& prepare = parsed["prepare"];
  if (!prepare.is_null()) {
    for (const Json& packed : prepare["packed"]) add_buffer(packed["bytes"].get<size_t>());
  }
  ThreadPool pool(lathe_thread_pool_create(threads, nullptr, 0));
  if (!pool) return absl::ResourceExhaustedError("cannot start the kernel's threads");
  if (kernel.prepare() != nullptr) {
    RETURN_IF_ERROR(Call(kernel.prepare(), "lathe_prepare", prepare, pool.get(), args));
  }
  RETURN_IF_ERROR(Call(kernel.function(), "the kernel", parsed, pool.get(), args));

  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto* data = static_cast<const std::byte*>(args[inputs.size() + i]);
    std::copy(data, data + outputs[i].bytes.size(), outputs[i].bytes.begin());
  }
  return outputs;
}

}  // namespace lathe::cli
