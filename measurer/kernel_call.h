// One set of arguments for a kernel in guarded memory, and what is verified
// around each call, whatever the kernel computes.
#ifndef LATHE_MEASURER_KERNEL_CALL_H_
#define LATHE_MEASURER_KERNEL_CALL_H_

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
  // Inputs as given, outputs filled with `poison`. ResourceExhausted without memory.
  static absl::StatusOr<KernelArguments> Create(const std::vector<BufferSpec>& arguments,
                                                const std::vector<std::string>& inputs,
                                                Placement placement, uint8_t poison);

  void* const* pointers() const { return pointers_.data(); }
  const GuardedBuffer& buffer(size_t argument) const { return buffers_[argument]; }

  // What a call did outside of its outputs: around buffers, or to inputs.
  std::optional<std::string> Damage(const std::vector<BufferSpec>& arguments,
                                    const std::vector<std::string>& inputs) const;

 private:
  std::vector<GuardedBuffer> buffers_;
  std::vector<void*> pointers_;
};

// Calls the kernel once. A failure when it returns non-zero, asks for more
// workspace than it declared, writes around the workspace, or changes the
// floating-point control state.
std::optional<Failure> CallKernel(lathe_kernel_fn kernel, const KernelArguments& arguments,
                                  const KernelRuntime& runtime);

}  // namespace lathe

#endif  // LATHE_MEASURER_KERNEL_CALL_H_
