#include "measurer/cache_flush.h"

#include <algorithm>
#include <cstddef>

#if defined(__x86_64__)
#include <cpuid.h>
#include <emmintrin.h>
#endif

namespace lathe {
namespace {

constexpr uint64_t kLine = 64;

#if defined(__x86_64__)

bool HasClflushopt() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 23 & 1) != 0;
}

// Orders of magnitude faster than clflush, whose instances wait for each other.
__attribute__((target("clflushopt"))) void FlushLinesUnordered(const char* from, const char* to) {
  for (const char* line = from; line < to; line += kLine) {
    __builtin_ia32_clflushopt(const_cast<char*>(line));
  }
}

void FlushLines(const char* from, const char* to) {
  static const bool unordered = HasClflushopt();
  if (unordered) return FlushLinesUnordered(from, to);
  for (const char* line = from; line < to; line += kLine) _mm_clflush(line);
}

void Finish() { _mm_mfence(); }

#elif defined(__aarch64__)

void FlushLines(const char* from, const char* to) {
  for (const char* line = from; line < to; line += kLine) {
    asm volatile("dc civac, %0" : : "r"(line) : "memory");
  }
}

void Finish() { asm volatile("dsb sy" : : : "memory"); }

#else

void FlushLines(const char*, const char*) {}
void Finish() {}

#endif

}  // namespace

CacheFlusher::CacheFlusher(uint64_t largest_cache_bytes)
    : walk_bytes_(std::clamp<uint64_t>(2 * largest_cache_bytes, 16 << 20, 512 << 20)) {}

bool CacheFlusher::ByInstruction() {
#if defined(__x86_64__) || defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

void CacheFlusher::Flush(const std::vector<MemoryRange>& ranges) {
  if (!ByInstruction()) return Walk();
  for (const MemoryRange& range : ranges) {
    if (range.bytes == 0) continue;
    const uint64_t within = reinterpret_cast<uintptr_t>(range.data) % kLine;
    FlushLines(range.data - within, range.data + range.bytes);
  }
  Finish();
}

void CacheFlusher::Walk() {
  if (walk_.empty()) walk_.resize(walk_bytes_);
  for (size_t i = 0; i < walk_.size(); i += kLine) {
    volatile char* line = walk_.data() + i;
    *line = static_cast<char>(*line + 1);
  }
}

}  // namespace lathe
