// The text form of traces.
//
//   trace  := "lathe-trace 1" NEWLINE { [step] NEWLINE }
//   step   := [name {"," name} "="] name ["@" number] "(" [arg {"," arg}] ")"
//   arg    := name | ["-"] number
//   name   := word {"." word}       word := (letter | "_" | digit)+, the first
//                                   word of a name does not begin with a digit
// A '#' begins a comment that ends with the line.

#include <cctype>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

constexpr std::string_view kHeader = "lathe-trace";
constexpr int kFormatVersion = 1;

// Far above any real schedule; hostile texts end here. (Replay takes quadratic time
// when every step splits the same loop.)
constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxSteps = 512;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxListed = 64;  // results or arguments of one step

class TraceParser {
 public:
  TraceParser(std::string_view text, std::string_view file_name)
      : text_(text), file_name_(file_name) {}

  absl::StatusOr<Trace> Parse() {
    if (text_.size() > kMaxBytes) {
      position_ = 0;
      return Error(
          absl::StrCat("a trace may have at most ", kMaxBytes, " bytes, this has ", text_.size()));
    }
    RETURN_IF_ERROR(ParseHeader());
    Trace trace;
    while (SkipToNextStep()) {
      if (trace.steps.size() == kMaxSteps) {
        return Error(absl::StrCat("a trace may have at most ", kMaxSteps, " steps"));
      }
      ASSIGN_OR_RETURN(TraceStep step, ParseStep());
      trace.steps.push_back(std::move(step));
    }
    return trace;
  }

 private:
  absl::Status Error(std::string_view message) const {
    return SourceError(file_name_, text_, position_, message);
  }

  char Peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool AtEnd() const { return position_ >= text_.size(); }

  void SkipBlanks() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\r') ++position_;
    if (Peek() == '#') {
      while (!AtEnd() && Peek() != '\n') ++position_;
    }
  }

  // Skips line ends, blanks and comments; false at the end of the text.
  bool SkipToNextStep() {
    SkipBlanks();
    while (Peek() == '\n') {
      ++position_;
      ++line_;
      SkipBlanks();
    }
    return !AtEnd();
  }

  bool Accept(char c) {
    SkipBlanks();
    if (AtEnd() || Peek() != c) return false;
    ++position_;
    return true;
  }

  absl::Status ExpectLineEnd() {
    SkipBlanks();
    if (AtEnd() || Peek() == '\n') return absl::OkStatus();
    return Error("expected the end of the line");
  }

  static bool IsWordByte(char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  }
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  absl::StatusOr<std::string> ParseName(std::string_view what) {
    SkipBlanks();
    size_t begin = position_;
    if (!IsWordByte(Peek()) || IsDigit(Peek()))
      return Error(absl::StrCat("expected ", ToAbsl(what)));
    while (IsWordByte(Peek()) ||
           (Peek() == '.' && position_ + 1 < text_.size() && IsWordByte(text_[position_ + 1]))) {
      ++position_;
    }
    if (position_ - begin > kMaxNameBytes) {
      position_ = begin;
      return Error(absl::StrCat("a name may have at most ", kMaxNameBytes, " bytes"));
    }
    return std::string(text_.substr(begin, position_ - begin));
  }

  absl::StatusOr<int64_t> ParseNumber() {
    SkipBlanks();
    int64_t value = 0;
    auto [end, error] =
        std::from_chars(text_.data() + position_, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range) return Error("the number does not fit 64 bits");
    if (error != std::errc()) return Error("expected a number");
    position_ = static_cast<size_t>(end - text_.data());
    if (IsWordByte(Peek()) || Peek() == '.') return Error("expected an integer");
    return value;
  }

  absl::Status ParseHeader() {
    SkipToNextStep();
    absl::Status missing = Error("a trace begins with the line 'lathe-trace 1'");
    if (text_.substr(position_, kHeader.size()) != kHeader) return missing;
    position_ += kHeader.size();
    if (Peek() != ' ' && Peek() != '\t') return missing;
    SkipBlanks();
    size_t begin = position_;
    ASSIGN_OR_RETURN(int64_t version, ParseNumber());
    if (version != kFormatVersion) {
      position_ = begin;
      return Error(absl::StrCat("this program reads version ", kFormatVersion,
                                " of the trace format, not ", version));
    }
    return ExpectLineEnd();
  }

  absl::StatusOr<TraceStep> ParseStep() {
    TraceStep step;
    step.line = line_;
    ASSIGN_OR_RETURN(std::string name, ParseName("the name of a primitive or of a result"));
    if (Accept(',')) {
      step.results.push_back(std::move(name));
      do {
        RETURN_IF_ERROR(CheckListed(step.results.size()));
        ASSIGN_OR_RETURN(name, ParseName("the name of a result"));
        step.results.push_back(std::move(name));
      } while (Accept(','));
      if (!Accept('=')) return Error("expected '=' after the results");
      ASSIGN_OR_RETURN(name, ParseName("the name of a primitive"));
    } else if (Accept('=')) {
      step.results.push_back(std::move(name));
      ASSIGN_OR_RETURN(name, ParseName("the name of a primitive"));
    }
    step.primitive = std::move(name);
    if (Accept('@')) {
      SkipBlanks();
      size_t begin = position_;
      ASSIGN_OR_RETURN(int64_t version, ParseNumber());
      if (version < 1 || version > 1000000) {
        position_ = begin;
        return Error("expected the version of the primitive, a positive number");
      }
      step.version = static_cast<int>(version);
    }
    if (!Accept('(')) return Error("expected '(' after the name of the primitive");
    if (!Accept(')')) {
      do {
        RETURN_IF_ERROR(CheckListed(step.arguments.size()));
        ASSIGN_OR_RETURN(TraceArgument argument, ParseArgument());
        step.arguments.push_back(std::move(argument));
      } while (Accept(','));
      if (!Accept(')')) return Error("expected ',' or ')' after an argument");
    }
    RETURN_IF_ERROR(ExpectLineEnd());
    return step;
  }

  absl::StatusOr<TraceArgument> ParseArgument() {
    SkipBlanks();
    if (IsDigit(Peek()) || Peek() == '-') {
      ASSIGN_OR_RETURN(int64_t value, ParseNumber());
      return TraceArgument(value);
    }
    ASSIGN_OR_RETURN(std::string name, ParseName("a name or a number"));
    return TraceArgument(std::move(name));
  }

  absl::Status CheckListed(size_t count) const {
    if (count < kMaxListed) return absl::OkStatus();
    return Error(absl::StrCat("at most ", kMaxListed, " names fit one list"));
  }

  const std::string_view text_;
  const std::string_view file_name_;
  size_t position_ = 0;
  int line_ = 1;
};

}  // namespace

absl::StatusOr<Trace> ParseTrace(std::string_view text, std::string_view file_name) {
  return TraceParser(text, file_name).Parse();
}

std::string CallText(const TraceStep& step) {
  std::string text = step.primitive;
  if (step.version != 1) absl::StrAppend(&text, "@", step.version);
  auto print = [](std::string* out, const TraceArgument& argument) {
    if (const auto* name = std::get_if<std::string>(&argument)) {
      absl::StrAppend(out, *name);
    } else {
      absl::StrAppend(out, std::get<int64_t>(argument));
    }
  };
  absl::StrAppend(&text, "(", absl::StrJoin(step.arguments, ", ", print), ")");
  return text;
}

std::string ToText(const Trace& trace) {
  std::string text = absl::StrCat(ToAbsl(kHeader), " ", kFormatVersion, "\n");
  for (const TraceStep& step : trace.steps) {
    if (!step.results.empty()) absl::StrAppend(&text, absl::StrJoin(step.results, ", "), " = ");
    absl::StrAppend(&text, CallText(step), "\n");
  }
  return text;
}

}  // namespace lathe
