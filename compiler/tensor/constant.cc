// Types and constants from their text.
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/scalar_math.h"
#include "compiler/tensor/syntax.h"

namespace lathe {
namespace {

// The nearest value of T; not a value if it overflows.
template <typename T>
std::optional<double> ParseFloating(std::string_view text) {
  T value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error != std::errc()) return std::nullopt;
  return value;
}

absl::Status DoesNotFit(std::string_view text, bool negative, ScalarType type) {
  return absl::InvalidArgumentError(
      absl::StrCat(negative ? "-" : "", ToAbsl(text), " does not fit ", ToAbsl(Name(type))));
}

}  // namespace

std::optional<Type> TypeFromName(std::string_view name) {
  if (auto scalar = ScalarTypeFromName(name)) return Type{*scalar, 1};
  size_t x = name.rfind('x');
  if (x == std::string_view::npos) return std::nullopt;
  auto scalar = ScalarTypeFromName(name.substr(0, x));
  int lanes = 0;
  bool is_number = absl::SimpleAtoi(ToAbsl(name.substr(x + 1)), &lanes);
  if (!scalar || !is_number || lanes < 2) return std::nullopt;
  return Type{*scalar, lanes};
}

absl::StatusOr<Expr> ConstantFromText(std::string_view text, bool negative, ScalarType type) {
  if (type == ScalarType::kBool) {
    return absl::InvalidArgumentError("a number where a bool must stand: write true or false");
  }
  if (IsFloat(type)) {
    std::optional<double> value;
    if (text == "inf") {
      value = INFINITY;
    } else if (text == "nan") {
      value = std::numeric_limits<double>::quiet_NaN();
    } else {
      // Rounded once: through double, a decimal could round twice.
      value = type == ScalarType::kF32 ? ParseFloating<float>(text) : ParseFloating<double>(text);
      if (value && !std::isfinite(RoundFloat(type, *value))) value.reset();
    }
    if (!value) return DoesNotFit(text, negative, type);
    return MakeFloat(negative ? -*value : *value, Type{type, 1});
  }
  if (text.find_first_not_of("0123456789") != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        ToAbsl(text), " is not an integer, and the other operand is ", ToAbsl(Name(type))));
  }
  std::string digits = absl::StrCat(negative ? "-" : "", ToAbsl(text));
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool fits = error == std::errc() && WrapInteger(type, value) == value;
  if (!fits) return DoesNotFit(text, negative, type);
  return MakeInt(value, Type{type, 1});
}

}  // namespace lathe
