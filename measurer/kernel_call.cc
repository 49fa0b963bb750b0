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
  } else if (code == LATHE_ELIBRARY) {
    return {Verdict::kRefused, absl::StrCat(message, " (it calls ", runtime.refused_routine(),
                                            ", which no library named by --library has)")};
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

absl::StatusOr<KernelArguments> KernelArguments::Create(const RunnerJob& job,
                                                        const std::vector<std::string>& inputs,
                                                        Placement placement, uint8_t poison,
                                                        const KernelArguments* shared) {
  KernelArguments made;
  auto add = [&](GuardedBuffer buffer) {
    made.buffers_.push_back(std::make_shared<const GuardedBuffer>(std::move(buffer)));
  };
  for (size_t a = 0; a < job.arguments.size(); ++a) {
    const BufferSpec& spec = job.arguments[a];
    if (shared != nullptr) {
      made.buffers_.push_back(shared->buffers_[a]);
    } else {
      ASSIGN_OR_RETURN(GuardedBuffer buffer,
                       GuardedBuffer::Create(spec.name, spec.Bytes(), ElementBytes(spec.type),
                                             placement, poison));
      std::memcpy(buffer.data(), inputs[a].data(), inputs[a].size());
      add(std::move(buffer));
    }
    made.pointers_.push_back(made.buffers_.back()->data());
    made.prepare_pointers_.push_back(nullptr);
  }
  for (uint32_t a : job.prepare.reads) made.prepare_pointers_[a] = made.pointers_[a];
  for (uint32_t a : job.prepare.replaces) made.pointers_[a] = nullptr;
  made.first_packed_ = job.arguments.size();
  for (const BufferSpec& spec : job.prepare.packed) {
    constexpr uint64_t kAlignment = 64;
    ASSIGN_OR_RETURN(GuardedBuffer buffer,
                     GuardedBuffer::Create(spec.name, spec.Bytes(), kAlignment, placement, poison));
    made.pointers_.push_back(buffer.data());
    made.prepare_pointers_.push_back(buffer.data());
    add(std::move(buffer));
  }
  return made;
}

void KernelArguments::KeepPacked() {
  packed_.clear();
  for (size_t a = first_packed_; a < buffers_.size(); ++a) {
    packed_.emplace_back(buffers_[a]->data(), buffers_[a]->bytes());
  }
}

std::optional<std::string> KernelArguments::Damage(const RunnerJob& job,
                                                   const std::vector<std::string>& inputs) const {
  auto changed = [&](const BufferSpec& spec, const GuardedBuffer& buffer, const std::string& kept,
                     std::string_view what) -> std::optional<std::string> {
    const char* now = buffer.data();
    if (std::memcmp(now, kept.data(), kept.size()) == 0) return std::nullopt;
    uint64_t byte = 0;
    while (now[byte] == kept[byte]) ++byte;
    int64_t element = static_cast<int64_t>(byte / ElementBytes(spec.type));
    return absl::StrCat("modifies its ", std::string(what), " '", spec.name, "', first at ",
                        FormatIndex(spec.shape, element));
  };
  for (size_t a = 0; a < buffers_.size(); ++a) {
    std::optional<std::string> damage = buffers_[a]->Damage();
    if (!damage && a < first_packed_ && !job.arguments[a].output) {
      damage = changed(job.arguments[a], *buffers_[a], inputs[a], "input");
    }
    if (!damage && a >= first_packed_ && !packed_.empty()) {
      size_t p = a - first_packed_;
      damage = changed(job.prepare.packed[p], *buffers_[a], packed_[p], "packed argument");
    }
    if (damage) return damage;
  }
  return std::nullopt;
}

std::optional<Failure> CallKernel(lathe_kernel_fn kernel, void* const* arguments,
                                  const KernelRuntime& runtime) {
  const uint32_t control = FloatingPointControl();
  const int32_t code = kernel(arguments, runtime.get());
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

std::optional<Failure> PreparePacked(lathe_kernel_fn prepare, const RunnerJob& job,
                                     const std::vector<std::string>& inputs,
                                     KernelRuntime::Options options, KernelArguments* arguments) {
  if (job.prepare.packed.empty()) return std::nullopt;
  options.workspace_limit = job.prepare.workspace_bytes;
  KernelRuntime runtime(options);
  for (size_t p = 0; p < job.prepare.packed.size(); ++p) {
    runtime.Watch(&arguments->buffer(job.arguments.size() + p));
  }
  std::optional<Failure> failure = CallKernel(prepare, arguments->prepare_pointers(), runtime);
  if (!failure && runtime.race().has_value()) failure = RaceFailure(job, *runtime.race());
  if (!failure) {
    if (std::optional<std::string> damage = arguments->Damage(job, inputs)) {
      failure = Failure{Verdict::kWrongOutput, *std::move(damage)};
    }
  }
  if (failure) failure->error = absl::StrCat("in prepare: ", failure->error);
  arguments->KeepPacked();
  return failure;
}

Failure RaceFailure(const RunnerJob& job, const Race& race) {
  std::string where = absl::StrCat("byte ", race.byte, " of the workspace");
  for (const auto* specs : {&job.arguments, &job.prepare.packed}) {
    for (const BufferSpec& spec : *specs) {
      if (race.in_workspace || spec.name != race.buffer) continue;
      where = spec.name +
              FormatIndex(spec.shape, static_cast<int64_t>(race.byte / ElementBytes(spec.type)));
    }
  }
  return {Verdict::kWrongOutput,
          absl::StrCat("race: two iterations of a parallel loop write ", where)};
}

}  // namespace lathe
