// Loop programs as text. The grammar is that of parser.cc.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/digest.h"
#include "compiler/base/source_error.h"
#include "compiler/loop/program.h"
#include "compiler/loop/text_words.h"
#include "compiler/tensor/print_expr.h"
#include "compiler/tensor/syntax.h"

namespace lathe {

std::string_view Name(LoopKind kind) {
  constexpr std::string_view kNames[] = {"serial", "parallel", "vectorize", "unroll"};
  return kNames[static_cast<int>(kind)];
}

std::string_view Name(Tail tail) {
  constexpr std::string_view kNames[] = {"mask", "partition"};
  return kNames[static_cast<int>(tail)];
}

std::string_view Name(Scope scope) {
  constexpr std::string_view kNames[] = {"argument", "table",    "workspace",
                                         "stack",    "register", "tile"};
  return kNames[static_cast<int>(scope)];
}

std::string_view Name(Access access) {
  constexpr std::string_view kNames[] = {"", "in", "const", "out", "packed"};
  return kNames[static_cast<int>(access)];
}

namespace {

class ProgramPrinter {
 public:
  explicit ProgramPrinter(const Program& program) : program_(program) {}

  std::string Print() {
    Line(absl::StrCat(program_.lowered ? "lowered " : "", "program ", program_.name, " {"));
    ++depth_;
    for (const Buffer& buffer : program_.buffers) PrintBuffer(buffer);
    for (const StageInfo& stage : program_.stages) PrintStage(stage);
    if (program_.prepare) Block("prepare", program_.prepare);
    PrintStmt(program_.body);
    --depth_;
    Line("}");
    return std::move(out_);
  }

 private:
  void Line(const std::string& text) {
    out_.append(static_cast<size_t>(2 * depth_), ' ');
    absl::StrAppend(&out_, text, "\n");
  }

  // A value whose place gives bare numbers their type.
  static std::string Text(const Expr& e) {
    return ExprToText(e, true, [](const Axis& axis) { return axis.name; });
  }

  static std::string List(const std::vector<Expr>& values) {
    std::string text;
    for (const Expr& e : values) absl::StrAppend(&text, text.empty() ? "" : ", ", Text(e));
    return text;
  }

  void PrintBuffer(const Buffer& buffer) {
    std::string_view word =
        buffer.scope == Scope::kArgument ? Name(buffer.access) : Name(buffer.scope);
    std::string line =
        absl::StrCat(ToAbsl(word), " ", buffer.name, ": ", ToAbsl(Name(buffer.type)), "[");
    for (size_t d = 0; d < buffer.shape.size(); ++d) {
      absl::StrAppend(&line, d ? ", " : "", buffer.shape[d]);
    }
    line += "]";
    if (buffer.scope == Scope::kTable) {
      line += " = [";
      for (size_t i = 0; i < buffer.values.size(); ++i) {
        absl::StrAppend(&line, i ? ", " : "", ConstantToText(buffer.values[i], buffer.type));
      }
      line += "]";
    }
    Line(line);
  }

  static std::string Axes(const std::vector<Axis>& axes) {
    std::string text;
    for (const Axis& axis : axes) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", axis.name, ": ", axis.extent);
    }
    return text;
  }

  void PrintStage(const StageInfo& stage) {
    std::string line = absl::StrCat("stage ", stage.name, "[", Axes(stage.spatial), "]");
    if (!stage.reduction.empty()) {
      absl::StrAppend(&line, " ", ToAbsl(Name(stage.reduce_op)), "(", Axes(stage.reduction), ")");
    }
    if (stage.where) absl::StrAppend(&line, " where ", Text(stage.where));
    Line(line);
  }

  static std::string MarksText(const LoopMarks& marks) {
    std::string text;
    if (marks.kind != LoopKind::kSerial) absl::StrAppend(&text, " ", ToAbsl(Name(marks.kind)));
    if (marks.tail != Tail::kMask) absl::StrAppend(&text, " tail=", ToAbsl(Name(marks.tail)));
    if (marks.peel_first) text += " peel=first";
    if (marks.peel_last) text += " peel=last";
    if (marks.outline) text += " outline";
    if (!marks.tensorize.empty()) absl::StrAppend(&text, " tensorize=", marks.tensorize);
    for (const PrefetchMark& prefetch : marks.prefetch) {
      absl::StrAppend(&text, " prefetch=", prefetch.buffer, ":", prefetch.distance);
    }
    return text;
  }

  void Block(const std::string& head, const Stmt& body) {
    Line(absl::StrCat(head, " {"));
    ++depth_;
    PrintStmt(body);
    --depth_;
    Line("}");
  }

  void PrintStmt(const Stmt& s) {
    if (!s) return;
    switch (s.kind()) {
      case StmtKind::kFor: {
        const auto& node = *s.As<For>();
        return Block(absl::StrCat("for ", node.var, " in ", node.extent, MarksText(node.marks)),
                     node.body);
      }
      case StmtKind::kSequence:
        for (const Stmt& child : s.As<Sequence>()->stmts) PrintStmt(child);
        return;
      case StmtKind::kStore:
        return PrintStore(*s.As<Store>());
      case StmtKind::kIf:
        return Block(absl::StrCat("if ", Text(s.As<If>()->condition)), s.As<If>()->then);
      case StmtKind::kAllocate:
        return Block(absl::StrCat("allocate ", s.As<Allocate>()->buffer), s.As<Allocate>()->body);
      case StmtKind::kPrefetch: {
        const auto& node = *s.As<Prefetch>();
        return Line(absl::StrCat("prefetch ", node.buffer, "[", List(node.indices), "]"));
      }
      case StmtKind::kIntrinsic:
        return PrintIntrinsic(*s.As<Intrinsic>());
    }
  }

  void PrintIntrinsic(const Intrinsic& intrinsic) {
    std::string line = absl::StrCat("intrinsic ", intrinsic.name, "(");
    const char* separator = "";
    for (const Intrinsic::Operand& operand : intrinsic.operands) {
      absl::StrAppend(&line, separator, operand.buffer, "[", Text(operand.index), "] by (",
                      absl::StrJoin(operand.strides, ", "), ")");
      separator = ", ";
    }
    Line(line + ")");
  }

  void PrintStore(const Store& store) {
    std::string line = store.stage;
    if (!store.bindings.empty()) {
      line += "(";
      bool first = true;
      for (const auto& [axis, value] : store.bindings) {
        absl::StrAppend(&line, first ? "" : ", ", axis, " = ", Text(value));
        first = false;
      }
      line += ")";
    }
    if (!store.region.empty()) {
      line += " within [";
      for (size_t d = 0; d < store.region.size(); ++d) {
        absl::StrAppend(&line, d ? ", " : "", Text(store.region[d].base), ": ",
                        store.region[d].extent);
      }
      line += "]";
    }
    absl::StrAppend(&line, ": ", store.buffer, "[", List(store.indices), "] ", Assignment(store),
                    " ", Text(store.value));
    if (store.predicate) absl::StrAppend(&line, " if ", Text(store.predicate));
    Line(line);
  }

  std::string Assignment(const Store& store) const {
    switch (store.role) {
      case StoreRole::kWhole:
        return "=";
      case StoreRole::kInit:
        return "init=";
      case StoreRole::kUpdate:
        return "update=";
      case StoreRole::kReduce: {
        const StageInfo* stage = program_.FindStage(store.stage);
        return absl::StrCat(stage ? ToAbsl(Name(stage->reduce_op)) : "reduce", "=");
      }
    }
    return "=";
  }

  const Program& program_;
  std::string out_;
  int depth_ = 0;
};

}  // namespace

std::string ToText(const Program& program) { return ProgramPrinter(program).Print(); }

std::string ProgramHash(const Program& lowered) {
  Program program = lowered;
  program.name.assign(1, 'f');
  for (Buffer& buffer : program.buffers) {
    if (buffer.access == Access::kConst) buffer.access = Access::kInput;
  }
  return Sha256Hex(ToText(program));
}

bool IsProgramName(std::string_view name) {
  auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !is_letter(name[0]) || IsReservedName(name)) return false;
  for (size_t i = 1; i < name.size(); ++i) {
    bool digit = name[i] >= '0' && name[i] <= '9';
    bool inner_dot = name[i] == '.' && i + 1 < name.size() && name[i + 1] != '.';
    if (!is_letter(name[i]) && !digit && !inner_dot) return false;
  }
  return true;
}

}  // namespace lathe
