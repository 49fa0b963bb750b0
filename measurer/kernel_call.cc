#include "measurer/kernel_call.h"

#include <cfenv>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/compare.h"
#include "measurer/input_data.h"

namespace lathe {
namespace {

// Rounding and exception control of the calling thread, sticky flags left out.
uint32_t FloatingPointControl() {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & ~0x3fu;
#else
  return static_cast<uint32_t>(std::fegetround());
#endif
}

Failure KernelError(int32_t code, const KernelRuntime& runtime) {
  std::string message = absl::StrCat("the kernel returned ", code);
  if (runtime.refused_workspace().has_value()) {
    absl::StrAppend(&message, " after asking for ", *runtime.refused_workspace(),
                    " bytes of workspace, more than declared");
  } else if (code == LATHE_ENOMEM) {
    absl::StrAppend(&message, " (no workspace)");
  } else if (code == LATHE_EFEATURE) {
    return {Verdict::kRefused, message + " (this CPU lacks a required feature)"};
  } else if (code == LATHE_EABI) {
    return {Verdict::kRefused, message + " (it needs a newer runtime)"};
  }
  return {Verdict::kKernelError, message};
}

}  // namespace

std::vector<std::string> MakeInputs(const std::vector<BufferSpec>& arguments, uint64_t seed) {
  std::vector<std::string> inputs(arguments.size());
  for (size_t a = 0; a < arguments.size(); ++a) {
    if (arguments[a].output) continue;
    inputs[a].resize(arguments[a].Bytes());
    FillInput(seed, static_cast<int>(a), arguments[a].type, arguments[a].Elements(),
              inputs[a].data());
  }
  return inputs;
}

absl::StatusOr<KernelArguments> KernelArguments::Create(const std::vector<BufferSpec>& arguments,
                                                        const std::vector<std::string>& inputs,
                                                        Placement placement, uint8_t poison) {
  KernelArguments made;
  for (size_t a = 0; a < arguments.size(); ++a) {
    const BufferSpec& spec = arguments[a];
    ASSIGN_OR_RETURN(
        GuardedBuffer buffer,
        GuardedBuffer::Create(spec.name, spec.Bytes(), ElementBytes(spec.type), placement, poison));
    std::memcpy(buffer.data(), inputs[a].data(), inputs[a].size());
    made.pointers_.push_back(buffer.data());
    made.buffers_.push_back(std::move(buffer));
  }
  return made;
}

std::optional<std::string> KernelArguments::Damage(const std::vector<BufferSpec>& arguments,
                                                   const std::vector<std::string>& inputs) const {
  for (size_t a = 0; a < buffers_.size(); ++a) {
    if (std::optional<std::string> damage = buffers_[a].Damage()) return damage;
    if (arguments[a].output) continue;
    const char* now = buffers_[a].data();
    if (std::memcmp(now, inputs[a].data(), inputs[a].size()) == 0) continue;
    uint64_t byte = 0;
    while (now[byte] == inputs[a][byte]) ++byte;
    int64_t element = static_cast<int64_t>(byte / ElementBytes(arguments[a].type));
    return absl::StrCat("modifies its input '", arguments[a].name, "', first at ",
                        FormatIndex(arguments[a].shape, element));
  }
  return std::nullopt;
}

std::optional<Failure> CallKernel(lathe_kernel_fn kernel, const KernelArguments& arguments,
                                  const KernelRuntime& runtime) {
  const uint32_t control = FloatingPointControl();
  const int32_t code = kernel(arguments.pointers(), runtime.get());
  if (code != LATHE_OK) return KernelError(code, runtime);
  if (FloatingPointControl() != control) {
    return Failure{Verdict::kWrongOutput, "changes the floating-point control state"};
  }
  if (runtime.workspace().has_value()) {
    if (std::optional<std::string> damage = runtime.workspace()->Damage()) {
      return Failure{Verdict::kWrongOutput, *damage};
    }
  }
  return std::nullopt;
}

}  // namespace lathe
