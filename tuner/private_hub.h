// The hub of one `lathe tune` or `lathe run`: a socket that nobody else can
// reach, a device pool behind it, and a measurer process of this machine.
#ifndef LATHE_TUNER_PRIVATE_HUB_H_
#define LATHE_TUNER_PRIVATE_HUB_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "tuner/device_pool.h"
#include "tuner/hub_service.h"
#include "tuner/local_measurer.h"
#include "tuner/socket_directory.h"

namespace lathe {

struct PrivateHubOptions {
  std::string measurer_program;                 // path of lathe-measurer
  std::vector<std::string> measurer_arguments;  // besides --hub ADDRESS --once
  DevicePoolOptions pool;
};

class PrivateHub {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateHub>> Start(PrivateHubOptions options);
  // Stops the measurer and the server, and removes the socket.
  ~PrivateHub();

  DevicePool& pool() { return pool_; }
  const std::string& address() const { return address_; }  // "unix:PATH"

 private:
  PrivateHub(const DevicePoolOptions& options, std::unique_ptr<SocketDirectory> directory);
  void TickUntilStopped();

  std::unique_ptr<SocketDirectory> directory_;
  const std::string address_;
  DevicePool pool_;
  HubService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<LocalMeasurer> measurer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread ticker_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_PRIVATE_HUB_H_
