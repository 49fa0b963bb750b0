// Maps a checked artifact into this process.
#ifndef LATHE_MEASURER_LOADER_H_
#define LATHE_MEASURER_LOADER_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/runtime/lathe_kernel.h"

namespace lathe {

// A mapped kernel; unmapped when destroyed. Uses no files and no dynamic linker.
class LoadedKernel {
 public:
  // InvalidArgument when the bytes are refused (ParseArtifact),
  // ResourceExhausted when memory cannot be had.
  static absl::StatusOr<LoadedKernel> Load(std::string_view bytes);

  LoadedKernel(LoadedKernel&& other) noexcept;
  LoadedKernel& operator=(LoadedKernel&& other) noexcept;
  ~LoadedKernel();

  lathe_kernel_fn function() const { return function_; }
  lathe_kernel_fn prepare() const { return prepare_; }  // null: no packed arguments
  const char* base() const { return base_; }
  uint64_t bytes() const { return bytes_; }

 private:
  LoadedKernel(char* base, uint64_t bytes) : base_(base), bytes_(bytes) {}

  char* base_ = nullptr;
  uint64_t bytes_ = 0;
  lathe_kernel_fn function_ = nullptr;
  lathe_kernel_fn prepare_ = nullptr;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_LOADER_H_
