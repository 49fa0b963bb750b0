// Windows that slide over the spatial dimensions of an input: convolution and pooling.
#ifndef LATHE_COMPILER_TENSOR_OPERATORS_WINDOW_H_
#define LATHE_COMPILER_TENSOR_OPERATORS_WINDOW_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "compiler/tensor/operators/definition.h"

namespace lathe {

// One spatial dimension, and the dimension of the window that slides along it:
// both are parameters, and names of indices.
struct SpatialDimension {
  std::string_view input;   // "h"
  std::string_view window;  // "r"
};
using SpatialDimensions = absl::Span<const SpatialDimension>;
inline constexpr SpatialDimension kHeightAndWidth[] = {{"h", "r"}, {"w", "s"}};
inline constexpr SpatialDimension kWidth[] = {{"w", "s"}};

// stride, padding and dilation, of all dimensions alike.
OperatorParameter Stride(std::string_view default_value);
OperatorParameter Padding();
OperatorParameter Dilation();
// layout=nhwc|nchw and layout=nwc|ncw.
OperatorParameter Layout2d();
OperatorParameter Layout1d();

// Sets, of the input x and the result y, in the order of `layout`:
//   $x_shape      extents of x
//   $x_at         the element of x under tap (r, s) of the window at (h, w)
//   $y_left       indices of y with their extents
//   $y_indices    the same without
//   $taps         "r, s"
//   $tap_extents  "$r, $s"
//   $tap_axes     "r: 3, s: 3"
// Channels are `channel_indices` with extents `channel_extents` of x. A window
// that is larger than the padded input is an error. The word `dilation` is 1 if
// there is none. Formulas: Dumoulin and Visin, A guide to convolution
// arithmetic, 2016, arXiv:1603.07285.
struct Channels {
  std::string_view x_indices, x_extents, y_indices;
};
absl::Status SetWindow(Words& words, SpatialDimensions dimensions, const Channels& channels);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATORS_WINDOW_H_
