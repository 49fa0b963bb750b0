// One set of arguments for a kernel in guarded memory, and what is verified
// around each call, whatever the kernel computes.
#ifndef LATHE_MEASURER_KERNEL_CALL_H_
#define LATHE_MEASURER_KERNEL_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/runtime/lathe_kernel.h"
#include "measurer/guarded_buffer.h"
#include "measurer/kernel_runtime.h"
#include "measurer/runner_protocol.h"

namespace lathe {

// What is wrong with a candidate.
struct Failure {
  Verdict verdict = Verdict::kWrongOutput;
  std::string error;
};

// The inputs of `arguments` for a seed, by argument; outputs stay empty.
std::vector<std::string> MakeInputs(const std::vector<BufferSpec>& arguments, uint64_t seed);

class KernelArguments {
 public:
  // Inputs as given, outputs and packed arguments filled with `poison`. With `shared`, of
  // the same shapes, all but packed arguments are its memory, as it stands.
  // ResourceExhausted without memory.
  static absl::StatusOr<KernelArguments> Create(const RunnerJob& job,
                                                const std::vector<std::string>& inputs,
                                                Placement placement, uint8_t poison,
                                                const KernelArguments* shared = nullptr);

  // Null where the kernel, or what prepares for it, may not look.
  void* const* pointers() const { return pointers_.data(); }
  void* const* prepare_pointers() const { return prepare_pointers_.data(); }
  // Packed arguments follow those of the job.
  const GuardedBuffer& buffer(size_t argument) const { return *buffers_[argument]; }

  // With other arguments that were made of these, or that these were made of.
  bool is_shared() const { return !buffers_.empty() && buffers_[0].use_count() > 1; }

  // From here on, packed arguments may not change.
  void KeepPacked();

  // What a call did outside of its outputs: around buffers, to inputs, or to
  // packed arguments that were to be kept.
  std::optional<std::string> Damage(const RunnerJob& job,
                                    const std::vector<std::string>& inputs) const;

 private:
  std::vector<std::shared_ptr<const GuardedBuffer>> buffers_;
  std::vector<void*> pointers_, prepare_pointers_;
  size_t first_packed_ = 0;
  std::vector<std::string> packed_;  // contents to keep; empty until KeepPacked
};

// Calls a kernel, or what prepares for it, once. A failure when it returns non-zero, asks for more
// workspace than it declared, writes around the workspace, or changes the
// floating-point control state.
std::optional<Failure> CallKernel(lathe_kernel_fn kernel, void* const* arguments,
                                  const KernelRuntime& runtime);

// Fills the packed arguments of `job`, if it has any, in the way and with the
// failures of CallKernel and those of Damage; all say "in prepare". The
// runtime's options are `options` with the workspace of prepare; with races
// looked for in packed arguments.
std::optional<Failure> PreparePacked(lathe_kernel_fn prepare, const RunnerJob& job,
                                     const std::vector<std::string>& inputs,
                                     KernelRuntime::Options options, KernelArguments* arguments);

// The failure of a kernel whose parallel loops write `race` twice.
Failure RaceFailure(const RunnerJob& job, const Race& race);

}  // namespace lathe

#endif  // LATHE_MEASURER_KERNEL_CALL_H_
