// Pooling: the largest or the mean element under a window.
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/epilogue.h"
#include "compiler/tensor/operators/types.h"
#include "compiler/tensor/operators/window.h"

namespace lathe {
namespace {

using Kind = OperatorParameter::Kind;

constexpr OperatorParameter kBatch = {"n", "images", Kind::kExtent, "1"};
constexpr OperatorParameter kHeight = {"h", "height of x"};
constexpr OperatorParameter kWidthOfX = {"w", "width of x"};
constexpr OperatorParameter kChannels = {"c", "channels"};
constexpr OperatorParameter kWindowHeight = {"r", "height of the window", Kind::kExtent, "2"};
constexpr OperatorParameter kWindowWidth = {"s", "width of the window", Kind::kExtent, "2"};

// Sets the window's words and $x_read, which yields `otherwise` beyond borders.
// A window must not lie beyond a border as a whole: it would have no element.
absl::Status SetPooling(Words& words, std::string_view otherwise) {
  int64_t padding = words.Number("padding");
  for (const SpatialDimension& dimension : kHeightAndWidth) {
    if (padding < words.Number(dimension.window)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("padding=", padding, " must be less than ", ToAbsl(dimension.window), "=",
                     words.Get(dimension.window), ": a window beyond the border holds nothing"));
  }
  RETURN_IF_ERROR(SetWindow(words, kHeightAndWidth, {"c", "$c", "c"}));
  words.Set("x_read", padding > 0 ? absl::StrCat("(x[$x_at] else ", ToAbsl(otherwise), ")")
                                  : std::string("x[$x_at]"));
  return absl::OkStatus();
}

absl::Status DeriveMaxPool(Words& words) {
  std::string_view lowest = words.Is("type", "i8") ? "-128" : words.Is("type", "u8") ? "0" : "-inf";
  return SetPooling(words, lowest);
}

// The number of elements of x under a window, along one dimension.
std::string Inside(const Words& words, const SpatialDimension& dimension) {
  int64_t stride = words.Number("stride"), padding = words.Number("padding");
  std::string begin = absl::StrCat(stride, "*", ToAbsl(dimension.input), " - ", padding);
  return absl::StrCat("(min(", begin, " + $", ToAbsl(dimension.window), ", $",
                      ToAbsl(dimension.input), ") - max(", begin, ", 0))");
}

absl::Status DeriveAveragePool(Words& words) {
  RETURN_IF_ERROR(SetPooling(words, "0"));
  std::string finish = absl::StrCat("$t / ", words.Number("r") * words.Number("s"));
  if (words.Number("padding") > 0 && !words.Flag("count_padding")) {
    finish = absl::StrCat("$t / $acc(", Inside(words, kHeightAndWidth[0]), " * ",
                          Inside(words, kHeightAndWidth[1]), ")");
  }
  SetEquations(words,
               {.indices = "$y_indices", .left = "$y_left", .sum = "sum($tap_axes) $acc($x_read)"},
               finish);
  return absl::OkStatus();
}

}  // namespace

std::vector<OperatorDefinition> PoolingOperators() {
  std::vector<OperatorDefinition> operators;
  operators.push_back(
      {{"avg_pool2d",
        "y[n, h, w, c] = mean(r, s) x[n, stride*h + r - padding, stride*w + s - padding, c]",
        "x[n, h, w, c] -> y[n, h', w', c]; h', w' as for conv2d",
        "ONNX AveragePool",
        {kBatch,
         kHeight,
         kWidthOfX,
         kChannels,
         kWindowHeight,
         kWindowWidth,
         Stride("2"),
         Padding(),
         {"count_padding", "1: elements beyond the border count, as zeros", Kind::kFlag, "0"},
         Layout2d(),
         FloatType()}},
       DeriveAveragePool,
       "func avg_pool2d(x: $in[$x_shape]) -> (y) {\n"
       "  $equations\n"
       "}\n"});
  operators.push_back(
      {{"max_pool2d",
        "y[n, h, w, c] = max(r, s) x[n, stride*h + dilation*r - padding, stride*w + dilation*s - "
        "padding, c]",
        "x[n, h, w, c] -> y[n, h', w', c]; h', w' as for conv2d",
        "ONNX MaxPool",
        {kBatch, kHeight, kWidthOfX, kChannels, kWindowHeight, kWindowWidth, Stride("2"), Padding(),
         Dilation(), Layout2d(), PickType()}},
       DeriveMaxPool,
       "func max_pool2d(x: $in[$x_shape]) -> (y) {\n"
       "  y[$y_left] = max($tap_axes) $x_read\n"
       "}\n"});
  return operators;
}

}  // namespace lathe
