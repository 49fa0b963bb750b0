#include "measurer/daemon.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

constexpr double kArtifactSeconds = 30;
constexpr auto kConnectPatience = std::chrono::seconds(10);
constexpr auto kFirstPause = std::chrono::milliseconds(500);
constexpr auto kLongestPause = std::chrono::milliseconds(30000);

}  // namespace

MeasurerDaemon::MeasurerDaemon(DaemonOptions options, ExecutorOptions executor, v1::Hello hello)
    : options_(std::move(options)),
      hello_(std::move(hello)),
      artifacts_(options_.artifact_cache_bytes),
      executor_(std::move(executor), [this](const std::string& d) { return Artifact(d); }) {}

absl::Status MeasurerDaemon::Run(const std::shared_ptr<grpc::Channel>& channel) {
  auto pause = kFirstPause;
  while (!draining()) {
    grpc::Status ended;
    bool welcomed = false;
    if (channel->WaitForConnected(std::chrono::system_clock::now() + kConnectPatience)) {
      welcomed = Serve(channel, &ended);
    } else {
      ended = grpc::Status(grpc::StatusCode::UNAVAILABLE, "no connection");
    }
    if (draining()) break;
    if (!welcomed && (options_.once || ended.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
                      ended.error_code() == grpc::StatusCode::UNAUTHENTICATED)) {
      return absl::UnavailableError(
          absl::StrCat("the hub at ", options_.hub, " does not serve us: ", ended.error_message()));
    }
    if (options_.once) break;
    if (welcomed) pause = kFirstPause;
    spdlog::warn("hub {} lost ({}), again in {} ms", options_.hub, ended.error_message(),
                 pause.count());
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return drain_; });
    pause = std::min(pause * 2, kLongestPause);
  }
  return absl::OkStatus();
}

bool MeasurerDaemon::Serve(const std::shared_ptr<grpc::Channel>& channel, grpc::Status* ended) {
  HubSession session(channel, hello_, [this](const std::string& lease_id) {
    // Work for a private hub that has gone is of no use to anybody.
    if (!lease_id.empty() || options_.once) executor_.Cancel(lease_id);
  });
  {
    std::lock_guard lock(mutex_);
    session_ = &session;
    if (drain_) session.Drain();
  }
  spdlog::info("attached to {} as {} ({})", options_.hub, hello_.device().name(),
               hello_.device().kind().text());
  while (!unsent_.empty() && session.SendResult(unsent_.front())) unsent_.pop_front();
  while (std::optional<v1::Lease> lease = session.NextLease()) {
    v1::MeasureResult result = executor_.Execute(*lease);
    spdlog::info("trial {}: {}{}{}", result.trial_id(), v1::TrialStatus_Name(result.status()),
                 result.error().empty() ? "" : ": ", result.error());
    if (!session.SendResult(result)) unsent_.push_back(std::move(result));
  }
  {
    std::lock_guard lock(mutex_);
    session_ = nullptr;
    // A hub that drains us wants us gone, not back.
    if (session.drained()) drain_ = true;
  }
  *ended = session.status();
  return session.welcomed();
}

absl::StatusOr<std::shared_ptr<const SharedMemory>> MeasurerDaemon::Artifact(
    const std::string& digest) {
  if (auto cached = artifacts_.Find(digest)) return cached;
  HubSession* session;  // stays: only this thread ends it
  {
    std::lock_guard lock(mutex_);
    session = session_;
  }
  ASSIGN_OR_RETURN(std::string bytes, session->FetchArtifact(digest, kArtifactSeconds));
  ASSIGN_OR_RETURN(SharedMemory memory, SharedMemory::Create(bytes.size()));
  RETURN_IF_ERROR(memory.Write(bytes));
  auto shared = std::make_shared<const SharedMemory>(std::move(memory));
  artifacts_.Insert(digest, shared);
  return shared;
}

void MeasurerDaemon::Drain() {
  std::lock_guard lock(mutex_);
  drain_ = true;
  if (session_ != nullptr) session_->Drain();
  changed_.notify_all();
}

void MeasurerDaemon::Stop() {
  Drain();
  executor_.Cancel("");
}

bool MeasurerDaemon::draining() {
  std::lock_guard lock(mutex_);
  return drain_;
}

}  // namespace lathe
