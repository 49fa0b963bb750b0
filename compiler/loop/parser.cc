// The text of loop programs:
//
//   [lowered] program NAME {
//     in|const|out|packed|workspace|stack|register|tile NAME: TYPE[EXTENT, ...]
//     table NAME: TYPE[EXTENT, ...] = [NUMBER, ...]
//     stage NAME[AXIS: EXTENT, ...] [sum|prod|max|min(AXIS: EXTENT, ...)] [where CONDITION]
//     [prepare { STATEMENT ... }]
//     STATEMENT ...
//   }
//
// A statement is one of
//
//   for VAR in EXTENT [parallel|vectorize|unroll] [MARK ...] { STATEMENT ... }
//   if CONDITION { STATEMENT ... }
//   allocate BUFFER { STATEMENT ... }
//   prefetch BUFFER[INDEX, ...]
//   intrinsic NAME(BUFFER[INDEX] by (STRIDE, ...), ...)
//   STAGE[(AXIS = VALUE, ...)] [within [BASE: EXTENT, ...]]: BUFFER[INDEX, ...] = VALUE [if
//   PREDICATE]
//
// where a mark is tail=mask|partition, peel=first|last, outline, tensorize=NAME or
// prefetch=BUFFER:DISTANCE,
//
// where `init=`, `update=` and `sum=` (the stage's operation) in place of `=`
// state the role of a store. Expressions are those of tensor functions, with
// ramp(BASE, STRIDE, LANES), broadcast(VALUE, LANES) and guarded reads
// (BUFFER[INDEX, ...] if PREDICATE else VALUE).
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/program.h"
#include "compiler/loop/program_environment.h"
#include "compiler/loop/text_words.h"
#include "compiler/tensor/lexer.h"
#include "compiler/tensor/syntax.h"
#include "compiler/tensor/typing.h"

namespace lathe {
namespace {

constexpr int kMaxNesting = 200;
constexpr int64_t kMaxElements = int64_t{1} << 48;

template <typename Word>
std::optional<Word> WordFromName(std::string_view name, std::initializer_list<Word> words) {
  for (Word word : words) {
    if (Name(word) == name) return word;
  }
  return std::nullopt;
}

class ProgramParser {
 public:
  explicit ProgramParser(TokenStream& tokens) : tokens_(tokens), environment_(program_) {}

  absl::StatusOr<Program> Run() {
    tokens_.SkipNewlines();
    program_.lowered = tokens_.AcceptName("lowered");
    if (!tokens_.AcceptName("program")) {
      return tokens_.Unexpected("'program' or 'lowered program'");
    }
    ASSIGN_OR_RETURN(program_.name, Defined("the name of the program"));
    RETURN_IF_ERROR(tokens_.ExpectSymbol("{"));
    tokens_.SkipNewlines();
    while (AtDeclaration()) {
      RETURN_IF_ERROR(Declaration());
      RETURN_IF_ERROR(tokens_.ExpectNewline());
      tokens_.SkipNewlines();
    }
    if (program_.lowered && tokens_.AtName("prepare") && tokens_.AtSymbol("{", 1)) {
      tokens_.Next();
      ASSIGN_OR_RETURN(program_.prepare, Block());
      RETURN_IF_ERROR(tokens_.ExpectNewline());
    }
    ASSIGN_OR_RETURN(program_.body, Statements());
    tokens_.SkipNewlines();
    if (!tokens_.AtEnd()) return tokens_.Unexpected("the end of the text");
    return std::move(program_);
  }

 private:
  absl::StatusOr<std::string> Defined(std::string_view what) {
    ASSIGN_OR_RETURN(Token token, tokens_.ExpectName(what));
    if (IsReservedName(token.text)) {
      return tokens_.ErrorAt(token,
                             absl::StrCat("'", ToAbsl(token.text), "' is a word of the language"));
    }
    return std::string(token.text);
  }

  absl::StatusOr<int64_t> Extent() {
    Token token = tokens_.Peek();
    ASSIGN_OR_RETURN(int64_t extent, tokens_.ExpectInteger("an extent"));
    if (extent > 0) return extent;
    return tokens_.ErrorAt(token, absl::StrCat("an extent must be positive, not ", extent));
  }

  absl::Status At(const Token& token, const absl::Status& status) const {
    return status.ok() ? status : tokens_.ErrorAt(token, FromAbsl(status.message()));
  }

  // Declarations.

  // No statement begins with two names and then ':', none with `stage NAME [`.
  bool AtDeclaration() const {
    return !tokens_.AtName("if") && tokens_.Peek().kind == TokenKind::kName &&
           tokens_.Peek(1).kind == TokenKind::kName &&
           (tokens_.AtSymbol(":", 2) || (tokens_.AtName("stage") && tokens_.AtSymbol("[", 2)));
  }

  absl::Status Declaration() {
    Token word = tokens_.Next();
    if (word.text == "stage") return StageDeclaration();
    Buffer buffer;
    if (auto access = WordFromName(
            word.text, {Access::kInput, Access::kConst, Access::kOutput, Access::kPacked})) {
      buffer.scope = Scope::kArgument;
      buffer.access = *access;
    } else if (auto scope =
                   WordFromName(word.text, {Scope::kTable, Scope::kWorkspace, Scope::kStack,
                                            Scope::kRegister, Scope::kTile})) {
      buffer.scope = *scope;
    } else {
      return tokens_.ErrorAt(word,
                             absl::StrCat("'", ToAbsl(word.text),
                                          "' declares nothing: expected in, const, out, packed, "
                                          "table, workspace, stack, register, tile or stage"));
    }
    Token name = tokens_.Peek();
    ASSIGN_OR_RETURN(buffer.name, Defined("the name of a buffer"));
    if (program_.FindBuffer(buffer.name)) {
      return tokens_.ErrorAt(name, absl::StrCat("buffer ", buffer.name, " is declared twice"));
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
    Token type_name = tokens_.Peek();
    ASSIGN_OR_RETURN(Token type, tokens_.ExpectName("a type, as in f32[4, 8]"));
    auto scalar = ScalarTypeFromName(type.text);
    if (!scalar) {
      return tokens_.ErrorAt(type_name, absl::StrCat("there is no type '", ToAbsl(type.text), "'"));
    }
    buffer.type = *scalar;
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    int64_t elements = 1;
    while (!tokens_.AcceptSymbol("]")) {
      if (!buffer.shape.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
      Token token = tokens_.Peek();
      ASSIGN_OR_RETURN(int64_t extent, Extent());
      if (__builtin_mul_overflow(elements, extent, &elements) || elements > kMaxElements) {
        return tokens_.ErrorAt(token, absl::StrCat("buffer ", buffer.name, " is too large"));
      }
      buffer.shape.push_back(extent);
    }
    if (buffer.scope == Scope::kTable) RETURN_IF_ERROR(TableValues(buffer));
    program_.buffers.push_back(std::move(buffer));
    return absl::OkStatus();
  }

  absl::Status TableValues(Buffer& buffer) {
    RETURN_IF_ERROR(tokens_.ExpectSymbol("="));
    Token open = tokens_.Peek();
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    while (!tokens_.AcceptSymbol("]")) {
      if (!buffer.values.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
      bool negative = tokens_.AcceptSymbol("-");
      Token token = tokens_.Next();
      // A bool stands in a table as 0 or 1.
      ScalarType type = buffer.type == ScalarType::kBool ? ScalarType::kU8 : buffer.type;
      auto constant = ConstantFromText(token.text, negative, type);
      RETURN_IF_ERROR(At(token, constant.status()));
      const auto* imm = constant->As<FloatImm>();
      buffer.values.push_back(imm ? imm->value : static_cast<double>(*AsConstInt(*constant)));
    }
    if (static_cast<int64_t>(buffer.values.size()) == buffer.NumElements()) return absl::OkStatus();
    return tokens_.ErrorAt(open, absl::StrCat("table ", buffer.name, " has ", buffer.NumElements(),
                                              " elements, but here are ", buffer.values.size()));
  }

  absl::StatusOr<std::vector<Axis>> Axes(std::string_view close) {
    std::vector<Axis> axes;
    while (!tokens_.AcceptSymbol(close)) {
      if (!axes.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
      Axis axis;
      ASSIGN_OR_RETURN(axis.name, Defined("the name of an axis"));
      RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
      ASSIGN_OR_RETURN(axis.extent, Extent());
      axes.push_back(std::move(axis));
    }
    return axes;
  }

  absl::Status StageDeclaration() {
    StageInfo stage;
    Token name = tokens_.Peek();
    ASSIGN_OR_RETURN(stage.name, Defined("the name of a stage"));
    if (program_.FindStage(stage.name)) {
      return tokens_.ErrorAt(name, absl::StrCat("stage ", stage.name, " is declared twice"));
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    ASSIGN_OR_RETURN(stage.spatial, Axes("]"));
    if (tokens_.Peek().kind == TokenKind::kName && !tokens_.AtName("where")) {
      Token word = tokens_.Next();
      auto op = WordFromName(word.text,
                             {ReduceOp::kSum, ReduceOp::kProd, ReduceOp::kMax, ReduceOp::kMin});
      if (!op) {
        return tokens_.ErrorAt(word,
                               absl::StrCat("'", ToAbsl(word.text),
                                            "' is no reduction: expected sum, prod, max or min"));
      }
      stage.reduce_op = *op;
      RETURN_IF_ERROR(tokens_.ExpectSymbol("("));
      ASSIGN_OR_RETURN(stage.reduction, Axes(")"));
      if (stage.reduction.empty()) return tokens_.ErrorAt(word, "a reduction needs an axis");
    }
    if (tokens_.AcceptName("where")) {
      for (const auto* axes : {&stage.spatial, &stage.reduction}) {
        for (const Axis& axis : *axes) environment_.Enter(axis.name);
      }
      ASSIGN_OR_RETURN(stage.where, Condition());
      for (size_t i = stage.spatial.size() + stage.reduction.size(); i > 0; --i) {
        environment_.Leave();
      }
    }
    program_.stages.push_back(std::move(stage));
    return absl::OkStatus();
  }

  // Statements.

  // Statements up to `}`, which is consumed.
  absl::StatusOr<Stmt> Statements() {
    std::vector<Stmt> stmts;
    tokens_.SkipNewlines();
    Token first = tokens_.Peek();
    while (!tokens_.AcceptSymbol("}")) {
      ASSIGN_OR_RETURN(Stmt stmt, Statement());
      stmts.push_back(std::move(stmt));
      if (!tokens_.AtSymbol("}")) RETURN_IF_ERROR(tokens_.ExpectNewline());
      tokens_.SkipNewlines();
    }
    if (stmts.empty())
      return tokens_.ErrorAt(first, "expected a statement, but the block is empty");
    return MakeSequence(std::move(stmts));
  }

  absl::StatusOr<Stmt> Block() {
    Token open = tokens_.Peek();
    RETURN_IF_ERROR(tokens_.ExpectSymbol("{"));
    if (++nesting_ > kMaxNesting) return tokens_.ErrorAt(open, "blocks are nested too deeply");
    ASSIGN_OR_RETURN(Stmt body, Statements());
    --nesting_;
    return body;
  }

  absl::StatusOr<Stmt> Statement() {
    bool two_names = tokens_.Peek(1).kind == TokenKind::kName;
    if (tokens_.AtName("for") && two_names) return Loop();
    if (tokens_.AtName("allocate") && two_names) return Allocation();
    if (tokens_.AcceptName("if")) {
      ASSIGN_OR_RETURN(Expr condition, Condition());
      ASSIGN_OR_RETURN(Stmt then, Block());
      return MakeIf(std::move(condition), std::move(then));
    }
    if (tokens_.AtName("prefetch") && two_names) return PrefetchStatement();
    if (tokens_.AtName("intrinsic") && two_names) return IntrinsicStatement();
    return StoreStatement();
  }

  absl::StatusOr<Expr> Condition() {
    Token token = tokens_.Peek();
    ASSIGN_OR_RETURN(Expr condition, Value(kBoolType));
    if (condition.type() == kBoolType) return condition;
    return tokens_.ErrorAt(
        token, absl::StrCat("a condition is a scalar bool, not ", Name(condition.type())));
  }

  absl::StatusOr<std::string> DeclaredBuffer() {
    ASSIGN_OR_RETURN(Token name, tokens_.ExpectName("the name of a buffer"));
    RETURN_IF_ERROR(At(name, environment_.TypeOf(name.text).status()));
    return std::string(name.text);
  }

  absl::StatusOr<std::vector<Expr>> Indices() {
    std::vector<Expr> indices;
    RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
    while (!tokens_.AcceptSymbol("]")) {
      if (!indices.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
      ASSIGN_OR_RETURN(Expr index, Value(kIndexType));
      indices.push_back(std::move(index));
    }
    return indices;
  }

  absl::StatusOr<Stmt> PrefetchStatement() {
    tokens_.Next();
    Token name = tokens_.Peek();
    ASSIGN_OR_RETURN(std::string buffer, DeclaredBuffer());
    ASSIGN_OR_RETURN(std::vector<Expr> indices, Indices());
    RETURN_IF_ERROR(At(name, environment_.CheckRank(buffer, indices.size())));
    return MakePrefetch(std::move(buffer), std::move(indices));
  }

  absl::StatusOr<Stmt> IntrinsicStatement() {
    tokens_.Next();
    Token name = tokens_.Next();
    std::vector<Intrinsic::Operand> operands;
    RETURN_IF_ERROR(tokens_.ExpectSymbol("("));
    do {
      Intrinsic::Operand operand;
      ASSIGN_OR_RETURN(operand.buffer, DeclaredBuffer());
      Token open = tokens_.Peek();
      ASSIGN_OR_RETURN(std::vector<Expr> indices, Indices());
      if (indices.size() != 1) return tokens_.ErrorAt(open, "an operand has one index");
      operand.index = std::move(indices[0]);
      if (!tokens_.AcceptName("by")) return tokens_.Unexpected("'by'");
      RETURN_IF_ERROR(tokens_.ExpectSymbol("("));
      while (!tokens_.AcceptSymbol(")")) {
        if (!operand.strides.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
        bool negative = tokens_.AcceptSymbol("-");
        ASSIGN_OR_RETURN(int64_t stride, tokens_.ExpectInteger("a stride"));
        operand.strides.push_back(negative ? -stride : stride);
      }
      operands.push_back(std::move(operand));
    } while (tokens_.AcceptSymbol(","));
    RETURN_IF_ERROR(tokens_.ExpectSymbol(")"));
    return MakeIntrinsic(std::string(name.text), std::move(operands));
  }

  absl::StatusOr<Stmt> Loop() {
    tokens_.Next();
    Token name = tokens_.Peek();
    ASSIGN_OR_RETURN(std::string var, Defined("the name of a loop"));
    if (environment_.HasVariable(var)) {
      return tokens_.ErrorAt(name, absl::StrCat("a loop around here is named ", var, " too"));
    }
    if (!tokens_.AcceptName("in")) return tokens_.Unexpected("'in'");
    ASSIGN_OR_RETURN(int64_t extent, Extent());
    LoopMarks marks;
    while (tokens_.Peek().kind == TokenKind::kName) RETURN_IF_ERROR(Mark(marks));
    environment_.Enter(var);
    ASSIGN_OR_RETURN(Stmt body, Block());
    environment_.Leave();
    return MakeFor(std::move(var), extent, std::move(marks), std::move(body));
  }

  absl::Status Mark(LoopMarks& marks) {
    Token word = tokens_.Next();
    if (auto kind = WordFromName(word.text,
                                 {LoopKind::kParallel, LoopKind::kVectorize, LoopKind::kUnroll})) {
      marks.kind = *kind;
      return absl::OkStatus();
    }
    if (word.text == "outline") {
      marks.outline = true;
      return absl::OkStatus();
    }
    if (word.text != "tail" && word.text != "peel" && word.text != "tensorize" &&
        word.text != "prefetch") {
      return tokens_.ErrorAt(
          word, absl::StrCat("there is no mark '", ToAbsl(word.text),
                             "': expected parallel, vectorize, unroll, tail, peel, outline, "
                             "tensorize or prefetch"));
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol("="));
    if (word.text == "prefetch") {
      PrefetchMark prefetch;
      ASSIGN_OR_RETURN(prefetch.buffer, DeclaredBuffer());
      RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
      ASSIGN_OR_RETURN(prefetch.distance, tokens_.ExpectInteger("a distance"));
      marks.prefetch.push_back(std::move(prefetch));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(Token value, tokens_.ExpectName("the value of a mark"));
    if (word.text == "tensorize") {
      marks.tensorize = std::string(value.text);
    } else if (word.text == "peel") {
      if (value.text != "first" && value.text != "last") {
        return tokens_.ErrorAt(value, absl::StrCat("'", ToAbsl(value.text),
                                                   "' cannot be peeled: expected first or last"));
      }
      (value.text == "first" ? marks.peel_first : marks.peel_last) = true;
    } else {
      auto tail = WordFromName(value.text, {Tail::kMask, Tail::kPartition});
      if (!tail) {
        return tokens_.ErrorAt(value, absl::StrCat("there is no tail '", ToAbsl(value.text),
                                                   "': expected mask or partition"));
      }
      marks.tail = *tail;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Stmt> Allocation() {
    tokens_.Next();
    Token name = tokens_.Next();
    RETURN_IF_ERROR(At(name, environment_.TypeOf(name.text).status()));
    ASSIGN_OR_RETURN(Stmt body, Block());
    return MakeAllocate(std::string(name.text), std::move(body));
  }

  absl::StatusOr<Stmt> StoreStatement() {
    ASSIGN_OR_RETURN(Token stage_name, tokens_.ExpectName("a statement"));
    const StageInfo* stage = program_.FindStage(stage_name.text);
    if (stage == nullptr) {
      std::vector<std::string> names;
      for (const StageInfo& known : program_.stages) names.push_back(known.name);
      return tokens_.ErrorAt(stage_name,
                             absl::StrCat("there is no stage '", ToAbsl(stage_name.text), "'",
                                          DidYouMean(stage_name.text, names)));
    }
    std::vector<std::pair<std::string, Expr>> bindings;
    if (tokens_.AcceptSymbol("(")) {
      while (!tokens_.AcceptSymbol(")")) {
        if (!bindings.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
        ASSIGN_OR_RETURN(std::string axis, Defined("the name of an axis"));
        RETURN_IF_ERROR(tokens_.ExpectSymbol("="));
        ASSIGN_OR_RETURN(Expr value, Value(kIndexType));
        bindings.emplace_back(std::move(axis), std::move(value));
      }
    }
    std::vector<AxisSpan> region;
    if (tokens_.AcceptName("within")) {
      RETURN_IF_ERROR(tokens_.ExpectSymbol("["));
      while (!tokens_.AcceptSymbol("]")) {
        if (!region.empty()) RETURN_IF_ERROR(tokens_.ExpectSymbol(","));
        AxisSpan span;
        ASSIGN_OR_RETURN(span.base, Value(kIndexType));
        RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
        ASSIGN_OR_RETURN(span.extent, Extent());
        region.push_back(std::move(span));
      }
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol(":"));
    ASSIGN_OR_RETURN(Token buffer_name, tokens_.ExpectName("the name of a buffer"));
    auto type = environment_.TypeOf(buffer_name.text);
    RETURN_IF_ERROR(At(buffer_name, type.status()));
    ASSIGN_OR_RETURN(std::vector<Expr> indices, Indices());
    int lanes = 1;
    for (const Expr& index : indices) lanes = std::max(lanes, index.type().lanes);
    RETURN_IF_ERROR(At(buffer_name, environment_.CheckRank(buffer_name.text, indices.size())));
    ASSIGN_OR_RETURN(StoreRole role, Role(*stage));
    Token value_token = tokens_.Peek();
    ASSIGN_OR_RETURN(Expr value, Value(Type{*type, lanes}));
    if (value.type().scalar != *type) {
      return tokens_.ErrorAt(
          value_token, absl::StrCat("this value is ", Name(value.type()), ", but ",
                                    ToAbsl(buffer_name.text), " holds ", ToAbsl(Name(*type))));
    }
    Expr predicate;
    if (tokens_.AcceptName("if")) {
      Token token = tokens_.Peek();
      ASSIGN_OR_RETURN(predicate, Value(kBoolType));
      if (predicate.type().scalar != ScalarType::kBool) {
        return tokens_.ErrorAt(token,
                               absl::StrCat("a predicate is a bool, not ", Name(predicate.type())));
      }
    }
    return MakeStore(stage->name, role, std::move(bindings), std::string(buffer_name.text),
                     std::move(indices), std::move(value), std::move(predicate), std::move(region));
  }

  absl::StatusOr<StoreRole> Role(const StageInfo& stage) {
    StoreRole role = StoreRole::kWhole;
    if (tokens_.Peek().kind == TokenKind::kName) {
      Token word = tokens_.Next();
      bool reduces = !stage.reduction.empty();
      if (reduces && word.text == Name(stage.reduce_op)) {
        role = StoreRole::kReduce;
      } else if (word.text == "init") {
        role = StoreRole::kInit;
      } else if (word.text == "update") {
        role = StoreRole::kUpdate;
      } else {
        std::string own = reduces ? absl::StrCat(", ", ToAbsl(Name(stage.reduce_op)), "=") : "";
        return tokens_.ErrorAt(word, absl::StrCat("a store of stage ", stage.name,
                                                  " is written =", own, ", init= or update="));
      }
    }
    RETURN_IF_ERROR(tokens_.ExpectSymbol("="));
    return role;
  }

  absl::StatusOr<Expr> Value(Type expected) {
    ASSIGN_OR_RETURN(SyntaxExprPtr syntax, ParseSyntaxExpr(tokens_, [this](std::string_view name) {
                       return environment_.HasVariable(name);
                     }));
    return TypeExpr(*syntax, tokens_.source(), environment_, expected);
  }

  TokenStream& tokens_;
  Program program_;
  ProgramEnvironment environment_;
  int nesting_ = 0;
};

}  // namespace

absl::StatusOr<Program> ParseProgram(std::string_view text, std::string_view file_name) {
  SourceText source(text, file_name);
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(source));
  TokenStream stream(source, std::move(tokens));
  return ProgramParser(stream).Run();
}

}  // namespace lathe
