// Peer: ONNX Runtime, of the library that the user points to. Variants: "" with
// constant operands as inputs, "[P]" with them in the model, packed ahead.
#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "bench/peers/onnx_operators.h"
#include "bench/peers/plugin.h"

namespace lathe::peers {
namespace {

constexpr uint32_t kOldest = 12;  // 1.12 is the first with opset 17

// Set once, before anything is opened.
const OrtApi* api = nullptr;
OrtEnv* environment = nullptr;
int threads = 1;

void Check(OrtStatus* status) {
  if (!status) return;
  const std::string message = api->GetErrorMessage(status);
  api->ReleaseStatus(status);
  throw std::runtime_error(message);
}

template <typename T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

// Calls make(arguments..., &result), which creates what `release` frees.
template <typename T, typename Make, typename... Arguments>
Handle<T> Create(void (*release)(T*), Make make, Arguments... arguments) {
  T* result = nullptr;
  Check(make(arguments..., &result));
  return Handle<T>(result, release);
}

Handle<OrtSessionOptions> Options() {
  auto options = Create(api->ReleaseSessionOptions, api->CreateSessionOptions);
  Check(api->SetIntraOpNumThreads(options.get(), threads));
  Check(api->SetInterOpNumThreads(options.get(), 1));
  Check(api->SetSessionExecutionMode(options.get(), ORT_SEQUENTIAL));
  Check(api->SetSessionGraphOptimizationLevel(options.get(), ORT_ENABLE_ALL));
  // Its threads wait for work by spinning; they shall not while others are timed.
  Check(api->AddSessionConfigEntry(options.get(), "session.force_spinning_stop", "1"));
  return options;
}

// A session with its inputs and output bound to the problem's memory.
class Session {
 public:
  explicit Session(const onnx::BoundGraph& bound)
      : session_(Load(onnx::Serialize(bound.graph))),
        memory_(Create(api->ReleaseMemoryInfo, api->CreateCpuMemoryInfo, OrtDeviceAllocator,
                       OrtMemTypeDefault)),
        run_options_(Create(api->ReleaseRunOptions, api->CreateRunOptions)),
        binding_(Create(api->ReleaseIoBinding, api->CreateIoBinding, session_.get())) {
    for (size_t i = 0; i < bound.inputs.size(); ++i) {
      const onnx::Value& input = bound.graph.inputs[i];
      Check(api->BindInput(binding_.get(), input.name.c_str(), Wrap(input, bound.inputs[i])));
    }
    const onnx::Value& output = bound.graph.outputs[0];
    Check(api->BindOutput(binding_.get(), output.name.c_str(), Wrap(output, bound.output)));
  }

  void Run() { Check(api->RunWithBinding(session_.get(), run_options_.get(), binding_.get())); }

 private:
  static Handle<OrtSession> Load(const std::string& model) {
    const Handle<OrtSessionOptions> options = Options();
    return Create(api->ReleaseSession, api->CreateSessionFromArray, environment, model.data(),
                  model.size(), options.get());
  }

  OrtValue* Wrap(const onnx::Value& value, void* data) {
    size_t bytes = sizeof(float);
    for (int64_t extent : value.shape) bytes *= static_cast<size_t>(extent);
    values_.push_back(Create(api->ReleaseValue, api->CreateTensorWithDataAsOrtValue, memory_.get(),
                             data, bytes, value.shape.data(), value.shape.size(),
                             ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT));
    return values_.back().get();
  }

  Handle<OrtSession> session_;
  Handle<OrtMemoryInfo> memory_;
  Handle<OrtRunOptions> run_options_;
  std::vector<Handle<OrtValue>> values_;
  Handle<OrtIoBinding> binding_;
};

int32_t Open(const lathe_peer_problem* problem, lathe_peer_runner* runners, int32_t capacity) {
  const Problem p(problem);
  std::vector<Variant> variants;
  auto add = [&](const char* name, bool constants_inside) {
    std::optional<onnx::BoundGraph> bound = onnx::GraphOf(p, constants_inside);
    if (!bound) return;
    variants.push_back({name, [bound = *std::move(bound)] {
                          return [session = std::make_shared<Session>(bound)] { session->Run(); };
                        }});
  };
  add("", false);
  const bool has_constants =
      std::any_of(p.inputs().begin(), p.inputs().end(),
                  [](const lathe_peer_tensor* tensor) { return tensor->role == LATHE_PEER_CONST; });
  if (has_constants) add("[P]", true);
  return OpenVariants(variants, runners, capacity);
}

// Loads the library; throws what is wrong with it. Returns its version.
std::string Load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  using GetApiBase = const OrtApiBase* (*)();
  auto base = reinterpret_cast<GetApiBase>(dlsym(library, "OrtGetApiBase"));
  if (!base) throw std::runtime_error(std::string(path) + " is no ONNX Runtime");
  // Release 1.N has the interfaces 1 to N; asking for another writes to stderr.
  std::string version = base()->GetVersionString();
  const size_t dot = version.find('.');
  const uint32_t release =
      dot == std::string::npos
          ? 0
          : static_cast<uint32_t>(std::strtoul(version.c_str() + dot + 1, nullptr, 10));
  if (release >= kOldest) api = base()->GetApi(std::min<uint32_t>(release, ORT_API_VERSION));
  if (!api) throw std::runtime_error("ONNX Runtime " + version + " is older than 1.12");
  Check(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "lathe", &environment));
  return version;
}

}  // namespace
}  // namespace lathe::peers

extern "C" const lathe_peer* lathe_peer_entry(const lathe_peer_host* host) {
  auto refuse = [&](const char* why) {
    lathe::peers::Copy(host->error, LATHE_PEER_ERROR_BYTES, why);
    return nullptr;
  };
  if (!host->onnxruntime) return refuse("name its library: --onnxruntime PATH/libonnxruntime.so.1");
  lathe::peers::threads = host->threads;
  try {
    static const std::string version = lathe::peers::Load(host->onnxruntime);
    static const lathe_peer peer{LATHE_PEER_ABI, "onnxruntime", version.c_str(),
                                 lathe::peers::Open};
    return &peer;
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
}
