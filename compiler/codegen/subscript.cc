#include "compiler/codegen/subscript.h"

namespace lathe {
namespace {

void AddTerm(const Expr& term, int64_t coefficient, Subscript* out) {
  for (auto& [known, sum] : out->terms) {
    if (StructurallyEqual(known, term)) {
      sum += coefficient;
      return;
    }
  }
  out->terms.emplace_back(term, coefficient);
}

// Adds scale * e to `out`; false when e is a vector of another form.
bool Accumulate(const Expr& e, int64_t scale, Subscript* out) {
  if (auto value = AsConstInt(e)) {
    out->constant += scale * *value;
    return true;
  }
  if (const auto* ramp = e.As<Ramp>()) {
    out->stride += scale * ramp->stride;
    return Accumulate(ramp->base, scale, out);
  }
  if (const auto* broadcast = e.As<Broadcast>()) return Accumulate(broadcast->value, scale, out);
  if (const auto* binary = e.As<Binary>()) {
    switch (binary->op) {
      case BinaryOp::kAdd:
        return Accumulate(binary->a, scale, out) && Accumulate(binary->b, scale, out);
      case BinaryOp::kSub:
        return Accumulate(binary->a, scale, out) && Accumulate(binary->b, -scale, out);
      case BinaryOp::kMul:
        if (auto factor = AsConstInt(binary->b)) {
          return Accumulate(binary->a, scale * *factor, out);
        }
        if (auto factor = AsConstInt(binary->a)) {
          return Accumulate(binary->b, scale * *factor, out);
        }
        break;
      default:
        break;
    }
  }
  if (e.type().lanes > 1) return false;
  AddTerm(e, scale, out);
  return true;
}

}  // namespace

std::optional<Subscript> AnalyzeSubscript(const Expr& e) {
  Subscript subscript;
  subscript.lanes = e.type().lanes;
  if (!Accumulate(e, 1, &subscript)) return std::nullopt;
  std::erase_if(subscript.terms, [](const auto& term) { return term.second == 0; });
  return subscript;
}

}  // namespace lathe
