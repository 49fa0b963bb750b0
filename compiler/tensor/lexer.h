// Tokens of tensor functions, loop programs and traces.
#ifndef LATHE_COMPILER_TENSOR_LEXER_H_
#define LATHE_COMPILER_TENSOR_LEXER_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/tensor/source_text.h"

namespace lathe {

enum class TokenKind : uint8_t { kName, kNumber, kSymbol, kNewline, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // into the source
  size_t offset = 0;      // of its first byte
};

// Splits a text into tokens. Names are letters, digits, `_` and inner dots
// (`t.i`); numbers are unsigned, decimal, with optional fraction and exponent;
// `#` starts a comment. A newline is a token, except inside parentheses or
// brackets. Runs of newlines give one token. The last token is kEnd.
absl::StatusOr<std::vector<Token>> Lex(const SourceText& source);

// A cursor over tokens, with the errors every parser needs.
class TokenStream {
 public:
  TokenStream(const SourceText& source, std::vector<Token> tokens)
      : source_(source), tokens_(std::move(tokens)) {}

  const SourceText& source() const { return source_; }
  const Token& Peek(size_t ahead = 0) const {
    return tokens_[std::min(position_ + ahead, tokens_.size() - 1)];
  }
  Token Next();
  bool AtSymbol(std::string_view symbol, size_t ahead = 0) const;
  bool AtName(std::string_view name) const;
  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }
  // Consumes the symbol, or the word, if it is next.
  bool AcceptSymbol(std::string_view symbol);
  bool AcceptName(std::string_view name);
  void SkipNewlines();

  absl::Status ExpectSymbol(std::string_view symbol);
  absl::Status ExpectNewline();  // or the end of the text
  // `what` names the thing expected, as in "the name of an argument".
  absl::StatusOr<Token> ExpectName(std::string_view what);
  absl::StatusOr<int64_t> ExpectInteger(std::string_view what);

  absl::Status ErrorAt(const Token& token, std::string_view message) const {
    return source_.ErrorAt(token.offset, message);
  }
  // "expected WHAT, but here stands TOKEN", at the next token.
  absl::Status Unexpected(std::string_view what) const;

 private:
  const SourceText& source_;
  std::vector<Token> tokens_;
  size_t position_ = 0;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_LEXER_H_
