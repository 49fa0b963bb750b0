// Expressions, by precedence climbing.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/syntax.h"

namespace lathe {
namespace {

using Kind = SyntaxExpr::Kind;

struct Operator {
  BinaryOp op;
  int precedence;  // higher binds tighter
};

constexpr int kNotPrecedence = 3;
constexpr int kComparisonPrecedence = 4;

std::optional<Operator> OperatorOf(const Token& token) {
  static const auto& table = *new absl::flat_hash_map<std::string, Operator>{
      {"or", {BinaryOp::kOr, 1}},       {"and", {BinaryOp::kAnd, 2}}, {"<", {BinaryOp::kLt, 4}},
      {"<=", {BinaryOp::kLe, 4}},       {">", {BinaryOp::kGt, 4}},    {">=", {BinaryOp::kGe, 4}},
      {"==", {BinaryOp::kEq, 4}},       {"!=", {BinaryOp::kNe, 4}},   {"+", {BinaryOp::kAdd, 5}},
      {"-", {BinaryOp::kSub, 5}},       {"*", {BinaryOp::kMul, 6}},   {"/", {BinaryOp::kDiv, 6}},
      {"//", {BinaryOp::kFloorDiv, 6}}, {"%", {BinaryOp::kMod, 6}},
  };
  if (token.kind != TokenKind::kSymbol && token.kind != TokenKind::kName) return std::nullopt;
  auto it = table.find(std::string(token.text));
  return it == table.end() ? std::nullopt : std::optional(it->second);
}

// sum_lanes, prod_lanes, max_lanes, min_lanes.
std::optional<ReduceOp> LaneReduction(std::string_view name) {
  for (ReduceOp op : {ReduceOp::kSum, ReduceOp::kProd, ReduceOp::kMax, ReduceOp::kMin}) {
    std::string_view own = Name(op);
    if (name.starts_with(own) && name.substr(own.size()) == "_lanes") return op;
  }
  return std::nullopt;
}

std::optional<UnaryOp> UnaryFunction(std::string_view name) {
  for (int i = static_cast<int>(UnaryOp::kAbs); i <= static_cast<int>(UnaryOp::kSigmoid); ++i) {
    if (Name(static_cast<UnaryOp>(i)) == name) return static_cast<UnaryOp>(i);
  }
  return std::nullopt;
}

std::optional<BinaryOp> BinaryFunction(std::string_view name) {
  for (BinaryOp op : {BinaryOp::kMin, BinaryOp::kMax, BinaryOp::kPow}) {
    if (Name(op) == name) return op;
  }
  return std::nullopt;
}

std::optional<ReduceOp> Reduction(std::string_view name) {
  for (ReduceOp op : {ReduceOp::kSum, ReduceOp::kProd, ReduceOp::kMax, ReduceOp::kMin}) {
    if (Name(op) == name) return op;
  }
  return std::nullopt;
}

const std::vector<std::string>& FunctionNames() {
  static const auto& names = *new std::vector<std::string>{
      "sum", "prod", "max",  "min",   "select", "pow", "abs",     "floor",
      "exp", "log",  "sqrt", "rsqrt", "tanh",   "erf", "sigmoid", "f64",
      "f32", "f16",  "bf16", "i64",   "i32",    "i8",  "u8"};
  return names;
}

class ExprParser {
 public:
  ExprParser(TokenStream& tokens, IsVariableFn is_variable)
      : tokens_(tokens), is_variable_(is_variable) {}

  absl::StatusOr<SyntaxExprPtr> Expression(int min_precedence = 0) {
    if (++depth_ > kMaxExpressionHeight) return TooDeep(tokens_.Peek().offset);
    ASSIGN_OR_RETURN(SyntaxExprPtr left, Prefix(min_precedence));
    bool compared = false;
    while (true) {
      auto op = OperatorOf(tokens_.Peek());
      if (!op || op->precedence < min_precedence) break;
      bool compares = op->precedence == kComparisonPrecedence;
      if (compares && compared) {
        return tokens_.ErrorAt(tokens_.Peek(),
                               "comparisons do not chain: write (a < b) and (b < c)");
      }
      compared = compares;
      Token token = tokens_.Next();
      ASSIGN_OR_RETURN(SyntaxExprPtr right, Expression(op->precedence + 1));
      SyntaxExprPtr node = New(Kind::kBinary, token);
      node->binary = op->op;
      RETURN_IF_ERROR(Adopt(*node, std::move(left)));
      RETURN_IF_ERROR(Adopt(*node, std::move(right)));
      left = std::move(node);
    }
    --depth_;
    return left;
  }

 private:
  static SyntaxExprPtr New(Kind kind, const Token& token) {
    auto node = std::make_unique<SyntaxExpr>();
    node->kind = kind;
    node->offset = token.offset;
    node->text = token.text;
    return node;
  }

  absl::Status TooDeep(size_t offset) const {
    return tokens_.source().ErrorAt(
        offset, absl::StrCat("the expression nests deeper than ", kMaxExpressionHeight,
                             " levels: split it into several equations"));
  }

  absl::Status Measure(SyntaxExpr& parent, const SyntaxExpr& child) {
    parent.height = std::max(parent.height, child.height + 1);
    return parent.height > kMaxExpressionHeight ? TooDeep(parent.offset) : absl::OkStatus();
  }

  absl::Status Adopt(SyntaxExpr& parent, SyntaxExprPtr child) {
    RETURN_IF_ERROR(Measure(parent, *child));
    parent.children.push_back(std::move(child));
    return absl::OkStatus();
  }

  // An operand with the prefix operators before it.
  absl::StatusOr<SyntaxExprPtr> Prefix(int min_precedence) {
    tokens_.SkipNewlines();
    if (tokens_.AtSymbol("-")) {
      Token token = tokens_.Next();
      if (AtNumber()) {
        SyntaxExprPtr number = New(Kind::kNumber, tokens_.Next());
        number->negative = true;
        return number;
      }
      if (++depth_ > kMaxExpressionHeight) return TooDeep(token.offset);
      ASSIGN_OR_RETURN(SyntaxExprPtr operand, Prefix(kComparisonPrecedence));
      --depth_;
      SyntaxExprPtr node = New(Kind::kUnary, token);
      node->unary = UnaryOp::kNeg;
      RETURN_IF_ERROR(Adopt(*node, std::move(operand)));
      return node;
    }
    if (tokens_.AtName("not") && min_precedence <= kNotPrecedence) {
      Token token = tokens_.Next();
      ASSIGN_OR_RETURN(SyntaxExprPtr operand, Expression(kNotPrecedence));
      SyntaxExprPtr node = New(Kind::kUnary, token);
      node->unary = UnaryOp::kNot;
      RETURN_IF_ERROR(Adopt(*node, std::move(operand)));
      return node;
    }
    return Primary();
  }

  bool AtNumber() const {
    return tokens_.Peek().kind == TokenKind::kNumber || tokens_.AtName("inf") ||
           tokens_.AtName("nan");
  }

  absl::StatusOr<SyntaxExprPtr> Primary() {
    if (AtNumber()) return New(Kind::kNumber, tokens_.Next());
    if (tokens_.AtSymbol("(")) return Parenthesized();
    if (tokens_.Peek().kind != TokenKind::kName) {
      return tokens_.Unexpected("a number, a name or '('");
    }
    Token name = tokens_.Next();
    if (tokens_.AtSymbol("[")) return Read(name);
    if (tokens_.AtSymbol("(")) return Call(name);
    if (name.text == "true" || name.text == "false") {
      SyntaxExprPtr node = New(Kind::kBool, name);
      node->value = name.text == "true";
      return node;
    }
    for (std::string_view word : {"else", "if", "and", "or", "not", "const", "func"}) {
      if (name.text == word) {
        return tokens_.ErrorAt(name, absl::StrCat("expected a number, a name or '(', but found '",
                                                  ToAbsl(name.text), "'"));
      }
    }
    return New(Kind::kVariable, name);
  }

  // (E), a guarded read (x[...] else E), or with a predicate (x[...] if P else E).
  absl::StatusOr<SyntaxExprPtr> Parenthesized() {
    tokens_.Next();
    ASSIGN_OR_RETURN(SyntaxExprPtr inner, Expression());
    bool has_predicate = tokens_.AtName("if");
    if (has_predicate || tokens_.AtName("else")) {
      if (inner->kind != Kind::kRead || inner->otherwise) {
        return tokens_.ErrorAt(tokens_.Peek(),
                               "a guard follows a read only, as in (x[i - 1] else 0)");
      }
      if (has_predicate) {
        tokens_.Next();
        ASSIGN_OR_RETURN(inner->predicate, Expression());
        RETURN_IF_ERROR(Measure(*inner, *inner->predicate));
      }
      if (!tokens_.AcceptName("else")) return tokens_.Unexpected("'else'");
      ASSIGN_OR_RETURN(inner->otherwise, Expression());
      RETURN_IF_ERROR(Measure(*inner, *inner->otherwise));
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol(")"));
    return inner;
  }

  absl::StatusOr<SyntaxExprPtr> Read(const Token& name) {
    SyntaxExprPtr node = New(Kind::kRead, name);
    tokens_.Next();
    RETURN_IF_ERROR(Children(*node, "]"));
    return node;
  }

  // `E, E, ...` up to `close`, which is consumed.
  absl::Status Children(SyntaxExpr& node, std::string_view close) {
    if (tokens_.AcceptSymbol(close)) return absl::OkStatus();
    do {
      ASSIGN_OR_RETURN(SyntaxExprPtr child, Expression());
      RETURN_IF_ERROR(Adopt(node, std::move(child)));
    } while (tokens_.AcceptSymbol(","));
    return tokens_.ExpectSymbol(close);
  }

  bool IsVariable(std::string_view name) const {
    return std::find(reduced_.begin(), reduced_.end(), name) != reduced_.end() ||
           is_variable_(name);
  }

  // Whether `(` opens the indices of a reduction rather than the arguments of
  // min or max: names with extents, or names that are no index yet.
  bool OpensReduction() const {
    bool is_new = false;
    for (size_t i = 1;; ++i) {
      if (tokens_.Peek(i).kind != TokenKind::kName) return false;
      is_new = is_new || !IsVariable(tokens_.Peek(i).text);
      ++i;
      if (tokens_.AtSymbol(":", i)) return true;
      if (tokens_.AtSymbol(")", i)) return is_new || i == 2;
      if (!tokens_.AtSymbol(",", i)) return false;
    }
  }

  absl::StatusOr<SyntaxExprPtr> Call(const Token& name) {
    auto reduce = Reduction(name.text);
    auto binary = BinaryFunction(name.text);
    if (reduce && (!binary || OpensReduction())) {
      SyntaxExprPtr node = New(Kind::kReduce, name);
      node->reduce = *reduce;
      tokens_.Next();
      ASSIGN_OR_RETURN(node->axes, ParseSyntaxAxes(tokens_, ")"));
      if (node->axes.empty())
        return tokens_.ErrorAt(name, "a reduction needs an index, as in sum(k) x[k]");
      size_t outer = reduced_.size();
      for (const SyntaxAxis& axis : node->axes) reduced_.push_back(axis.name);
      ASSIGN_OR_RETURN(SyntaxExprPtr body, Expression());
      reduced_.resize(outer);
      RETURN_IF_ERROR(Adopt(*node, std::move(body)));
      return node;
    }
    SyntaxExprPtr node;
    size_t arity = 1;
    if (auto unary = UnaryFunction(name.text)) {
      node = New(Kind::kUnary, name);
      node->unary = *unary;
    } else if (auto type = TypeFromName(name.text)) {
      node = New(Kind::kCast, name);
      node->type = *type;
    } else if (binary) {
      node = New(Kind::kBinary, name);
      node->binary = *binary;
      arity = 2;
    } else if (name.text == "select") {
      node = New(Kind::kSelect, name);
      arity = 3;
    } else if (name.text == "ramp") {
      node = New(Kind::kRamp, name);
      arity = 3;
    } else if (name.text == "broadcast") {
      node = New(Kind::kBroadcast, name);
      arity = 2;
    } else if (auto lanes = LaneReduction(name.text)) {
      node = New(Kind::kLaneReduce, name);
      node->reduce = *lanes;
    } else {
      return tokens_.ErrorAt(name, absl::StrCat("there is no function '", ToAbsl(name.text), "'",
                                                DidYouMean(name.text, FunctionNames())));
    }
    tokens_.Next();
    RETURN_IF_ERROR(Children(*node, ")"));
    if (node->children.size() != arity) {
      return tokens_.ErrorAt(name, absl::StrCat(ToAbsl(name.text), " takes ", arity,
                                                arity == 1 ? " operand" : " operands", ", not ",
                                                node->children.size()));
    }
    return node;
  }

  TokenStream& tokens_;
  IsVariableFn is_variable_;
  std::vector<std::string> reduced_;  // indices of the reductions around this place
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<SyntaxExprPtr> ParseSyntaxExpr(TokenStream& tokens, IsVariableFn is_variable) {
  return ExprParser(tokens, is_variable).Expression();
}

}  // namespace lathe
