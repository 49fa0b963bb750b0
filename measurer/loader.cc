#include "measurer/loader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "compiler/base/status_macros.h"
#include "measurer/artifact_image.h"

namespace lathe {

absl::StatusOr<LoadedKernel> LoadedKernel::Load(std::string_view bytes) {
  ASSIGN_OR_RETURN(ArtifactImage image, ParseArtifact(bytes));
  void* base =
      mmap(nullptr, image.memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return absl::ResourceExhaustedError("no memory for the artifact");
  LoadedKernel kernel(static_cast<char*>(base), image.memory_bytes);
  for (const ImageSegment& s : image.segments) {
    std::memcpy(kernel.base_ + s.address, bytes.data() + s.file_offset, s.file_bytes);
  }
  for (const ImageRelocation& r : image.relocations) {
    uint64_t value = reinterpret_cast<uint64_t>(kernel.base_) + r.addend;
    std::memcpy(kernel.base_ + r.address, &value, sizeof(value));
  }
  __builtin___clear_cache(kernel.base_, kernel.base_ + image.memory_bytes);
  // Code and constants lose their write permission, gaps become inaccessible.
  if (mprotect(base, image.memory_bytes, PROT_NONE) != 0) {
    return absl::ResourceExhaustedError("cannot protect the artifact");
  }
  const uint64_t page = static_cast<uint64_t>(getpagesize());
  for (const ImageSegment& s : image.segments) {
    uint64_t start = s.address / page * page;
    int protection = PROT_READ | (s.writable ? PROT_WRITE : 0) | (s.executable ? PROT_EXEC : 0);
    if (mprotect(kernel.base_ + start, s.address + s.memory_bytes - start, protection) != 0) {
      return absl::ResourceExhaustedError("cannot protect the artifact");
    }
  }
  kernel.function_ = reinterpret_cast<lathe_kernel_fn>(kernel.base_ + image.kernel);
  if (image.prepare != 0) {
    kernel.prepare_ = reinterpret_cast<lathe_kernel_fn>(kernel.base_ + image.prepare);
  }
  return kernel;
}

LoadedKernel::LoadedKernel(LoadedKernel&& other) noexcept { *this = std::move(other); }

LoadedKernel& LoadedKernel::operator=(LoadedKernel&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(function_, other.function_);
  std::swap(prepare_, other.prepare_);
  return *this;
}

LoadedKernel::~LoadedKernel() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

}  // namespace lathe
