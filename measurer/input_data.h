// Deterministic input data of checks: both the measurer, which fills whole
// tensors, and the tuner, which interprets single elements, make it from a seed.
#ifndef LATHE_MEASURER_INPUT_DATA_H_
#define LATHE_MEASURER_INPUT_DATA_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lathe {

// Element `index` (row-major) of input argument `argument`, of the type named
// as in tensor functions ("f32", "i8", ...). Floats are uniform in [-1, 1) on
// a grid of 2^-10, small integers span their range, i32 and i64 lie in
// [-1000, 1000], bool is a coin. Exact in every type: a counter-based draw
// (SplitMix64, Steele et al., OOPSLA 2014).
double InputElement(uint64_t seed, int argument, std::string_view type, int64_t index);

// Writes elements 0 .. count-1 at `data` in the bytes of the type. Returns
// false for an unknown type.
bool FillInput(uint64_t seed, int argument, std::string_view type, int64_t count, void* data);

}  // namespace lathe

#endif  // LATHE_MEASURER_INPUT_DATA_H_
