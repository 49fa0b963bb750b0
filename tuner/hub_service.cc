#include "tuner/hub_service.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace lathe {
namespace {

using Stream = grpc::ServerReaderWriter<v1::HubMessage, v1::MeasurerMessage>;

// Queues messages for the thread that writes them, as a slow reader must not
// hold up the pool.
class StreamLink : public MeasurerLink {
 public:
  explicit StreamLink(grpc::ServerContext* context) : context_(context) {}

  void Send(v1::HubMessage message) override {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(message));
    changed_.notify_one();
  }

  void Close() override {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.notify_one();
  }

  // Writes until Finish, Close, or the stream breaks.
  void WriteTo(Stream* stream) {
    while (true) {
      v1::HubMessage message;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        if (closed_) return;
        message = std::move(queue_.front());
        queue_.pop_front();
      }
      if (!stream->Write(message)) return;
    }
  }

  // The call is about to return: forgets its context.
  void Finish() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    context_ = nullptr;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::HubMessage> queue_;
  bool closed_ = false;
  grpc::ServerContext* context_;
};

}  // namespace

grpc::Status HubService::Attach(grpc::ServerContext* context, Stream* stream) {
  v1::MeasurerMessage message;
  if (!stream->Read(&message) || !message.has_hello()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the first message must be Hello"};
  }
  auto link = std::make_shared<StreamLink>(context);
  absl::StatusOr<DevicePool::MeasurerId> id = pool_.Attach(message.hello(), link);
  if (!id.ok()) {
    return {static_cast<grpc::StatusCode>(id.status().code()), std::string(id.status().message())};
  }
  std::thread writer([&] { link->WriteTo(stream); });
  while (stream->Read(&message)) pool_.Receive(*id, message);
  pool_.Detach(*id);
  link->Finish();
  writer.join();
  return grpc::Status::OK;
}

}  // namespace lathe
