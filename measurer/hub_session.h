// One attachment to a hub: the stream, its reader, heartbeats, and artifacts on
// their way. From Hello to the end of the stream.
#ifndef LATHE_MEASURER_HUB_SESSION_H_
#define LATHE_MEASURER_HUB_SESSION_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "lathe/v1/measurer.grpc.pb.h"

namespace lathe {

// Thread-safe.
class HubSession {
 public:
  // Attaches and says `hello`. `on_cancel` is called from the reader's thread
  // with the id of a lease that is not waiting here any more ("": the hub is lost).
  HubSession(const std::shared_ptr<grpc::Channel>& channel, const v1::Hello& hello,
             std::function<void(const std::string&)> on_cancel);
  // Ends the stream, politely when it still stands.
  ~HubSession();

  // The next lease; nothing when the session is over, or drained and empty.
  std::optional<v1::Lease> NextLease();

  // Asks for an artifact and waits, at most `seconds`. Unavailable when the hub
  // is lost, DataLoss when what comes is not what the digest names.
  absl::StatusOr<std::string> FetchArtifact(const std::string& digest, double seconds);

  // False when the hub is lost.
  bool SendResult(const v1::MeasureResult& result);

  // Takes no more leases than are here already.
  void Drain();

  bool drained() const;
  // Whether the hub ever answered; why the stream ended.
  bool welcomed() const;
  grpc::Status status() const;

 private:
  void Read();
  void Beat();
  bool Write(const v1::MeasurerMessage& message);
  void Handle(v1::HubMessage& message);
  void HandleCancel(const std::string& lease_id);

  std::function<void(const std::string&)> on_cancel_;
  std::unique_ptr<v1::MeasurerHub::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::MeasurerMessage, v1::HubMessage>> stream_;
  std::mutex write_mutex_;  // one writer at a time; never taken with mutex_ held

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<v1::Lease> leases_;
  std::deque<v1::Lease> cancelled_;  // waiting leases to answer as cancelled
  absl::flat_hash_map<std::string, std::string> artifacts_;  // that arrived
  bool drain_ = false;
  bool over_ = false;
  bool welcomed_ = false;
  uint32_t heartbeat_seconds_ = 0;
  grpc::Status status_;

  std::thread reader_;
  std::thread heart_;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_HUB_SESSION_H_
