#include "measurer/guarded_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "measurer/fault_report.h"

namespace lathe {
namespace {

constexpr uint64_t kCanary = 256;
constexpr unsigned char kCanaryByte = 0xa5;

uint64_t RoundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

uint64_t PageBytes() { return static_cast<uint64_t>(getpagesize()); }

}  // namespace

absl::StatusOr<GuardedBuffer> GuardedBuffer::Create(std::string name, uint64_t bytes,
                                                    uint64_t alignment, Placement placement,
                                                    uint8_t poison) {
  const uint64_t page = PageBytes();
  const bool aligned = placement == Placement::kAligned;
  const uint64_t body = RoundUp(bytes + (aligned ? 2 * kCanary : alignment), page);
  void* mapping = mmap(nullptr, body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for '", name, "' (", bytes, " bytes)"));
  }
  GuardedBuffer buffer;
  buffer.name_ = std::move(name);
  buffer.mapping_ = static_cast<char*>(mapping);
  buffer.mapping_bytes_ = body + 2 * page;
  buffer.bytes_ = bytes;
  char* start = buffer.mapping_ + page;
  if (mprotect(start, body, PROT_READ | PROT_WRITE) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for '", buffer.name_, "' (", bytes, " bytes)"));
  }
  buffer.data_ = aligned ? start + kCanary : start + body - RoundUp(bytes, alignment);
  std::memset(start, kCanaryByte, static_cast<size_t>(buffer.data_ - start));
  std::memset(buffer.data_, poison, bytes);
  char* after = buffer.data_ + bytes;
  std::memset(after, kCanaryByte, static_cast<size_t>(start + body - after));
  WatchForFaults(buffer.name_, buffer.mapping_, buffer.mapping_bytes_, buffer.data_, bytes);
  return buffer;
}

GuardedBuffer::GuardedBuffer(GuardedBuffer&& other) noexcept { *this = std::move(other); }

GuardedBuffer& GuardedBuffer::operator=(GuardedBuffer&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_bytes_, other.mapping_bytes_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

GuardedBuffer::~GuardedBuffer() {
  if (mapping_ == nullptr) return;
  UnwatchForFaults(mapping_);
  munmap(mapping_, mapping_bytes_);
}

std::optional<std::string> GuardedBuffer::Damage() const {
  const uint64_t page = PageBytes();
  auto damaged = [](char c) { return static_cast<unsigned char>(c) != kCanaryByte; };
  for (const char* p = data_ + bytes_; p < mapping_ + mapping_bytes_ - page; ++p) {
    if (damaged(*p)) {
      return absl::StrCat("writes past the end of '", name_, "', at byte ", p - data_, " of ",
                          bytes_);
    }
  }
  for (const char* p = data_ - 1; p >= mapping_ + page; --p) {
    if (damaged(*p)) {
      return absl::StrCat("writes before the start of '", name_, "', ", data_ - p, " bytes off");
    }
  }
  return std::nullopt;
}

}  // namespace lathe
