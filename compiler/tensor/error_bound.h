// Values in f64 and first-order error bounds of scalar expressions: the two
// halves of a correctness reference (reference.h).
#ifndef LATHE_COMPILER_TENSOR_ERROR_BOUND_H_
#define LATHE_COMPILER_TENSOR_ERROR_BOUND_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "compiler/tensor/function.h"

namespace lathe {

// Where the error of a floating stage stands, and in units of which roundoff.
struct ErrorTensor {
  std::string name;
  ScalarType of = ScalarType::kF32;  // the type of the stage in the original function
};
// By stage. A floating stage that is not in the map is exact.
using ErrorTensors = absl::flat_hash_map<std::string, ErrorTensor>;

// `body` of a stage of `function` with all floating arithmetic in f64.
// Floating stages it reads are f64 already; arguments and tables are cast.
// Subscripts and integer arithmetic stay as they are.
Expr ValueInF64(const Function& function, const Expr& body);

// Whether a guarded read falls inside its tensor, as a bool.
Expr IsInside(const Function& function, const Read& read);

// A bound of |computed - exact| / roundoff(stage.type), to first order, for
// any kernel that computes `stage` with operations in the types written and
// sums in any order. `value` reads the stage's own f64 value. Null if the
// stage is exact. No reduction stands below the root of stage.body.
Expr ErrorBound(const Function& function, const Stage& stage, const ErrorTensors& errors,
                const Expr& value);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_ERROR_BOUND_H_
