// The measuring daemon: attaches to a hub, serves its leases, attaches again.
#ifndef LATHE_MEASURER_DAEMON_H_
#define LATHE_MEASURER_DAEMON_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "measurer/hub_session.h"
#include "measurer/lease_executor.h"
#include "measurer/memory_cache.h"

namespace lathe {

struct DaemonOptions {
  std::string hub;    // unix:/path or host:port, for messages
  bool once = false;  // leave when the hub's stream ends
  uint64_t artifact_cache_bytes = uint64_t{256} << 20;
};

class MeasurerDaemon {
 public:
  MeasurerDaemon(DaemonOptions options, ExecutorOptions executor, v1::Hello hello);

  // Serves until drained or, with `once`, until the hub has gone. Unavailable
  // when, with `once`, there is no hub at all; PermissionDenied or another error
  // when the hub turns this measurer away. Call from a thread that outlives
  // every runner: the main one.
  absl::Status Run(const std::shared_ptr<grpc::Channel>& channel);

  // Finish what is here, then leave. From any thread.
  void Drain();
  // End the current trial too.
  void Stop();

 private:
  // Serves one attachment to its end; whether the hub ever welcomed it.
  bool Serve(const std::shared_ptr<grpc::Channel>& channel, grpc::Status* ended);
  absl::StatusOr<std::shared_ptr<const SharedMemory>> Artifact(const std::string& digest);
  bool draining();

  DaemonOptions options_;
  v1::Hello hello_;
  MemoryCache artifacts_;
  LeaseExecutor executor_;
  std::deque<v1::MeasureResult> unsent_;  // of a session that was lost

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  HubSession* session_ = nullptr;  // the current one
  bool drain_ = false;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_DAEMON_H_
