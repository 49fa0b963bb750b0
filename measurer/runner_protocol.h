// What the daemon and its runner say to each other, over a socket pair that
// only the two share: one job down, one reply up. Large data travels as file
// descriptors of memory (memfd) beside the job.
#ifndef LATHE_MEASURER_RUNNER_PROTOCOL_H_
#define LATHE_MEASURER_RUNNER_PROTOCOL_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

// Descriptors that a runner starts with.
constexpr int kRunnerSocket = 3;
constexpr int kRunnerStatusPage = 4;

struct BufferSpec {
  std::string name;
  std::string type;  // as in tensor functions
  std::vector<int64_t> shape;
  bool output = false;

  int64_t Elements() const;
  uint64_t Bytes() const;  // Elements() times the type's size
};

// Bytes of one element; 0 for an unknown type.
uint64_t ElementBytes(std::string_view type);

// InvalidArgument when a type is unknown, an extent below 1, or the size above 2^40.
absl::Status CheckBufferSpec(const BufferSpec& spec);

// Where the outputs of a reference lie in its memory: one after another, each
// on a multiple of 64 bytes. One more entry than outputs: the end.
std::vector<uint64_t> OutputOffsets(const std::vector<BufferSpec>& outputs);

// How one output is judged; see lathe.v1.OutputCheck.
struct OutputRule {
  uint32_t reference_value = 0;
  bool exact = false;
  uint32_t reference_error = 0;
  double unit_roundoff = 0;
};

// See lathe.v1.TimingOptions; every field is set.
struct TimingPlan {
  bool cold = false;
  int32_t threads = 1;
  std::vector<int32_t> cpus;  // to pin to; empty: no pinning
  double min_sample_seconds = 0;
  uint32_t min_samples = 0;
  uint32_t max_samples = 0;
  double budget_seconds = 0;
  double target_relative_interval = 0;
  double abandon_above_seconds = 0;  // 0: never
  uint32_t blocks = 0;               // 0: one, in which samples are taken until they suffice
};

enum class JobKind : uint32_t {
  kReference = 1,  // run the artifact once; descriptors: artifact, writable outputs
  kTrial = 2,      // check and time; descriptors: artifact, outputs for each seed,
                   // artifact of each contender
};

// See lathe.v1.Prepare; nothing packed: the kernel prepares nothing.
struct PreparePlan {
  std::vector<BufferSpec> packed;
  uint64_t workspace_bytes = 0;           // at most, all threads together
  std::vector<uint32_t> reads, replaces;  // positions of arguments
};

// See lathe.v1.Contender.
struct ContenderPlan {
  uint64_t workspace_bytes = 0;  // at most, all threads together
  PreparePlan prepare;
};

struct RunnerJob {
  JobKind kind = JobKind::kTrial;
  std::vector<BufferSpec> arguments;  // inputs, then outputs
  uint64_t workspace_bytes = 0;       // at most, all threads together
  PreparePlan prepare;
  std::vector<uint64_t> seeds;  // one for a reference
  std::vector<BufferSpec> reference_outputs;
  std::vector<OutputRule> rules;  // one for each output
  double tolerance_factor = 0;
  TimingPlan timing;
  bool check_only = false;
  std::vector<ContenderPlan> contenders;
  double canary_baseline = 0;  // seconds on these CPUs; 0: not known yet
  double seconds = 0;          // wall time left; the daemon kills the runner after it
};

enum class Verdict : uint32_t {
  kOk = 1,
  kWrongOutput = 2,
  kRefused = 3,      // the artifact cannot be loaded, or the job makes no sense
  kAbandoned = 4,    // clearly slower than asked for
  kKernelError = 5,  // returned non-zero
};

// See lathe.v1.Conditions: unreadable values are negative.
struct BatchConditions {
  double frequency_mhz = -1;
  double temperature_celsius = -1;
  double load_average = -1;
  double steal_fraction = -1;
  int64_t migrations = -1;
  int64_t involuntary_switches = -1;
  bool contaminated = false;
  uint32_t repeats = 0;
  double drift = -1;
  double canary_seconds = -1;    // what `drift` was computed from
  double frequency_change = -1;  // relative, from the batch's start to its end
};

struct ContenderReply {
  Verdict verdict = Verdict::kOk;
  std::string error;
  std::vector<double> samples;  // seconds a call, by round
  uint64_t calls_per_sample = 0;
};

struct RunnerReply {
  Verdict verdict = Verdict::kOk;
  std::string error;
  double check_seconds = 0;
  std::vector<double> samples;  // seconds a call, in order
  uint64_t calls_per_sample = 0;
  BatchConditions conditions;
  std::vector<ContenderReply> contenders;  // as in the job
  uint32_t rounds = 0;                     // of a block
};

// The page that tells the daemon how a runner died: shared memory.
struct RunnerStatusPage {
  enum Phase : uint32_t { kIdle, kLoading, kReference, kPreparing, kChecking, kTiming };
  std::atomic<uint32_t> phase;
  std::atomic<uint32_t> contender;     // at work: 0 is the job's own kernel, then in order
  std::atomic<uint32_t> fault_signal;  // 0: none caught
  char detail[256];                    // NUL-terminated, of the fault
};

std::string EncodeJob(const RunnerJob& job);
absl::StatusOr<RunnerJob> DecodeJob(std::string_view bytes);
std::string EncodeReply(const RunnerReply& reply);
absl::StatusOr<RunnerReply> DecodeReply(std::string_view bytes);

// Length-delimited frames over a stream socket. `descriptors` travel with the
// frame and stay the sender's; received ones are the receiver's to close.
absl::Status SendFrame(int socket, std::string_view bytes, const std::vector<int>& descriptors);
// Unavailable when the peer has closed its end between frames.
absl::StatusOr<std::string> ReceiveFrame(int socket, std::vector<int>* descriptors);

}  // namespace lathe

#endif  // LATHE_MEASURER_RUNNER_PROTOCOL_H_
