// The oracle: executes loop programs and tensor functions, slowly and plainly.
#ifndef LATHE_COMPILER_LOOP_INTERPRETER_H_
#define LATHE_COMPILER_LOOP_INTERPRETER_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "compiler/loop/program.h"

namespace lathe {

// Elements of one tensor, row-major, in their own type's bytes.
struct TensorValue {
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  static TensorValue Zeros(ScalarType type, std::vector<int64_t> shape);
  int64_t NumElements() const;
  double Get(int64_t index) const;        // integers and bool as double
  void Set(int64_t index, double value);  // rounds to the type
};

struct InterpretOptions {
  // Order in which a parallel loop's iterations run: seed 0 is ascending,
  // others a shuffle. Results must not depend on it.
  uint64_t parallel_order_seed = 0;
};

// Runs `program` (scheduled or lowered; vectors, masks, parallel loops
// included), its prepare part first: packed arguments stay inside. `inputs` in argument order;
// returns the outputs in order. Arithmetic is done in the type written (f32 rounds to f32 after
// each operation). Errors: shape mismatch, an access out of bounds, a read of an element never
// written (with the place): these are bugs of a schedule.
absl::StatusOr<std::vector<TensorValue>> Interpret(const Program& program,
                                                   absl::Span<const TensorValue> inputs,
                                                   const InterpretOptions& options = {});

// Single elements of `function`, computed on demand from the inputs they
// need. `input(argument, index)` yields the element at a row-major index.
using InputReader = std::function<double(int argument, int64_t index)>;
struct OutputElement {
  int output = 0;     // position in Function::outputs
  int64_t index = 0;  // row-major
};
absl::StatusOr<std::vector<double>> InterpretElements(const Function& function,
                                                      const InputReader& input,
                                                      absl::Span<const OutputElement> wanted);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_INTERPRETER_H_
