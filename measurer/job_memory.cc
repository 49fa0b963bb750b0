#include "measurer/job_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/status_macros.h"
#include "measurer/fault_report.h"
#include "measurer/kernel_call.h"

namespace lathe {

absl::StatusOr<Mapping> Mapping::Map(int descriptor, bool writable) {
  off_t size = lseek(descriptor, 0, SEEK_END);
  if (size <= 0) return absl::InvalidArgumentError("empty memory beside the job");
  Mapping mapping;
  mapping.bytes_ = static_cast<uint64_t>(size);
  void* data = mmap(nullptr, mapping.bytes_, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
                    descriptor, 0);
  if (data == MAP_FAILED) return absl::ResourceExhaustedError("no memory for the job");
  mapping.data_ = static_cast<char*>(data);
  return mapping;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

absl::StatusOr<LoadedKernel> LoadFrom(int descriptor) {
  ASSIGN_OR_RETURN(Mapping file, Mapping::Map(descriptor, /*writable=*/false));
  ASSIGN_OR_RETURN(LoadedKernel kernel, LoadedKernel::Load({file.data(), file.bytes()}));
  WatchKernel(kernel.base(), kernel.bytes());
  return kernel;
}

absl::Status CheckJob(const RunnerJob& job, size_t descriptors) {
  for (const auto* specs : {&job.arguments, &job.prepare.packed, &job.reference_outputs}) {
    for (const BufferSpec& spec : *specs) RETURN_IF_ERROR(CheckBufferSpec(spec));
  }
  for (const ContenderPlan& contender : job.contenders) {
    for (const BufferSpec& spec : contender.prepare.packed) RETURN_IF_ERROR(CheckBufferSpec(spec));
  }
  if (job.seeds.empty()) return absl::InvalidArgumentError("no input seeds");
  if (job.kind == JobKind::kReference) {
    return descriptors == 2 ? absl::OkStatus() : absl::InvalidArgumentError("no memory to fill");
  }
  if (descriptors != 1 + job.seeds.size() + job.contenders.size()) {
    return absl::InvalidArgumentError(
        "not reference outputs for every seed and an artifact for every contender");
  }
  std::vector<const BufferSpec*> outputs;
  for (const BufferSpec& spec : job.arguments) {
    if (spec.output) outputs.push_back(&spec);
  }
  if (outputs.empty() || outputs.size() != job.rules.size()) {
    return absl::InvalidArgumentError("not one rule for each output");
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const OutputRule& rule = job.rules[i];
    const size_t count = job.reference_outputs.size();
    if (rule.reference_value >= count || (!rule.exact && rule.reference_error >= count)) {
      return absl::InvalidArgumentError("a rule names an output that the reference lacks");
    }
    const BufferSpec& value = job.reference_outputs[rule.reference_value];
    const BufferSpec& error =
        job.reference_outputs[rule.exact ? rule.reference_value : rule.reference_error];
    if (value.Elements() != outputs[i]->Elements() || error.Elements() != value.Elements() ||
        (!rule.exact && error.type != "f64")) {
      return absl::InvalidArgumentError(
          absl::StrCat("the reference's outputs do not match '", outputs[i]->name, "'"));
    }
  }
  return absl::OkStatus();
}

RunnerJob JobOf(const RunnerJob& job, size_t kernel) {
  RunnerJob own = job;
  own.contenders.clear();
  if (kernel == 0) return own;
  own.workspace_bytes = job.contenders[kernel - 1].workspace_bytes;
  own.prepare = job.contenders[kernel - 1].prepare;
  return own;
}

absl::Status CheckPrepares(const RunnerJob& job, const LoadedKernel& kernel) {
  if ((kernel.prepare() != nullptr) != job.prepare.packed.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      job.prepare.packed.empty()
          ? "the kernel exports lathe_prepare, but the lease names nothing packed"
          : "the lease names packed arguments, but the kernel exports no lathe_prepare");
}

InputCache::Inputs InputCache::Get(const std::vector<BufferSpec>& arguments, uint64_t seed) {
  std::string key = absl::StrCat(seed);
  uint64_t bytes = 0;
  for (const BufferSpec& spec : arguments) {
    absl::StrAppend(&key, " ", spec.type, spec.output ? "!" : ":", absl::StrJoin(spec.shape, ","));
    if (!spec.output) bytes += spec.Bytes();
  }
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->key != key) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entries_.front().inputs;
  }
  auto inputs = std::make_shared<const std::vector<std::string>>(MakeInputs(arguments, seed));
  if (bytes > max_bytes_) return inputs;
  entries_.push_front({std::move(key), inputs, bytes});
  bytes_ += bytes;
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    entries_.pop_back();
  }
  return inputs;
}

}  // namespace lathe
