#include "bench/kernel.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/check.h"
#include "measurer/compare.h"
#include "measurer/lease_jobs.h"

namespace lathe {
namespace {

constexpr uint8_t kPoison = 0xff;  // NaN in every float type

}  // namespace

absl::StatusOr<std::unique_ptr<Arena>> Arena::Create(const Function& function,
                                                     const ReferenceCheck& check, uint64_t seed) {
  v1::Lease lease;
  for (v1::ArgumentSpec& spec : ArgumentsOf(function)) *lease.add_arguments() = std::move(spec);
  *lease.mutable_reference() = check.message();
  lease.add_input_seeds(seed);

  std::unique_ptr<Arena> arena(new Arena);
  arena->function_ = &function;
  arena->job_ = TrialJob(lease, {});
  ASSIGN_OR_RETURN(LoadedKernel reference, LoadedKernel::Load(*check.artifact()));
  auto values = std::make_shared<Values>();
  values->reference.resize(OutputOffsets(arena->job_.reference_outputs).back());
  std::optional<Failure> failure =
      RunReference(ReferenceJob(lease, seed), reference, values->reference.data());
  if (failure) {
    return absl::InternalError(
        absl::StrCat("the correctness reference of ", function.name, " failed: ", failure->error));
  }
  values->inputs = MakeInputs(arena->job_.arguments, seed);
  arena->values_ = std::move(values);
  RETURN_IF_ERROR(arena->Place());
  return arena;
}

absl::StatusOr<std::unique_ptr<Arena>> Arena::PlaceAnew() const {
  std::unique_ptr<Arena> arena(new Arena);
  arena->function_ = function_;
  arena->job_ = job_;
  arena->values_ = values_;
  RETURN_IF_ERROR(arena->Place());
  return arena;
}

absl::Status Arena::Place() {
  ASSIGN_OR_RETURN(KernelArguments arguments,
                   KernelArguments::Create(job_, values_->inputs, Placement::kAligned, kPoison));
  arguments_ = std::move(arguments);
  return absl::OkStatus();
}

void Arena::Reset() {
  for (size_t a = 0; a < job_.arguments.size(); ++a) {
    const GuardedBuffer& buffer = arguments_->buffer(a);
    if (job_.arguments[a].output) {
      std::memset(buffer.data(), kPoison, buffer.bytes());
    } else {
      std::memcpy(buffer.data(), values_->inputs[a].data(), values_->inputs[a].size());
    }
  }
}

std::optional<std::string> Arena::WrongOutput(double tolerance) const {
  if (auto damage = arguments_->Damage(job_, values_->inputs)) return damage;
  const std::vector<uint64_t> offsets = OutputOffsets(job_.reference_outputs);
  size_t output = 0;
  for (size_t a = 0; a < job_.arguments.size(); ++a) {
    if (!job_.arguments[a].output) continue;
    const OutputRule& rule = job_.rules[output++];
    const double* bounds = nullptr;
    if (!rule.exact) {
      bounds = reinterpret_cast<const double*>(values_->reference.data() +
                                               offsets[rule.reference_error]);
    }
    std::optional<std::string> difference = CompareOutput(
        job_.arguments[a], arguments_->buffer(a).data(),
        job_.reference_outputs[rule.reference_value],
        values_->reference.data() + offsets[rule.reference_value], bounds, rule, tolerance);
    if (difference) return difference;
  }
  return std::nullopt;
}

std::vector<void*> Arena::Pointers() const {
  void* const* pointers = arguments_->pointers();
  return {pointers, pointers + job_.arguments.size()};
}

std::vector<PeerTensor> Arena::PeerTensors() const {
  std::vector<PeerTensor> tensors;
  for (size_t a = 0; a < job_.arguments.size(); ++a) {
    const BufferSpec& spec = job_.arguments[a];
    const Argument* argument = function_->FindArgument(spec.name);
    int32_t role = spec.output                      ? LATHE_PEER_OUTPUT
                   : argument && argument->is_const ? LATHE_PEER_CONST
                                                    : LATHE_PEER_INPUT;
    tensors.push_back({spec.name, spec.type, spec.shape, role, arguments_->buffer(a).data()});
  }
  return tensors;
}

uint64_t Arena::BytesOf(bool outputs) const {
  uint64_t bytes = 0;
  for (const BufferSpec& spec : job_.arguments) {
    if (spec.output == outputs) bytes += spec.Bytes();
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<BoundKernel>> BoundKernel::Load(const v1::BuildResponse& built,
                                                               const Arena& arena,
                                                               lathe_thread_pool* pool) {
  ASSIGN_OR_RETURN(KernelMetadata metadata, ParseKernelMetadata(built.metadata()));
  ASSIGN_OR_RETURN(LoadedKernel kernel, LoadedKernel::Load(built.output()));
  KernelRuntime::Options options;
  options.pool = pool;
  options.order = pool ? LoopOrder::kThreads : LoopOrder::kForward;
  options.num_threads = pool ? lathe_thread_pool_size(pool) : 1;
  auto workspace = [&](const auto& needs) {
    return needs.workspace_bytes +
           needs.workspace_bytes_per_thread * static_cast<uint64_t>(options.num_threads);
  };
  options.workspace_limit = workspace(metadata);
  std::unique_ptr<BoundKernel> bound(new BoundKernel(std::move(kernel), arena, options));
  if (metadata.prepare) {
    options.workspace_limit = workspace(*metadata.prepare);
    RETURN_IF_ERROR(bound->Prepare(*metadata.prepare, options));
  }
  return bound;
}

BoundKernel::BoundKernel(LoadedKernel kernel, const Arena& arena,
                         const KernelRuntime::Options& options)
    : kernel_(std::move(kernel)),
      runtime_(options),
      function_(kernel_.function()),
      pointers_(arena.Pointers()) {}

absl::Status BoundKernel::Prepare(const PrepareMetadata& prepare,
                                  const KernelRuntime::Options& options) {
  if (kernel_.prepare() == nullptr) return absl::InternalError("the kernel has no lathe_prepare");
  for (const PrepareMetadata::Packed& packed : prepare.packed) {
    constexpr uint64_t kAlignment = 64;
    const BufferSpec spec{packed.name, packed.type, packed.shape};
    ASSIGN_OR_RETURN(
        GuardedBuffer buffer,
        GuardedBuffer::Create(spec.name, spec.Bytes(), kAlignment, Placement::kAligned, kPoison));
    pointers_.push_back(buffer.data());
    packed_.push_back(std::move(buffer));
  }
  KernelRuntime runtime(options);
  std::optional<Failure> failure = CallKernel(kernel_.prepare(), pointers_.data(), runtime);
  if (!failure) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("in prepare: ", failure->error));
}

std::optional<std::string> BoundKernel::CallChecked() const {
  std::optional<Failure> failure = CallKernel(function_, pointers_.data(), runtime_);
  if (failure) return failure->error;
  for (const GuardedBuffer& packed : packed_) {
    if (std::optional<std::string> damage = packed.Damage()) return damage;
  }
  return std::nullopt;
}

}  // namespace lathe
