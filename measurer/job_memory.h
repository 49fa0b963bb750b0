// The memory beside a job, mapped; and whether a job makes sense.
#ifndef LATHE_MEASURER_JOB_MEMORY_H_
#define LATHE_MEASURER_JOB_MEMORY_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "measurer/loader.h"
#include "measurer/runner_protocol.h"

namespace lathe {

// A descriptor's memory, mapped while this lives.
class Mapping {
 public:
  // InvalidArgument when there is nothing, ResourceExhausted without memory.
  static absl::StatusOr<Mapping> Map(int descriptor, bool writable);
  Mapping(Mapping&& other) noexcept { *this = std::move(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping();
  char* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Mapping() = default;
  char* data_ = nullptr;
  uint64_t bytes_ = 0;
};

// Maps the artifact; faults are reported relative to it from now on.
absl::StatusOr<LoadedKernel> LoadFrom(int descriptor);

// Whether the job's parts fit each other; the daemon has no reason to send others.
absl::Status CheckJob(const RunnerJob& job, size_t descriptors);

// The job as it is for one of its kernels: 0 is its own, then the contenders.
RunnerJob JobOf(const RunnerJob& job, size_t kernel);

// Whether `kernel` prepares what the job says, and nothing else.
absl::Status CheckPrepares(const RunnerJob& job, const LoadedKernel& kernel);

// The inputs of a function for a seed, kept between trials: the trials of one
// function share them. Not thread-safe.
class InputCache {
 public:
  using Inputs = std::shared_ptr<const std::vector<std::string>>;  // by argument
  explicit InputCache(uint64_t max_bytes) : max_bytes_(max_bytes) {}
  Inputs Get(const std::vector<BufferSpec>& arguments, uint64_t seed);

 private:
  struct Entry {
    std::string key;
    Inputs inputs;
    uint64_t bytes = 0;
  };
  const uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // the latest used first
};

}  // namespace lathe

#endif  // LATHE_MEASURER_JOB_MEMORY_H_
