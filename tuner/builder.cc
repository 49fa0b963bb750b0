#include "tuner/builder.h"

#include <future>
#include <memory>
#include <utility>

namespace lathe {

v1::BuildResponse BuildAndWait(Builder& builder, v1::BuildRequest request) {
  auto promise = std::make_shared<std::promise<v1::BuildResponse>>();
  std::future<v1::BuildResponse> response = promise->get_future();
  builder.Submit(std::move(request), [promise](v1::BuildResponse response) {
    promise->set_value(std::move(response));
  });
  return response.get();
}

}  // namespace lathe
