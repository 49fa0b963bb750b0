// Convolutions, in the sense of machine learning: correlations. Channels last
// (nhwc) take filters as [r, s, c, o], channels first (nchw) as [o, c, r, s].
// Groups of channels are dimensions of their own, [groups, channels / groups],
// which is the same memory, so that every subscript stays affine.
#include "absl/strings/str_cat.h"
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
constexpr OperatorParameter kChannels = {"c", "channels of x"};
constexpr OperatorParameter kOutputs = {"o", "channels of y"};
constexpr OperatorParameter kFilterHeight = {"r", "height of the filter", Kind::kExtent, "3"};
constexpr OperatorParameter kFilterWidth = {"s", "width of the filter", Kind::kExtent, "3"};
constexpr OperatorParameter kGroups = {
    "groups", "groups of channels that are convolved apart; divides c and o", Kind::kExtent, "1"};
constexpr OperatorParameter kBias = {"bias", "1: adds a value to each channel of y", Kind::kFlag,
                                     "0"};
constexpr OperatorParameter kConstFilter = {"const_w", "1: the filter is known before the call",
                                            Kind::kFlag, "1"};

bool ChannelsFirst(const Words& words) { return words.Get("layout")[1] == 'c'; }

// Sets $equations and what they read, once $reduced, $f_... and $o_... (channels of y) are.
absl::Status SetProducts(Words& words) {
  words.Set("const", words.Flag("const_w") ? "const " : "");
  words.Set("bias_argument", words.Flag("bias") ? ", b: $bias_type[$o_shape]" : "");
  words.Set("x_read", words.Number("padding") > 0 ? "(x[$x_at] else 0)" : "x[$x_at]");
  return SetEquations(words, {.indices = "$y_indices",
                              .left = "$y_left",
                              .sum = "sum($reduced) $acc($x_read) * $acc(f[$f_at])",
                              .bias = "b[$o_at]"});
}

absl::Status DeriveConvolution(Words& words, SpatialDimensions dimensions) {
  int64_t c = words.Number("c"), o = words.Number("o"), groups = words.Number("groups");
  if (c % groups != 0 || o % groups != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("groups=", groups, " does not divide ",
                     c % groups != 0 ? "c=" : "o=", c % groups != 0 ? c : o));
  }
  bool grouped = groups > 1;
  words.Set("c_each", absl::StrCat(c / groups));
  words.Set("o_each", absl::StrCat(o / groups));
  words.Set("o_shape", grouped ? "$groups, $o_each" : "$o");
  words.Set("o_at", grouped ? "g, o" : "o");
  Channels channels = {"c", "$c", "o"};
  if (grouped) channels = {"g, c", "$groups, $c_each", "g, o"};
  RETURN_IF_ERROR(SetWindow(words, dimensions, channels));
  bool first = ChannelsFirst(words);
  words.Set("f_shape",
            first ? "$o_shape, $c_each, $tap_extents" : "$tap_extents, $c_each, $o_shape");
  words.Set("f_at", first ? "$o_at, c, $taps" : "$taps, c, $o_at");
  words.Set("reduced", first ? "c, $taps" : "$taps, c");
  return SetProducts(words);
}

absl::Status DeriveConv1d(Words& words) { return DeriveConvolution(words, kWidth); }
absl::Status DeriveConv2d(Words& words) { return DeriveConvolution(words, kHeightAndWidth); }

absl::Status DeriveDepthwise(Words& words) {
  RETURN_IF_ERROR(SetWindow(words, kHeightAndWidth, {"c", "$c", "c"}));
  bool first = ChannelsFirst(words);
  words.Set("f_shape", first ? "$c, $tap_extents" : "$tap_extents, $c");
  words.Set("f_at", first ? "c, $taps" : "$taps, c");
  words.Set("reduced", "$taps");
  words.Set("o_shape", "$c");
  words.Set("o_at", "c");
  return SetProducts(words);
}

std::string Text(std::string_view name) {
  return absl::StrCat("func ", std::string(name),
                      "(x: $in[$x_shape], f: $const$weight[$f_shape]$bias_argument) -> (y) {\n"
                      "  $equations\n"
                      "}\n");
}

}  // namespace

std::vector<OperatorDefinition> ConvolutionOperators() {
  std::vector<OperatorDefinition> operators;
  operators.push_back(
      {{"conv1d",
        "y[n, w, o] = sum(s, c) x[n, stride*w + dilation*s - padding, c] * f[s, c, o]",
        "x[n, w, c], f[s, c / groups, o] (ncw: f[o, c / groups, s]), b[o] -> y[n, w', o]; w' = (w "
        "+ 2 * padding - dilation * (s - 1) - 1) // stride + 1",
        "ONNX Conv",
        {{"n", "sequences", Kind::kExtent, "1"},
         {"w", "length of x"},
         kChannels,
         kOutputs,
         {"s", "length of the filter", Kind::kExtent, "3"},
         Stride("1"),
         Padding(),
         Dilation(),
         kGroups,
         Layout1d(),
         kBias,
         Activation(),
         kConstFilter,
         ProductType(),
         ResultType()}},
       DeriveConv1d,
       Text("conv1d")});
  operators.push_back(
      {{"conv2d",
        "y[n, h, w, o] = sum(r, s, c) x[n, stride*h + dilation*r - padding, stride*w + dilation*s "
        "- padding, c] * f[r, s, c, o]",
        "x[n, h, w, c], f[r, s, c / groups, o] (nchw: f[o, c / groups, r, s]), b[o] -> y[n, h', "
        "w', o]; h' = (h + 2 * padding - dilation * (r - 1) - 1) // stride + 1, w' alike",
        "ONNX Conv",
        {kBatch, kHeight, kWidthOfX, kChannels, kOutputs, kFilterHeight, kFilterWidth, Stride("1"),
         Padding(), Dilation(), kGroups, Layout2d(), kBias, Activation(), kConstFilter,
         ProductType(), ResultType()}},
       DeriveConv2d,
       Text("conv2d")});
  operators.push_back(
      {{"depthwise_conv2d",
        "y[n, h, w, c] = sum(r, s) x[n, stride*h + dilation*r - padding, stride*w + dilation*s - "
        "padding, c] * f[r, s, c]",
        "x[n, h, w, c], f[r, s, c] (nchw: f[c, r, s]), b[c] -> y[n, h', w', c]; h', w' as for "
        "conv2d",
        "ONNX Conv with group = channels",
        {kBatch, kHeight, kWidthOfX, kChannels, kFilterHeight, kFilterWidth, Stride("1"), Padding(),
         Dilation(), Layout2d(), kBias, Activation(), kConstFilter, ProductType(), ResultType()}},
       DeriveDepthwise,
       Text("depthwise_conv2d")});
  return operators;
}

}  // namespace lathe
