// Judges a kernel's output against the reference's.
#ifndef LATHE_MEASURER_COMPARE_H_
#define LATHE_MEASURER_COMPARE_H_

#include <optional>
#include <string>

#include "measurer/runner_protocol.h"

namespace lathe {

// Element `index` of a tensor of floats (exact in double) or small integers.
double ElementAsDouble(const std::string& type, const void* data, int64_t index);

// "[1, 20]": the position of row-major element `index` in `shape`.
std::string FormatIndex(const std::vector<int64_t>& shape, int64_t index);

// Whether every element of `got` (described by `output`) is what `reference`
// allows: |got - ref| <= tolerance_factor * rule.unit_roundoff * bound, element
// by element, where `bounds` is f64; equal for an exact rule, which needs no
// bounds. NaN matches NaN only, an infinity itself only. Otherwise a message
// with the first mismatch, its position, and how many there are.
std::optional<std::string> CompareOutput(const BufferSpec& output, const void* got,
                                         const BufferSpec& reference, const void* expected,
                                         const double* bounds, const OutputRule& rule,
                                         double tolerance_factor);

}  // namespace lathe

#endif  // LATHE_MEASURER_COMPARE_H_
