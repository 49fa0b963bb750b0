#include "tuner/private_hub.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace lathe {

absl::StatusOr<std::unique_ptr<PrivateHub>> PrivateHub::Start(PrivateHubOptions options) {
  std::error_code error;
  std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) return absl::UnavailableError("no temporary directory; set TMPDIR to one");
  ASSIGN_OR_RETURN(std::unique_ptr<SocketDirectory> directory, SocketDirectory::Create(parent));
  auto hub = std::unique_ptr<PrivateHub>(new PrivateHub(options.pool, std::move(directory)));

  grpc::ServerBuilder builder;
  // Without transport security: only this user can enter the directory.
  builder.AddListeningPort(hub->address_, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&hub->service_);
  hub->server_ = builder.BuildAndStart();
  if (hub->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", hub->address_));
  }

  LocalMeasurerOptions measurer;
  measurer.program = std::move(options.measurer_program);
  measurer.arguments = {"--hub", hub->address_, "--once"};
  measurer.arguments.insert(measurer.arguments.end(), options.measurer_arguments.begin(),
                            options.measurer_arguments.end());
  DevicePool* pool = &hub->pool_;
  hub->measurer_ = std::make_unique<LocalMeasurer>(
      std::move(measurer), [pool](absl::Status why) { pool->GiveUp(std::move(why)); });
  hub->ticker_ = std::thread([hub = hub.get()] { hub->TickUntilStopped(); });
  return hub;
}

PrivateHub::PrivateHub(const DevicePoolOptions& options, std::unique_ptr<SocketDirectory> directory)
    : directory_(std::move(directory)),
      address_(absl::StrCat("unix:", directory_->socket_path())),
      pool_(options),
      service_(&pool_) {}

PrivateHub::~PrivateHub() {
  pool_.Drain();
  measurer_.reset();
  // Cancels the streams that are left, so that every servicer call returns and
  // detaches its measurer before the pool goes.
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  if (server_ != nullptr) server_->Wait();
  server_.reset();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (ticker_.joinable()) ticker_.join();
}

void PrivateHub::TickUntilStopped() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!changed_.wait_for(lock, std::chrono::milliseconds(500), [this] { return stopping_; })) {
    lock.unlock();
    pool_.Tick();
    lock.lock();
  }
}

}  // namespace lathe
