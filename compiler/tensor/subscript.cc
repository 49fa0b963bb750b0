#include "compiler/tensor/subscript.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

constexpr int64_t kLimit = int64_t{1} << 62;

absl::Status Overflow() { return absl::InvalidArgumentError("this subscript overflows"); }

absl::Status NotAffine(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("a subscript is a sum of indices with constant factors, '//' and '%' by "
                   "constants; it cannot hold ",
                   what));
}

// sum += factor * addend
absl::Status Accumulate(const Subscript& addend, int64_t factor, Subscript& sum) {
  int64_t scaled;
  if (__builtin_mul_overflow(addend.constant, factor, &scaled) ||
      __builtin_add_overflow(sum.constant, scaled, &sum.constant)) {
    return Overflow();
  }
  for (const auto& [atom, atom_factor] : addend.terms) {
    if (__builtin_mul_overflow(atom_factor, factor, &scaled)) return Overflow();
    auto same = [&atom = atom](const auto& term) { return StructurallyEqual(term.first, atom); };
    auto it = std::find_if(sum.terms.begin(), sum.terms.end(), same);
    if (it == sum.terms.end()) {
      sum.terms.emplace_back(atom, scaled);
    } else if (__builtin_add_overflow(it->second, scaled, &it->second)) {
      return Overflow();
    }
  }
  return absl::OkStatus();
}

void Normalize(Subscript& s) {
  std::erase_if(s.terms, [](const auto& term) { return term.second == 0; });
  std::sort(s.terms.begin(), s.terms.end(),
            [](const auto& a, const auto& b) { return ToText(a.first) < ToText(b.first); });
}

absl::StatusOr<Subscript> Quotient(const Binary& node) {
  std::optional<int64_t> divisor = AsConstInt(node.b);
  if (!divisor || *divisor <= 0) {
    return absl::InvalidArgumentError("the divisor of '//' and '%' must be a positive constant");
  }
  ASSIGN_OR_RETURN(Subscript inner, ParseSubscript(node.a));
  Subscript result;
  if (inner.terms.empty()) {
    result.constant = node.op == BinaryOp::kMod ? FloorMod(inner.constant, *divisor)
                                                : FloorDiv(inner.constant, *divisor);
  } else {
    result.terms.emplace_back(MakeBinary(node.op, inner.ToExpr(), node.b), 1);
  }
  return result;
}

absl::StatusOr<Subscript> ParseBinary(const Binary& node) {
  if (node.op == BinaryOp::kFloorDiv || node.op == BinaryOp::kMod) return Quotient(node);
  bool is_sum = node.op == BinaryOp::kAdd || node.op == BinaryOp::kSub;
  if (!is_sum && node.op != BinaryOp::kMul) {
    return NotAffine(absl::StrCat("'", std::string(Name(node.op)), "'"));
  }
  ASSIGN_OR_RETURN(Subscript a, ParseSubscript(node.a));
  ASSIGN_OR_RETURN(Subscript b, ParseSubscript(node.b));
  Subscript result;
  if (is_sum) {
    result = std::move(a);
    RETURN_IF_ERROR(Accumulate(b, node.op == BinaryOp::kAdd ? 1 : -1, result));
  } else if (b.terms.empty()) {
    RETURN_IF_ERROR(Accumulate(a, b.constant, result));
  } else if (a.terms.empty()) {
    RETURN_IF_ERROR(Accumulate(b, a.constant, result));
  } else {
    return NotAffine("a product of two indices");
  }
  Normalize(result);
  return result;
}

struct WideRange {
  __int128 min, max;
};

absl::StatusOr<ValueRange> Narrow(const WideRange& range) {
  if (range.min < -kLimit || range.max > kLimit) return Overflow();
  return ValueRange{static_cast<int64_t>(range.min), static_cast<int64_t>(range.max)};
}

absl::StatusOr<ValueRange> RangeOfAtom(const Expr& atom, const Extents& extents) {
  if (const auto* var = atom.As<Var>()) {
    auto it = extents.find(var->name);
    if (it == extents.end()) {
      return absl::InvalidArgumentError(absl::StrCat("there is no index '", var->name, "' here"));
    }
    return ValueRange{0, it->second - 1};
  }
  const Binary& node = *atom.As<Binary>();
  int64_t divisor = *AsConstInt(node.b);
  ASSIGN_OR_RETURN(Subscript inner, ParseSubscript(node.a));
  ASSIGN_OR_RETURN(ValueRange range, RangeOf(inner, extents));
  int64_t low = FloorDiv(range.min, divisor), high = FloorDiv(range.max, divisor);
  if (node.op == BinaryOp::kFloorDiv) return ValueRange{low, high};
  if (low != high) return ValueRange{0, divisor - 1};
  return ValueRange{range.min - low * divisor, range.max - low * divisor};
}

}  // namespace

Expr Subscript::ToExpr() const {
  Expr sum;
  auto add = [&](const Expr& atom, int64_t factor) {
    bool subtract = sum && factor < 0 && factor != std::numeric_limits<int64_t>::min();
    int64_t size = subtract ? -factor : factor;
    Expr term = size == 1 ? atom : MakeBinary(BinaryOp::kMul, MakeInt(size), atom);
    if (!sum) {
      sum = std::move(term);
    } else {
      sum = MakeBinary(subtract ? BinaryOp::kSub : BinaryOp::kAdd, std::move(sum), std::move(term));
    }
  };
  for (bool positive : {true, false}) {
    for (const auto& [atom, factor] : terms) {
      if ((factor > 0) == positive) add(atom, factor);
    }
  }
  if (constant != 0 || !sum) add(MakeInt(1), constant);
  return sum;
}

absl::StatusOr<Subscript> ParseSubscript(const Expr& e) {
  if (e.type() != kIndexType) {
    return NotAffine(absl::StrCat("a value of type ", Name(e.type())));
  }
  Subscript result;
  switch (e.kind()) {
    case ExprKind::kIntImm:
      result.constant = e.As<IntImm>()->value;
      return result;
    case ExprKind::kVar:
      result.terms.emplace_back(e, 1);
      return result;
    case ExprKind::kUnary: {
      if (e.As<Unary>()->op != UnaryOp::kNeg) break;
      ASSIGN_OR_RETURN(Subscript inner, ParseSubscript(e.As<Unary>()->a));
      RETURN_IF_ERROR(Accumulate(inner, -1, result));
      return result;
    }
    case ExprKind::kBinary:
      return ParseBinary(*e.As<Binary>());
    case ExprKind::kRead:
      return NotAffine("an element of a tensor");
    default:
      break;
  }
  return NotAffine(absl::StrCat("'", ToText(e), "'"));
}

absl::StatusOr<ValueRange> RangeOf(const Subscript& subscript, const Extents& extents) {
  WideRange sum{subscript.constant, subscript.constant};
  for (const auto& [atom, factor] : subscript.terms) {
    ASSIGN_OR_RETURN(ValueRange range, RangeOfAtom(atom, extents));
    __int128 a = static_cast<__int128>(factor) * range.min;
    __int128 b = static_cast<__int128>(factor) * range.max;
    ASSIGN_OR_RETURN(ValueRange checked,
                     Narrow({sum.min + std::min(a, b), sum.max + std::max(a, b)}));
    sum = {checked.min, checked.max};
  }
  return Narrow(sum);
}

}  // namespace lathe
