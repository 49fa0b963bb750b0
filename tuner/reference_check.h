// The correctness reference of a tuning run: built once, shipped with every
// lease, and proved by interpretation.
#ifndef LATHE_TUNER_REFERENCE_CHECK_H_
#define LATHE_TUNER_REFERENCE_CHECK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/tensor/function.h"
#include "lathe/v1/measurer.pb.h"
#include "tuner/builder.h"
#include "tuner/problem.h"

namespace lathe {

// c in |y - ref| <= c * roundoff * err. The bound `err` of ReferenceOf already
// holds for any order of a sum; 2 leaves room for the second-order terms it
// leaves out and for vector math functions that err by more than half an ULP.
inline constexpr double kToleranceFactor = 2.0;
// How many elements of the reference's outputs are proved by interpretation;
// fewer when one of them takes very long.
inline constexpr int kProofSamples = 256;

// The arguments of a kernel of `function`, inputs then outputs.
std::vector<v1::ArgumentSpec> ArgumentsOf(const Function& function);
// The seeds of the two sets of input data.
std::vector<uint64_t> InputSeeds(uint64_t seed);

class ReferenceCheck {
 public:
  // Builds the reference kernel. Errors: what the builder said, and Cancelled.
  static absl::StatusOr<ReferenceCheck> Build(const Problem& problem, Builder& builder,
                                              const Cancellation* cancellation = nullptr);

  // What a lease carries; with the samples to send back while it is not proved.
  v1::Reference message() const;
  const std::shared_ptr<const std::string>& artifact() const { return artifact_; }

  bool proved() const { return proved_; }
  // Compares the samples that came back with interpreted ones. A result without
  // them leaves the reference unproved, which only a failed trial may do.
  // Internal naming the first element that differs.
  absl::Status Prove(const v1::MeasureResult& result);

 private:
  ReferenceCheck() = default;
  // The reference's output that bounds the error of its output `output`; that
  // output itself when there is none.
  int ScaleOutput(int output) const;

  Function function_;  // the reference's
  uint64_t seed_ = 0;
  v1::Reference message_;
  std::shared_ptr<const std::string> artifact_;
  bool proved_ = false;
};

}  // namespace lathe

#endif  // LATHE_TUNER_REFERENCE_CHECK_H_
