#include "tuner/device_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"

namespace lathe {
namespace {

void Run(const std::vector<std::function<void()>>& actions) {
  for (const auto& action : actions) action();
}

}  // namespace

DevicePool::DevicePool(DevicePoolOptions options) : options_(std::move(options)) {}

DevicePool::~DevicePool() {
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    CHECK(measurers_.empty());
    while (!jobs_.empty()) {
      std::string trial = jobs_.begin()->first;
      Finish(trial, {absl::CancelledError("the device pool was stopped"), {}, ""}, actions);
    }
  }
  Run(actions);
}

absl::StatusOr<v1::Device> DevicePool::AwaitDevice(absl::Time deadline) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto ready = [this] { return !measurers_.empty() || !broken_.ok(); };
  if (!changed_.wait_until(lock, absl::ToChronoTime(deadline), ready)) {
    return absl::DeadlineExceededError("no measurer attached in time");
  }
  if (!broken_.ok()) return broken_;
  return measurers_.begin()->second.device;
}

void DevicePool::Measure(MeasureJob job, MeasureCallback done) {
  absl::Status broken;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    broken = broken_;
    if (broken.ok()) {
      std::string trial = job.lease.trial_id();
      bool is_new = jobs_.emplace(trial, Job{std::move(job), std::move(done)}).second;
      CHECK(is_new) << "trial " << trial << " is already under way";
      queue_.push_back(trial);
      Assign();
    }
  }
  if (!broken.ok()) done({broken, {}, ""});
}

void DevicePool::Cancel(const std::string& trial_id) {
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto job = jobs_.find(trial_id);
    if (job == jobs_.end()) return;
    auto measurer = measurers_.find(job->second.measurer);
    if (measurer != measurers_.end()) {
      v1::HubMessage message;
      message.mutable_cancel()->set_lease_id(job->second.work.lease.lease_id());
      measurer->second.link->Send(std::move(message));
    }
    Finish(trial_id, {absl::CancelledError("cancelled"), {}, ""}, actions);
    Assign();
  }
  Run(actions);
}

absl::StatusOr<DevicePool::MeasurerId> DevicePool::Attach(const v1::Hello& hello,
                                                          std::shared_ptr<MeasurerLink> link) {
  if (hello.protocol_version() != kMeasurerProtocolVersion) {
    return absl::InvalidArgumentError(absl::StrCat("measurer speaks protocol version ",
                                                   hello.protocol_version(), ", this hub version ",
                                                   kMeasurerProtocolVersion));
  }
  if (hello.device().uuid().empty() || hello.device().kind().text().empty()) {
    return absl::InvalidArgumentError("hello without device identity");
  }
  if (!options_.token.empty() && hello.token() != options_.token) {
    return absl::PermissionDeniedError("wrong token");
  }
  MeasurerId id;
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& [other, measurer] : measurers_) {
      if (measurer.device.uuid() != hello.device().uuid()) continue;
      measurer.link->Close();
      Remove(other, "its measurer attached again", actions);
      break;
    }
    id = ++last_measurer_;
    Measurer& measurer = measurers_[id];
    measurer.device = hello.device();
    measurer.slots = static_cast<int>(std::clamp<uint32_t>(hello.slots(), 1, 64));
    measurer.link = std::move(link);
    measurer.last_seen = options_.clock();
    v1::HubMessage message;
    v1::Welcome* welcome = message.mutable_welcome();
    welcome->set_protocol_version(kMeasurerProtocolVersion);
    welcome->set_heartbeat_seconds(
        static_cast<uint32_t>(std::max<int64_t>(1, absl::ToInt64Seconds(options_.heartbeat))));
    welcome->set_lease_seconds(static_cast<uint32_t>(absl::ToInt64Seconds(options_.lease_grace)));
    measurer.link->Send(std::move(message));
    changed_.notify_all();
    Assign();
  }
  Run(actions);
  return id;
}

void DevicePool::Receive(MeasurerId id, const v1::MeasurerMessage& message) {
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto measurer = measurers_.find(id);
    if (measurer == measurers_.end()) return;  // replaced or declared lost meanwhile
    measurer->second.last_seen = options_.clock();
    if (message.has_result()) OnResult(id, message.result(), actions);
    if (message.has_artifact_request()) {
      OnArtifactRequest(measurer->second, message.artifact_request().digest());
    }
    Assign();
  }
  Run(actions);
}

void DevicePool::OnResult(MeasurerId id, const v1::MeasureResult& result, Actions& actions) {
  auto job = jobs_.find(result.trial_id());
  if (job == jobs_.end() || job->second.measurer != id) return;
  if (result.fencing_token() != job->second.work.lease.fencing_token()) return;
  if (result.status() == v1::TRIAL_STATUS_UNSPECIFIED) {
    Lose(result.trial_id(), "the measurer sent a result without status", actions);
    return;
  }
  // Nobody here asked for it, else the job would be gone.
  if (result.status() == v1::TRIAL_STATUS_CANCELLED) {
    Lose(result.trial_id(), "the measurer gave the lease back", actions);
    return;
  }
  std::string uuid = measurers_.at(id).device.uuid();
  Finish(result.trial_id(), {absl::OkStatus(), result, std::move(uuid)}, actions);
}

void DevicePool::OnArtifactRequest(Measurer& measurer, const std::string& digest) {
  for (const std::string& trial : measurer.trials) {
    const MeasureJob& work = jobs_.at(trial).work;
    std::shared_ptr<const std::string> bytes;
    if (work.lease.reference().digest() == digest) bytes = work.reference;
    if (work.lease.digest() == digest) bytes = work.artifact;
    for (int c = 0; c < work.lease.contenders_size(); ++c) {
      if (work.lease.contenders(c).digest() == digest) bytes = work.contenders[c];
    }
    if (bytes == nullptr) continue;
    measurer.artifacts.erase(digest);
    SendArtifact(measurer, digest, bytes);
    return;
  }
}

void DevicePool::Detach(MeasurerId id) {
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Remove(id, "its connection ended", actions);
    Assign();
  }
  Run(actions);
}

void DevicePool::Tick() {
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    absl::Time now = options_.clock();
    std::vector<MeasurerId> silent;
    for (auto& [id, measurer] : measurers_) {
      if (now - measurer.last_seen > options_.heartbeat_timeout) silent.push_back(id);
    }
    for (MeasurerId id : silent) {
      measurers_.at(id).link->Close();
      Remove(id, "it fell silent", actions);
    }
    std::vector<std::string> expired;
    for (auto& [trial, job] : jobs_) {
      if (job.measurer != 0 && now > job.expires) expired.push_back(trial);
    }
    for (const std::string& trial : expired) {
      Job& job = jobs_.at(trial);
      v1::HubMessage message;
      message.mutable_cancel()->set_lease_id(job.work.lease.lease_id());
      measurers_.at(job.measurer).link->Send(std::move(message));
      Lose(trial, "its lease expired", actions);
    }
    Assign();
  }
  Run(actions);
}

void DevicePool::GiveUp(absl::Status why) {
  CHECK(!why.ok());
  Actions actions;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    broken_ = why;
    changed_.notify_all();
    while (!jobs_.empty()) {
      std::string trial = jobs_.begin()->first;
      Finish(trial, {why, {}, ""}, actions);
    }
  }
  Run(actions);
}

void DevicePool::Drain() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [id, measurer] : measurers_) {
    v1::HubMessage message;
    message.mutable_drain();
    measurer.link->Send(std::move(message));
  }
}

int DevicePool::num_measurers() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(measurers_.size());
}

void DevicePool::SendArtifact(Measurer& measurer, const std::string& digest,
                              const std::shared_ptr<const std::string>& bytes) {
  if (digest.empty() || !measurer.artifacts.insert(digest).second) return;
  CHECK(bytes != nullptr) << "no bytes of artifact " << digest;
  v1::HubMessage message;
  message.mutable_artifact()->set_digest(digest);
  message.mutable_artifact()->set_bytes(*bytes);
  measurer.link->Send(std::move(message));
}

void DevicePool::Assign() {
  for (auto& [id, measurer] : measurers_) {
    while (static_cast<int>(measurer.trials.size()) < measurer.slots) {
      auto fits = [&, &measurer = measurer](const std::string& trial) {
        const std::string& kind = jobs_.at(trial).work.device_kind;
        return kind.empty() || kind == measurer.device.kind().text();
      };
      auto next = std::find_if(queue_.begin(), queue_.end(), fits);
      if (next == queue_.end()) break;
      Job& job = jobs_.at(*next);
      queue_.erase(next);
      Grant(id, measurer, job);
    }
  }
}

void DevicePool::Grant(MeasurerId id, Measurer& measurer, Job& job) {
  v1::Lease& lease = job.work.lease;
  lease.set_fencing_token(++last_token_);
  lease.set_lease_id(absl::StrCat("lease-", last_token_));
  job.measurer = id;
  // A measurer works on its leases in turn: the time of this one starts when
  // those before it must be over.
  absl::Time start = options_.clock();
  for (const std::string& earlier : measurer.trials) {
    start = std::max(start, jobs_.at(earlier).expires - options_.lease_grace);
  }
  job.expires = start + absl::Seconds(lease.timeout_seconds()) + options_.lease_grace;
  measurer.trials.insert(lease.trial_id());
  SendArtifact(measurer, lease.reference().digest(), job.work.reference);
  SendArtifact(measurer, lease.digest(), job.work.artifact);
  CHECK_EQ(static_cast<size_t>(lease.contenders_size()), job.work.contenders.size());
  for (int c = 0; c < lease.contenders_size(); ++c) {
    SendArtifact(measurer, lease.contenders(c).digest(), job.work.contenders[c]);
  }
  v1::HubMessage message;
  *message.mutable_lease() = lease;
  measurer.link->Send(std::move(message));
}

void DevicePool::Lose(const std::string& trial_id, const std::string& why, Actions& actions) {
  Job& job = jobs_.at(trial_id);
  auto measurer = measurers_.find(job.measurer);
  std::string uuid;
  if (measurer != measurers_.end()) {
    measurer->second.trials.erase(trial_id);
    uuid = measurer->second.device.uuid();
  }
  job.measurer = 0;
  if (++job.attempts < options_.max_attempts) {
    queue_.push_front(trial_id);
    return;
  }
  MeasureOutcome outcome;
  outcome.device_uuid = uuid;
  outcome.result.set_trial_id(trial_id);
  outcome.result.set_status(v1::TRIAL_STATUS_CRASH);
  outcome.result.set_error(absl::StrCat("the measurer was lost ", job.attempts,
                                        " times at work on this trial, the last time because ",
                                        why));
  Finish(trial_id, std::move(outcome), actions);
}

void DevicePool::Remove(MeasurerId id, const std::string& why, Actions& actions) {
  auto measurer = measurers_.find(id);
  if (measurer == measurers_.end()) return;
  // Copied: Lose changes the set.
  std::vector<std::string> trials(measurer->second.trials.begin(), measurer->second.trials.end());
  for (const std::string& trial : trials) Lose(trial, why, actions);
  measurers_.erase(measurer);
}

void DevicePool::Finish(const std::string& trial_id, MeasureOutcome outcome, Actions& actions) {
  auto job = jobs_.find(trial_id);
  auto measurer = measurers_.find(job->second.measurer);
  if (measurer != measurers_.end()) measurer->second.trials.erase(trial_id);
  auto queued = std::find(queue_.begin(), queue_.end(), trial_id);
  if (queued != queue_.end()) queue_.erase(queued);
  actions.push_back([done = std::move(job->second.done), outcome = std::move(outcome)]() mutable {
    done(std::move(outcome));
  });
  jobs_.erase(job);
}

}  // namespace lathe
