// File descriptors that close themselves, and memory that processes share.
#ifndef LATHE_MEASURER_DESCRIPTOR_H_
#define LATHE_MEASURER_DESCRIPTOR_H_

#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lathe {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// Anonymous memory of a fixed size (memfd). The writable descriptor is for who
// fills it; the other one cannot be written through.
class SharedMemory {
 public:
  static absl::StatusOr<SharedMemory> Create(uint64_t bytes);

  uint64_t bytes() const { return bytes_; }
  int writable() const { return writable_.get(); }
  int read_only() const { return read_only_.get(); }

  absl::Status Write(std::string_view data);  // at the start
  absl::Status Read(uint64_t offset, void* out, uint64_t size) const;

 private:
  Descriptor writable_;
  Descriptor read_only_;
  uint64_t bytes_ = 0;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_DESCRIPTOR_H_
