// What a function is in words that peers understand.
#ifndef LATHE_BENCH_OPERATOR_CALL_H_
#define LATHE_BENCH_OPERATOR_CALL_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "bench/peer_library.h"
#include "compiler/tensor/function.h"

namespace lathe {

// The operator and all its parameters, defaults filled in, of a spec without "op:".
absl::StatusOr<OperatorCall> ParseOperatorCall(std::string_view spec);

// As above, of a spec that `function` was not built from: InvalidArgument unless
// the operator computes the same function (equal canonical text).
absl::StatusOr<OperatorCall> OperatorCallOf(const Function& function, std::string_view spec);

}  // namespace lathe

#endif  // LATHE_BENCH_OPERATOR_CALL_H_
