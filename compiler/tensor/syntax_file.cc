// Files of functions: headers, tables, equations.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/syntax.h"

namespace lathe {
namespace {

// Words that would make a text ambiguous to a reader, if not to the parser.
constexpr std::array<std::string_view, 11> kReserved = {
    "and", "const", "else", "false", "func", "if", "inf", "lathe", "nan", "not", "or"};

// A name that is being defined.
absl::StatusOr<SyntaxName> ParseName(TokenStream& tokens, std::string_view what) {
  ASSIGN_OR_RETURN(Token token, tokens.ExpectName(what));
  if (IsReservedName(token.text)) {
    return tokens.ErrorAt(token,
                          absl::StrCat("'", ToAbsl(token.text), "' is a word of the language"));
  }
  if (token.text.find('.') != std::string_view::npos) {
    return tokens.ErrorAt(token, "names are made of letters, digits and '_'");
  }
  return SyntaxName{std::string(token.text), token.offset};
}

absl::StatusOr<int64_t> ParseExtent(TokenStream& tokens) {
  Token token = tokens.Peek();
  if (token.kind == TokenKind::kName) {
    return tokens.ErrorAt(token, absl::StrCat("'", ToAbsl(token.text),
                                              "' is not a number: symbolic extents are reserved "
                                              "and not supported yet"));
  }
  ASSIGN_OR_RETURN(int64_t extent, tokens.ExpectInteger("an extent"));
  if (extent <= 0) {
    return tokens.ErrorAt(token, absl::StrCat("an extent must be positive, not ", extent));
  }
  return extent;
}

class FileParser {
 public:
  explicit FileParser(TokenStream& tokens) : tokens_(tokens) {}

  absl::StatusOr<std::vector<SyntaxFunction>> File() {
    RETURN_IF_ERROR(Header());
    std::vector<SyntaxFunction> functions;
    tokens_.SkipNewlines();
    while (!tokens_.AtEnd()) {
      if (!tokens_.AcceptName("func")) return tokens_.Unexpected("'func'");
      ASSIGN_OR_RETURN(SyntaxFunction function, Func());
      functions.push_back(std::move(function));
      tokens_.SkipNewlines();
    }
    if (functions.empty()) return tokens_.Unexpected("a function after the line `lathe 1`");
    return functions;
  }

 private:
  absl::Status Header() {
    tokens_.SkipNewlines();
    Token word = tokens_.Peek();
    if (!tokens_.AcceptName("lathe")) {
      return tokens_.ErrorAt(word, "a file of tensor functions begins with the line `lathe 1`");
    }
    Token version = tokens_.Peek();
    ASSIGN_OR_RETURN(int64_t number, tokens_.ExpectInteger("the version of the language"));
    if (number != 1) {
      return tokens_.ErrorAt(version, absl::StrCat("this text is in version ", number,
                                                   " of the language; only version 1 is known"));
    }
    return tokens_.ExpectNewline();
  }

  absl::StatusOr<SyntaxFunction> Func() {
    SyntaxFunction function;
    ASSIGN_OR_RETURN(function.name, ParseName(tokens_, "the name of the function"));
    if (tokens_.AtSymbol("[")) return SymbolicExtents();
    RETURN_IF_ERROR(tokens_.ExpectSymbol("("));
    if (!tokens_.AcceptSymbol(")")) {
      do {
        ASSIGN_OR_RETURN(SyntaxTensor argument, Argument());
        function.arguments.push_back(std::move(argument));
      } while (tokens_.AcceptSymbol(","));
      RETURN_IF_ERROR(tokens_.ExpectSymbol(")"));
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol("->"));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("("));
    do {
      ASSIGN_OR_RETURN(SyntaxName output, ParseName(tokens_, "the name of an output"));
      function.outputs.push_back(std::move(output));
    } while (tokens_.AcceptSymbol(","));
    RETURN_IF_ERROR(tokens_.ExpectSymbol(")"));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("{"));
    tokens_.SkipNewlines();
    while (!tokens_.AcceptSymbol("}")) {
      if (tokens_.AtEnd()) return tokens_.Unexpected("'}'");
      if (tokens_.AcceptName("const")) {
        ASSIGN_OR_RETURN(SyntaxTensor table, Table());
        function.tables.push_back(std::move(table));
      } else {
        ASSIGN_OR_RETURN(SyntaxEquation equation, Equation());
        function.equations.push_back(std::move(equation));
      }
      if (!tokens_.AtSymbol("}")) RETURN_IF_ERROR(tokens_.ExpectNewline());
      tokens_.SkipNewlines();
    }
    RETURN_IF_ERROR(tokens_.ExpectNewline());
    return function;
  }

  // `[M: 1..512, ...]` after a function's name: checked, then refused.
  absl::Status SymbolicExtents() {
    Token bracket = tokens_.Next();
    do {
      RETURN_IF_ERROR(ParseName(tokens_, "the name of a symbolic extent").status());
      RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
      RETURN_IF_ERROR(ParseExtent(tokens_).status());
      RETURN_IF_ERROR(tokens_.ExpectSymbol(".."));
      RETURN_IF_ERROR(ParseExtent(tokens_).status());
    } while (tokens_.AcceptSymbol(","));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("]"));
    return tokens_.ErrorAt(bracket,
                           "symbolic extents are reserved and not supported yet: "
                           "write one function for each shape");
  }

  // `TYPE[EXTENT, ...]`
  absl::Status TypeAndShape(SyntaxTensor& tensor) {
    ASSIGN_OR_RETURN(Token token, tokens_.ExpectName("a type, as in f32[4, 8]"));
    auto type = ScalarTypeFromName(token.text);
    if (!type) {
      return tokens_.ErrorAt(token,
                             absl::StrCat("there is no type '", ToAbsl(token.text),
                                          "'; types are f64 f32 f16 bf16 i64 i32 i8 u8 bool"));
    }
    tensor.type = *type;
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    if (tokens_.AcceptSymbol("]")) return absl::OkStatus();
    do {
      ASSIGN_OR_RETURN(int64_t extent, ParseExtent(tokens_));
      tensor.shape.push_back(extent);
      if (tensor.shape.size() > kMaxRank) {
        return tokens_.ErrorAt(token,
                               absl::StrCat("a tensor has at most ", kMaxRank, " dimensions"));
      }
    } while (tokens_.AcceptSymbol(","));
    return tokens_.ExpectSymbol("]");
  }

  absl::StatusOr<SyntaxTensor> Argument() {
    ASSIGN_OR_RETURN(SyntaxName name, ParseName(tokens_, "the name of an argument"));
    SyntaxTensor argument;
    argument.name = std::move(name.name);
    argument.offset = name.offset;
    RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
    argument.is_const = tokens_.AcceptName("const");
    RETURN_IF_ERROR(TypeAndShape(argument));
    return argument;
  }

  // After `const`: NAME: TYPE[SHAPE] = VALUES, nested by rows or flat.
  absl::StatusOr<SyntaxTensor> Table() {
    ASSIGN_OR_RETURN(SyntaxName name, ParseName(tokens_, "the name of a table"));
    SyntaxTensor table;
    table.name = std::move(name.name);
    table.offset = name.offset;
    table.is_const = true;
    RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
    RETURN_IF_ERROR(TypeAndShape(table));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("="));
    bool is_flat = tokens_.AtSymbol("[") && !tokens_.AtSymbol("[", 1);
    if (is_flat && table.shape.size() != 1) {
      RETURN_IF_ERROR(FlatValues(table));
    } else {
      RETURN_IF_ERROR(NestedValues(table, 0));
    }
    return table;
  }

  absl::Status FlatValues(SyntaxTensor& table) {
    Token open = tokens_.Next();
    do {
      RETURN_IF_ERROR(Value(table));
    } while (tokens_.AcceptSymbol(","));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("]"));
    unsigned __int128 expected = 1;
    for (int64_t extent : table.shape) {
      if (expected <= table.values.size()) expected *= extent;
    }
    if (expected == table.values.size()) return absl::OkStatus();
    return tokens_.ErrorAt(open, absl::StrCat("table ", table.name, " lists ", table.values.size(),
                                              " values, which do not fill its shape"));
  }

  absl::Status NestedValues(SyntaxTensor& table, size_t dimension) {
    if (dimension == table.shape.size()) return Value(table);
    Token open = tokens_.Peek();
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    int64_t count = 0;
    do {
      RETURN_IF_ERROR(NestedValues(table, dimension + 1));
      ++count;
    } while (tokens_.AcceptSymbol(","));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("]"));
    if (count == table.shape[dimension]) return absl::OkStatus();
    return tokens_.ErrorAt(open,
                           absl::StrCat("table ", table.name, " needs ", table.shape[dimension],
                                        " elements here, and lists ", count));
  }

  absl::Status Value(SyntaxTensor& table) {
    Token token = tokens_.Peek();
    if (table.type == ScalarType::kBool) {
      bool is_true = tokens_.AtName("true");
      if (!is_true && !tokens_.AtName("false")) return tokens_.Unexpected("true or false");
      tokens_.Next();
      table.values.push_back(is_true);
      return absl::OkStatus();
    }
    bool negative = tokens_.AcceptSymbol("-");
    if (tokens_.Peek().kind != TokenKind::kNumber && !tokens_.AtName("inf") &&
        !tokens_.AtName("nan")) {
      return tokens_.Unexpected("a number");
    }
    auto constant = ConstantFromText(tokens_.Next().text, negative, table.type);
    if (!constant.ok()) return tokens_.ErrorAt(token, FromAbsl(constant.status().message()));
    if (const auto* imm = constant->As<FloatImm>()) {
      table.values.push_back(imm->value);
      return absl::OkStatus();
    }
    int64_t value = constant->As<IntImm>()->value;
    constexpr int64_t kExact = int64_t{1} << 53;
    if (value > kExact || value < -kExact) {
      return tokens_.ErrorAt(token, "integers in tables are limited to 2^53");
    }
    table.values.push_back(static_cast<double>(value));
    return absl::OkStatus();
  }

  // NAME[INDEX, ...] = EXPRESSION
  absl::StatusOr<SyntaxEquation> Equation() {
    ASSIGN_OR_RETURN(SyntaxName name, ParseName(tokens_, "an equation, as in y[i] = ..."));
    SyntaxEquation equation;
    equation.name = std::move(name.name);
    equation.offset = name.offset;
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    ASSIGN_OR_RETURN(equation.axes, ParseSyntaxAxes(tokens_, "]"));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("="));
    auto is_variable = [&](std::string_view candidate) {
      for (const SyntaxAxis& axis : equation.axes) {
        if (axis.name == candidate) return true;
      }
      return false;
    };
    ASSIGN_OR_RETURN(equation.body, ParseSyntaxExpr(tokens_, is_variable));
    return equation;
  }

  TokenStream& tokens_;
};

}  // namespace

bool IsReservedName(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

absl::StatusOr<std::vector<SyntaxAxis>> ParseSyntaxAxes(TokenStream& tokens,
                                                        std::string_view close) {
  std::vector<SyntaxAxis> axes;
  if (tokens.AcceptSymbol(close)) return axes;
  do {
    ASSIGN_OR_RETURN(SyntaxName name, ParseName(tokens, "the name of an index"));
    SyntaxAxis axis;
    axis.name = std::move(name.name);
    axis.offset = name.offset;
    if (tokens.AcceptSymbol(":")) {
      ASSIGN_OR_RETURN(axis.extent, ParseExtent(tokens));
    }
    axes.push_back(std::move(axis));
  } while (tokens.AcceptSymbol(","));
  RETURN_IF_ERROR(tokens.ExpectSymbol(close));
  return axes;
}

absl::StatusOr<std::vector<SyntaxFunction>> ParseSyntaxFile(TokenStream& tokens) {
  return FileParser(tokens).File();
}

}  // namespace lathe
