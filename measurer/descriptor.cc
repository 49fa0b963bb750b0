#include "measurer/descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lathe {

Descriptor::~Descriptor() { Close(); }

void Descriptor::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<SharedMemory> SharedMemory::Create(uint64_t bytes) {
  SharedMemory memory;
  memory.bytes_ = bytes;
  memory.writable_ = Descriptor(memfd_create("lathe", MFD_CLOEXEC));
  if (!memory.writable_.valid() ||
      ftruncate(memory.writable_.get(), static_cast<off_t>(bytes)) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("no shared memory of ", bytes, " bytes"));
  }
  const std::string path = absl::StrCat("/proc/self/fd/", memory.writable_.get());
  memory.read_only_ = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory.read_only_.valid()) {
    return absl::InternalError("cannot open shared memory for reading (is /proc mounted?)");
  }
  return memory;
}

absl::Status SharedMemory::Write(std::string_view data) {
  off_t at = 0;
  while (!data.empty()) {
    ssize_t n = pwrite(writable_.get(), data.data(), data.size(), at);
    if (n <= 0) return absl::ResourceExhaustedError("shared memory cannot be written");
    data.remove_prefix(static_cast<size_t>(n));
    at += n;
  }
  return absl::OkStatus();
}

absl::Status SharedMemory::Read(uint64_t offset, void* out, uint64_t size) const {
  if (offset > bytes_ || size > bytes_ - offset ||
      pread(read_only_.get(), out, size, static_cast<off_t>(offset)) !=
          static_cast<ssize_t>(size)) {
    return absl::OutOfRangeError("read past the end of shared memory");
  }
  return absl::OkStatus();
}

}  // namespace lathe
