// One set of tensors that every contestant of a workload works on, and our
// kernels bound to it.
#ifndef LATHE_BENCH_KERNEL_H_
#define LATHE_BENCH_KERNEL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/peer_library.h"
#include "compiler/runtime/lathe_thread_pool.h"
#include "compiler/tensor/function.h"
#include "lathe/v1/build.pb.h"
#include "measurer/kernel_call.h"
#include "measurer/loader.h"
#include "tuner/kernel_metadata.h"
#include "tuner/reference_check.h"

namespace lathe {

// The tensors of a workload with their values, and what is known of its outputs.
class Arena {
 public:
  // Computes the reference of `check` for inputs of `seed`. Internal when the
  // reference itself fails; ResourceExhausted without memory.
  static absl::StatusOr<std::unique_ptr<Arena>> Create(const Function& function,
                                                       const ReferenceCheck& check, uint64_t seed);

  // The same values in memory of their own: what pages a tensor lies on decides how
  // well caches hold it. ResourceExhausted without memory.
  absl::StatusOr<std::unique_ptr<Arena>> PlaceAnew() const;

  // Inputs as they were, whatever was done to them, and outputs filled with a pattern
  // that no kernel computes.
  void Reset();
  // What is wrong with the outputs as they stand: an error beyond `tolerance`
  // times the reference's bound, or damage around the tensors. A strict result
  // stays within kToleranceFactor.
  std::optional<std::string> WrongOutput(double tolerance) const;

  // The tensors in the order of the kernel ABI.
  std::vector<void*> Pointers() const;
  std::vector<PeerTensor> PeerTensors() const;
  uint64_t input_bytes() const { return BytesOf(false); }
  uint64_t output_bytes() const { return BytesOf(true); }

 private:
  struct Values {
    std::vector<std::string> inputs;
    std::string reference;
  };

  Arena() = default;
  absl::Status Place();
  uint64_t BytesOf(bool outputs) const;

  const Function* function_ = nullptr;
  RunnerJob job_;  // how outputs are judged
  std::shared_ptr<const Values> values_;
  std::optional<KernelArguments> arguments_;
};

// A kernel of ours, loaded, its packed arguments prepared, and bound. The one place that knows how
// they are called.
class BoundKernel {
 public:
  // `arena` and `pool` (null: one thread) must outlive it.
  static absl::StatusOr<std::unique_ptr<BoundKernel>> Load(const v1::BuildResponse& built,
                                                           const Arena& arena,
                                                           lathe_thread_pool* pool);
  BoundKernel(const BoundKernel&) = delete;
  BoundKernel& operator=(const BoundKernel&) = delete;

  // Calls it once with every precaution; the failure, if it fails.
  std::optional<std::string> CallChecked() const;
  bool Call() const { return function_(pointers_.data(), runtime_.get()) == LATHE_OK; }

 private:
  BoundKernel(LoadedKernel kernel, const Arena& arena, const KernelRuntime::Options& options);

  absl::Status Prepare(const PrepareMetadata& prepare, const KernelRuntime::Options& options);

  LoadedKernel kernel_;
  std::vector<GuardedBuffer> packed_;
  KernelRuntime runtime_;
  lathe_kernel_fn function_;
  std::vector<void*> pointers_;
};

}  // namespace lathe

#endif  // LATHE_BENCH_KERNEL_H_
