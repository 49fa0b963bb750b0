#include "compiler/tensor/lexer.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

class Lexer {
 public:
  explicit Lexer(const SourceText& source) : source_(source), text_(source.text()) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (position_ < text_.size()) RETURN_IF_ERROR(Step());
    if (!tokens_.empty() && tokens_.back().kind != TokenKind::kNewline) {
      tokens_.push_back({TokenKind::kNewline, text_.substr(text_.size()), text_.size()});
    }
    tokens_.push_back({TokenKind::kEnd, text_.substr(text_.size()), text_.size()});
    return std::move(tokens_);
  }

 private:
  char At(size_t ahead) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }

  void Emit(TokenKind kind, size_t length) {
    tokens_.push_back({kind, text_.substr(position_, length), position_});
    position_ += length;
  }

  absl::Status Step() {
    char c = At(0);
    if (c == ' ' || c == '\t' || c == '\r') {
      ++position_;
    } else if (c == '#') {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (c == '\n') {
      bool wanted = nesting_ == 0 && !tokens_.empty() && tokens_.back().kind != TokenKind::kNewline;
      if (wanted) {
        Emit(TokenKind::kNewline, 1);
      } else {
        ++position_;
      }
    } else if (IsNameStart(c)) {
      size_t length = 1;
      while (IsNamePart(At(length)) || (At(length) == '.' && IsNamePart(At(length + 1)))) ++length;
      Emit(TokenKind::kName, length);
    } else if (IsDigit(c)) {
      return Number();
    } else {
      return Symbol();
    }
    return absl::OkStatus();
  }

  absl::Status Number() {
    size_t length = 1;
    auto digits = [&] {
      while (IsDigit(At(length))) ++length;
    };
    digits();
    if (At(length) == '.' && At(length + 1) != '.') {  // `1..512` is a range
      ++length;
      digits();
    }
    if (At(length) == 'e' || At(length) == 'E') {
      size_t sign = At(length + 1) == '+' || At(length + 1) == '-';
      if (IsDigit(At(length + 1 + sign))) {
        length += 1 + sign;
        digits();
      }
    }
    if (IsNamePart(At(length))) {
      return source_.ErrorAt(position_ + length, "a number runs into a name");
    }
    Emit(TokenKind::kNumber, length);
    return absl::OkStatus();
  }

  absl::Status Symbol() {
    constexpr std::string_view kTwo[] = {"//", "<=", ">=", "==", "!=", "->", ".."};
    constexpr std::string_view kOne = "()[]{},:=+-*/%<>@";
    std::string_view two = text_.substr(position_, 2);
    if (std::find(std::begin(kTwo), std::end(kTwo), two) != std::end(kTwo)) {
      Emit(TokenKind::kSymbol, 2);
      return absl::OkStatus();
    }
    char c = At(0);
    if (kOne.find(c) == std::string_view::npos) {
      return source_.ErrorAt(position_, "this character has no meaning here");
    }
    if (c == '(' || c == '[') ++nesting_;
    if ((c == ')' || c == ']') && nesting_ > 0) --nesting_;
    if (c == '{' || c == '}') nesting_ = 0;  // one unbalanced equation spoils no other
    Emit(TokenKind::kSymbol, 1);
    return absl::OkStatus();
  }

  const SourceText& source_;
  std::string_view text_;
  size_t position_ = 0;
  int64_t nesting_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Lex(const SourceText& source) {
  RETURN_IF_ERROR(source.CheckIsText());
  return Lexer(source).Run();
}

Token TokenStream::Next() {
  Token token = Peek();
  if (position_ + 1 < tokens_.size()) ++position_;
  return token;
}

bool TokenStream::AtSymbol(std::string_view symbol, size_t ahead) const {
  return Peek(ahead).kind == TokenKind::kSymbol && Peek(ahead).text == symbol;
}

bool TokenStream::AtName(std::string_view name) const {
  return Peek().kind == TokenKind::kName && Peek().text == name;
}

bool TokenStream::AcceptSymbol(std::string_view symbol) {
  bool found = AtSymbol(symbol);
  if (found) Next();
  return found;
}

bool TokenStream::AcceptName(std::string_view name) {
  bool found = AtName(name);
  if (found) Next();
  return found;
}

void TokenStream::SkipNewlines() {
  while (Peek().kind == TokenKind::kNewline) Next();
}

absl::Status TokenStream::Unexpected(std::string_view what) const {
  const Token& token = Peek();
  std::string found = token.kind == TokenKind::kEnd ? "the text ends"
                      : token.kind == TokenKind::kNewline
                          ? "the line ends"
                          : "found '" + std::string(token.text) + "'";
  return ErrorAt(token, absl::StrCat("expected ", ToAbsl(what), ", but ", found));
}

absl::Status TokenStream::ExpectSymbol(std::string_view symbol) {
  if (AcceptSymbol(symbol)) return absl::OkStatus();
  return Unexpected(absl::StrCat("'", ToAbsl(symbol), "'"));
}

absl::Status TokenStream::ExpectNewline() {
  if (Peek().kind == TokenKind::kNewline) {
    Next();
    return absl::OkStatus();
  }
  return AtEnd() ? absl::OkStatus() : Unexpected("the end of the line");
}

absl::StatusOr<Token> TokenStream::ExpectName(std::string_view what) {
  if (Peek().kind == TokenKind::kName) return Next();
  return Unexpected(what);
}

absl::StatusOr<int64_t> TokenStream::ExpectInteger(std::string_view what) {
  bool negative = AtSymbol("-") && Peek(1).kind == TokenKind::kNumber;
  const Token& token = Peek(negative);
  if (token.kind != TokenKind::kNumber) return Unexpected(what);
  std::string digits = absl::StrCat(negative ? "-" : "", ToAbsl(token.text));
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    bool fraction = token.text.find_first_of(".eE") != std::string_view::npos;
    return ErrorAt(token, absl::StrCat("expected ", ToAbsl(what), ", but this number ",
                                       fraction ? "is not an integer" : "is too large"));
  }
  if (negative) Next();
  Next();
  return value;
}

}  // namespace lathe
