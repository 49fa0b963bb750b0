// The pool of attached measurers: leases, fencing, expiry. Plain logic; the
// gRPC side is hub_service.h.
#ifndef LATHE_TUNER_DEVICE_POOL_H_
#define LATHE_TUNER_DEVICE_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "tuner/measure_service.h"

namespace lathe {

inline constexpr uint32_t kMeasurerProtocolVersion = 1;

// The way to one measurer. Called with the pool's lock held: must not block
// and must not call back.
class MeasurerLink {
 public:
  virtual ~MeasurerLink() = default;
  virtual void Send(v1::HubMessage message) = 0;
  virtual void Close() = 0;  // ends the connection
};

struct DevicePoolOptions {
  std::string token;  // that a measurer must present; empty: any
  absl::Duration heartbeat = absl::Seconds(5);
  absl::Duration heartbeat_timeout = absl::Seconds(30);  // of silence: the measurer is lost
  absl::Duration lease_grace = absl::Seconds(15);        // beyond the lease's own timeout
  int max_attempts = 3;  // lost leases of one trial before it counts as a crash
  std::function<absl::Time()> clock = absl::Now;
};

// A trial is leased to one measurer at a time. When that is lost, or the lease
// expires, the trial goes to the front of the queue with a new fencing token;
// results under an older token are ignored, and so is a second result. After
// `max_attempts` losses its result is TRIAL_STATUS_CRASH.
class DevicePool : public MeasureService {
 public:
  using MeasurerId = int64_t;

  explicit DevicePool(DevicePoolOptions options);
  // Ends open jobs as Cancelled. Measurers must be detached before.
  ~DevicePool() override;

  absl::StatusOr<v1::Device> AwaitDevice(absl::Time deadline) override;
  void Measure(MeasureJob job, MeasureCallback done) override;
  void Cancel(const std::string& trial_id) override;

  // A measurer said hello. Sends Welcome, then work. A measurer of the same
  // device that is still attached is closed and replaced. InvalidArgument or
  // PermissionDenied for a hello that is refused.
  absl::StatusOr<MeasurerId> Attach(const v1::Hello& hello, std::shared_ptr<MeasurerLink> link);
  void Receive(MeasurerId id, const v1::MeasurerMessage& message);
  // The connection ended; its work is handed out again.
  void Detach(MeasurerId id);
  // Expires leases and silent measurers; call it every second or so.
  void Tick();
  // No measurer will come any more: ends all jobs, now and later, as Unavailable.
  void GiveUp(absl::Status why);
  // Asks all measurers to finish and leave.
  void Drain();

  int num_measurers() const;

 private:
  struct Measurer {
    v1::Device device;
    int slots = 1;
    std::shared_ptr<MeasurerLink> link;
    absl::Time last_seen;
    absl::flat_hash_set<std::string> artifacts;  // digests sent
    absl::flat_hash_set<std::string> trials;     // leased to it
  };
  struct Job {
    MeasureJob work;
    MeasureCallback done = nullptr;
    int attempts = 0;
    MeasurerId measurer = 0;  // 0: queued
    absl::Time expires = absl::InfinitePast();
  };
  using Actions = std::vector<std::function<void()>>;  // to run without the lock

  void SendArtifact(Measurer& measurer, const std::string& digest,
                    const std::shared_ptr<const std::string>& bytes);
  void Assign();
  void Grant(MeasurerId id, Measurer& measurer, Job& job);
  // The lease came to nothing: queues the trial again or ends it.
  void Lose(const std::string& trial_id, const std::string& why, Actions& actions);
  void Remove(MeasurerId id, const std::string& why, Actions& actions);
  void Finish(const std::string& trial_id, MeasureOutcome outcome, Actions& actions);
  void OnResult(MeasurerId id, const v1::MeasureResult& result, Actions& actions);
  void OnArtifactRequest(Measurer& measurer, const std::string& digest);

  const DevicePoolOptions options_;
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::map<MeasurerId, Measurer> measurers_;
  std::map<std::string, Job> jobs_;  // by trial id
  std::deque<std::string> queue_;    // trial ids that are not leased
  absl::Status broken_;              // see GiveUp
  MeasurerId last_measurer_ = 0;
  uint64_t last_token_ = 0;
};

}  // namespace lathe

#endif  // LATHE_TUNER_DEVICE_POOL_H_
