// The gRPC servicer of MeasurerHub: it only carries messages between streams
// and a DevicePool.
#ifndef LATHE_TUNER_HUB_SERVICE_H_
#define LATHE_TUNER_HUB_SERVICE_H_

#include "lathe/v1/measurer.grpc.pb.h"
#include "tuner/device_pool.h"

namespace lathe {

class HubService final : public v1::MeasurerHub::Service {
 public:
  explicit HubService(DevicePool* pool) : pool_(*pool) {}

  grpc::Status Attach(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::HubMessage, v1::MeasurerMessage>* stream) override;

 private:
  DevicePool& pool_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_HUB_SERVICE_H_
