// Who compiles candidates: an interface, so that tests use fakes.
#ifndef LATHE_TUNER_BUILDER_H_
#define LATHE_TUNER_BUILDER_H_

#include <functional>
#include <future>

#include "absl/status/statusor.h"
#include "lathe/v1/build.pb.h"
#include "tuner/cancellation.h"

namespace lathe {

using BuildCallback = std::function<void(v1::BuildResponse)>;

class Builder {
 public:
  virtual ~Builder() = default;
  // Builds and calls `done` exactly once, on any thread, even when the builder
  // is destroyed meanwhile (then with BUILD_STATUS_FAILED). Every failure is a
  // status with `error` set. Thread-safe.
  virtual void Submit(v1::BuildRequest request, BuildCallback done) = 0;
  // How many requests it works on at once; at least 1.
  virtual int parallelism() const = 0;
};

// Submits; the response comes through the future, which may be dropped.
std::future<v1::BuildResponse> StartBuild(Builder& builder, v1::BuildRequest request);
// Waits for the response; Cancelled once a cancellation (may be null) is requested.
absl::StatusOr<v1::BuildResponse> Await(std::future<v1::BuildResponse> response,
                                        const Cancellation* cancellation);
// Submits and waits.
v1::BuildResponse BuildAndWait(Builder& builder, v1::BuildRequest request);

}  // namespace lathe

#endif  // LATHE_TUNER_BUILDER_H_
