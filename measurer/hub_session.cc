#include "measurer/hub_session.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"

namespace lathe {

HubSession::HubSession(const std::shared_ptr<grpc::Channel>& channel, const v1::Hello& hello,
                       std::function<void(const std::string&)> on_cancel)
    : on_cancel_(std::move(on_cancel)), stub_(v1::MeasurerHub::NewStub(channel)) {
  stream_ = stub_->Attach(&context_);
  v1::MeasurerMessage message;
  *message.mutable_hello() = hello;
  Write(message);  // a failure shows as the end of the stream
  reader_ = std::thread([this] { Read(); });
  heart_ = std::thread([this] { Beat(); });
}

HubSession::~HubSession() {
  {
    std::unique_lock lock(mutex_);
    if (!over_) {
      lock.unlock();
      {
        std::lock_guard write(write_mutex_);
        stream_->WritesDone();
      }
      // A hub that does not end its side within two seconds is left.
      lock.lock();
      changed_.wait_for(lock, std::chrono::seconds(2), [this] { return over_; });
    }
  }
  context_.TryCancel();
  reader_.join();
  heart_.join();
}

std::optional<v1::Lease> HubSession::NextLease() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock,
                  [this] { return over_ || drain_ || !leases_.empty() || !cancelled_.empty(); });
    if (over_) return std::nullopt;
    if (!cancelled_.empty()) {
      v1::Lease lease = std::move(cancelled_.front());
      cancelled_.pop_front();
      lock.unlock();
      v1::MeasureResult result;
      result.set_lease_id(lease.lease_id());
      result.set_fencing_token(lease.fencing_token());
      result.set_trial_id(lease.trial_id());
      result.set_status(v1::TRIAL_STATUS_CANCELLED);
      SendResult(result);
      lock.lock();
      continue;
    }
    if (leases_.empty()) return std::nullopt;  // drained
    v1::Lease lease = std::move(leases_.front());
    leases_.pop_front();
    return lease;
  }
}

absl::StatusOr<std::string> HubSession::FetchArtifact(const std::string& digest, double seconds) {
  std::unique_lock lock(mutex_);
  if (!artifacts_.contains(digest)) {  // else the hub has sent it with the lease
    lock.unlock();
    v1::MeasurerMessage message;
    message.mutable_artifact_request()->set_digest(digest);
    if (!Write(message)) return absl::UnavailableError("the hub is lost");
    lock.lock();
  }
  changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                    [&] { return over_ || artifacts_.contains(digest); });
  auto found = artifacts_.find(digest);
  if (found == artifacts_.end()) {
    return absl::UnavailableError(absl::StrCat("artifact ", digest, " did not arrive"));
  }
  std::string bytes = std::move(found->second);
  artifacts_.erase(found);
  lock.unlock();
  if (Sha256Hex(bytes) != digest) {
    return absl::DataLossError(absl::StrCat("artifact ", digest, " has another digest"));
  }
  return bytes;
}

bool HubSession::SendResult(const v1::MeasureResult& result) {
  v1::MeasurerMessage message;
  *message.mutable_result() = result;
  return Write(message);
}

void HubSession::Drain() {
  std::lock_guard lock(mutex_);
  drain_ = true;
  changed_.notify_all();
}

bool HubSession::drained() const {
  std::lock_guard lock(mutex_);
  return drain_;
}

bool HubSession::welcomed() const {
  std::lock_guard lock(mutex_);
  return welcomed_;
}

grpc::Status HubSession::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void HubSession::Read() {
  v1::HubMessage message;
  while (stream_->Read(&message)) Handle(message);
  grpc::Status status = stream_->Finish();
  {
    std::lock_guard lock(mutex_);
    over_ = true;
    status_ = status;
    changed_.notify_all();
  }
  on_cancel_("");
}

void HubSession::Handle(v1::HubMessage& message) {
  if (message.has_cancel()) return HandleCancel(message.cancel().lease_id());
  std::lock_guard lock(mutex_);
  if (message.has_welcome()) {
    welcomed_ = true;
    heartbeat_seconds_ = std::max(1u, message.welcome().heartbeat_seconds());
  } else if (message.has_lease()) {
    leases_.push_back(std::move(*message.mutable_lease()));
  } else if (message.has_artifact()) {
    artifacts_[message.artifact().digest()] =
        std::move(*message.mutable_artifact()->mutable_bytes());
  } else if (message.has_drain()) {
    drain_ = true;
  }
  changed_.notify_all();
}

void HubSession::HandleCancel(const std::string& lease_id) {
  {
    std::lock_guard lock(mutex_);
    auto waiting = std::find_if(leases_.begin(), leases_.end(), [&](const v1::Lease& lease) {
      return lease.lease_id() == lease_id;
    });
    if (waiting != leases_.end()) {
      cancelled_.push_back(std::move(*waiting));
      leases_.erase(waiting);
      changed_.notify_all();
      return;
    }
  }
  if (!lease_id.empty()) on_cancel_(lease_id);
}

void HubSession::Beat() {
  v1::MeasurerMessage heartbeat;
  heartbeat.mutable_heartbeat();
  std::unique_lock lock(mutex_);
  while (!over_) {
    // Until the Welcome says how often, once in ten seconds is as good as never.
    std::chrono::seconds period(heartbeat_seconds_ != 0 ? heartbeat_seconds_ : 10);
    const uint32_t known = heartbeat_seconds_;
    if (changed_.wait_for(lock, period, [&] { return over_ || heartbeat_seconds_ != known; })) {
      continue;
    }
    lock.unlock();
    Write(heartbeat);
    lock.lock();
  }
}

bool HubSession::Write(const v1::MeasurerMessage& message) {
  std::lock_guard lock(write_mutex_);
  return stream_->Write(message);
}

}  // namespace lathe
