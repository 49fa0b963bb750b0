#include "compiler/tensor/operators/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

using Kind = OperatorParameter::Kind;
using Texts = std::vector<std::string>;

// "2*h", or "h" for a factor of one.
std::string Scaled(int64_t factor, std::string_view index) {
  return factor == 1 ? std::string(index) : absl::StrCat(factor, "*", ToAbsl(index));
}

int64_t NumberOr(const Words& words, std::string_view name, int64_t otherwise) {
  return words.Has(name) ? words.Number(name) : otherwise;
}

// How many positions a window has along one dimension.
absl::StatusOr<int64_t> Positions(const Words& words, const SpatialDimension& dimension) {
  __int128 extent = words.Number(dimension.input), taps = words.Number(dimension.window);
  __int128 stride = words.Number("stride"), padding = words.Number("padding");
  __int128 dilation = NumberOr(words, "dilation", 1);
  __int128 room = extent + 2 * padding - (dilation * (taps - 1) + 1);
  if (room < 0) {
    std::string input(dimension.input), window(dimension.window);
    return absl::InvalidArgumentError(absl::StrCat(
        "no output is left along ", input, ": a window of ", window, "=",
        words.Get(dimension.window),
        words.Has("dilation") ? absl::StrCat(" with dilation=", words.Get("dilation")) : "",
        " is larger than ", input, "=", words.Get(dimension.input),
        " with padding=", words.Get("padding"), " on both sides"));
  }
  return static_cast<int64_t>(room / stride + 1);
}

// The subscript of x under a tap: "2*h + r - 1".
std::string At(const Words& words, const SpatialDimension& dimension) {
  int64_t padding = words.Number("padding");
  return absl::StrCat(Scaled(words.Number("stride"), dimension.input), " + ",
                      Scaled(NumberOr(words, "dilation", 1), dimension.window),
                      padding > 0 ? absl::StrCat(" - ", padding) : "");
}

// The subscripts of one tensor: batch, channels and spatial dimensions in order.
std::string Arrange(const Words& words, std::string_view batch, const Texts& spatial,
                    std::string_view channels) {
  Texts all = {std::string(batch)};
  bool channels_first = words.Get("layout")[1] == 'c';
  if (channels_first) all.emplace_back(channels);
  all.insert(all.end(), spatial.begin(), spatial.end());
  if (!channels_first) all.emplace_back(channels);
  return absl::StrJoin(all, ", ");
}

}  // namespace

OperatorParameter Stride(std::string_view default_value) {
  return {"stride", "elements of x from one window to the next", Kind::kExtent, default_value};
}
OperatorParameter Padding() {
  return {"padding", "elements beyond each border of x", Kind::kCount, "0"};
}
OperatorParameter Dilation() {
  return {"dilation", "elements of x from one tap of the window to the next", Kind::kExtent, "1"};
}
OperatorParameter Layout2d() {
  static constexpr std::string_view kLayouts[] = {"nhwc", "nchw"};
  return {"layout", "order of the dimensions of x and y", Kind::kWord, "nhwc", kLayouts};
}
OperatorParameter Layout1d() {
  static constexpr std::string_view kLayouts[] = {"nwc", "ncw"};
  return {"layout", "order of the dimensions of x and y", Kind::kWord, "nwc", kLayouts};
}

absl::Status SetWindow(Words& words, SpatialDimensions dimensions, const Channels& channels) {
  Texts extents, at, left, indices, taps, tap_extents, tap_axes;
  for (const SpatialDimension& dimension : dimensions) {
    std::string input(dimension.input), window(dimension.window);
    ASSIGN_OR_RETURN(int64_t positions, Positions(words, dimension));
    extents.push_back(absl::StrCat("$", input));
    at.push_back(At(words, dimension));
    left.push_back(absl::StrCat(input, ": ", positions));
    indices.push_back(input);
    taps.push_back(window);
    tap_extents.push_back(absl::StrCat("$", window));
    tap_axes.push_back(absl::StrCat(window, ": $", window));
  }
  words.Set("x_shape", Arrange(words, "$n", extents, channels.x_extents));
  words.Set("x_at", Arrange(words, "n", at, channels.x_indices));
  words.Set("y_left", Arrange(words, "n", left, channels.y_indices));
  words.Set("y_indices", Arrange(words, "n", indices, channels.y_indices));
  words.Set("taps", absl::StrJoin(taps, ", "));
  words.Set("tap_extents", absl::StrJoin(tap_extents, ", "));
  words.Set("tap_axes", absl::StrJoin(tap_axes, ", "));
  return absl::OkStatus();
}

}  // namespace lathe
