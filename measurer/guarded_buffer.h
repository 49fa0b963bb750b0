// Memory for kernels under test: every byte outside of the buffer either faults
// or carries a pattern that is looked at afterwards.
#ifndef LATHE_MEASURER_GUARDED_BUFFER_H_
#define LATHE_MEASURER_GUARDED_BUFFER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace lathe {

enum class Placement {
  kEndAtPage,  // the last byte touches an inaccessible page
  kAligned,    // 64-byte aligned, with 256 bytes of canary on both sides
};

class GuardedBuffer {
 public:
  // `bytes` of memory filled with `poison`, on at least `alignment` (a power of
  // two up to 64). `name` is for messages. ResourceExhausted without memory.
  static absl::StatusOr<GuardedBuffer> Create(std::string name, uint64_t bytes, uint64_t alignment,
                                              Placement placement, uint8_t poison);

  GuardedBuffer(GuardedBuffer&& other) noexcept;
  GuardedBuffer& operator=(GuardedBuffer&& other) noexcept;
  ~GuardedBuffer();

  char* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }
  const std::string& name() const { return name_; }

  // What was written around the buffer ("12 bytes past the end of 'y' ..."), if anything.
  std::optional<std::string> Damage() const;

  // The whole mapping, inaccessible pages included.
  const char* mapping() const { return mapping_; }
  uint64_t mapping_bytes() const { return mapping_bytes_; }

 private:
  GuardedBuffer() = default;

  std::string name_;
  char* mapping_ = nullptr;
  uint64_t mapping_bytes_ = 0;
  char* data_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_GUARDED_BUFFER_H_
