#include "tuner/builder.h"

#include <chrono>
#include <memory>
#include <utility>

namespace lathe {

std::future<v1::BuildResponse> StartBuild(Builder& builder, v1::BuildRequest request) {
  auto promise = std::make_shared<std::promise<v1::BuildResponse>>();
  std::future<v1::BuildResponse> response = promise->get_future();
  builder.Submit(std::move(request), [promise](v1::BuildResponse response) {
    promise->set_value(std::move(response));
  });
  return response;
}

absl::StatusOr<v1::BuildResponse> Await(std::future<v1::BuildResponse> response,
                                        const Cancellation* cancellation) {
  while (response.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (IsRequested(cancellation)) return absl::CancelledError("interrupted while building");
  }
  return response.get();
}

v1::BuildResponse BuildAndWait(Builder& builder, v1::BuildRequest request) {
  return StartBuild(builder, std::move(request)).get();
}

}  // namespace lathe
