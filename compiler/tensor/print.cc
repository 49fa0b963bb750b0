#include "compiler/tensor/print.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/print_expr.h"
#include "compiler/tensor/rules.h"

namespace lathe {
namespace {

// What inference finds for each index: the extent of the dimensions that it
// subscripts alone, or -1 if they differ.
class ExtentInference : public ExprVisitor {
 public:
  explicit ExtentInference(const Function& function) : function_(function) {}
  Extents found;

 protected:
  void VisitRead(const Read& node) override {
    std::optional<TensorInfo> tensor = FindTensor(function_, node.buffer);
    for (size_t d = 0; tensor && d < node.indices.size(); ++d) {
      const auto* var = node.indices[d].As<Var>();
      if (!var || d >= tensor->shape.size()) continue;
      auto [it, is_new] = found.try_emplace(var->name, tensor->shape[d]);
      if (!is_new && it->second != tensor->shape[d]) it->second = -1;
    }
    ExprVisitor::VisitRead(node);
  }

 private:
  const Function& function_;
};

class FunctionPrinter {
 public:
  FunctionPrinter(const Function& function, ExtentStyle style)
      : function_(function), style_(style) {}

  std::string Print() {
    std::string text = absl::StrCat("lathe 1\nfunc ", function_.name, "(");
    absl::StrAppend(
        &text,
        absl::StrJoin(function_.arguments, ", ", [&](std::string* out, const Argument& argument) {
          absl::StrAppend(out, argument.name, ": ", argument.is_const ? "const " : "",
                          TypeText(argument.type, argument.shape));
        }));
    absl::StrAppend(&text, ") -> (", absl::StrJoin(function_.outputs, ", "), ") {\n");
    for (const Table& table : function_.tables)
      absl::StrAppend(&text, "  ", TableText(table), "\n");
    for (const Stage& stage : function_.stages)
      absl::StrAppend(&text, "  ", StageText(stage), "\n");
    return text + "}\n";
  }

 private:
  std::string ExtentText(int64_t extent) const {
    return style_ == ExtentStyle::kAbstract ? "?" : absl::StrCat(extent);
  }

  std::string TypeText(ScalarType type, const std::vector<int64_t>& shape) const {
    return absl::StrCat(ToAbsl(Name(type)), "[",
                        absl::StrJoin(shape, ", ",
                                      [&](std::string* out, int64_t extent) {
                                        absl::StrAppend(out, ExtentText(extent));
                                      }),
                        "]");
  }

  std::string TableText(const Table& table) const {
    size_t next = 0;
    return absl::StrCat("const ", table.name, ": ", TypeText(table.type, table.shape), " = ",
                        RowText(table, 0, next));
  }

  // The elements of dimension `d` and deeper, starting with value `next`.
  static std::string RowText(const Table& table, size_t d, size_t& next) {
    if (d == table.shape.size()) {
      double value = table.values[next++];
      if (table.type == ScalarType::kBool) return value != 0 ? "true" : "false";
      return ConstantToText(value, table.type);
    }
    std::string text = "[";
    for (int64_t i = 0; i < table.shape[d]; ++i) {
      absl::StrAppend(&text, i == 0 ? "" : ", ", RowText(table, d + 1, next));
    }
    return text + "]";
  }

  std::string StageText(const Stage& stage) const {
    ExtentInference inference(function_);
    inference.Visit(stage.body);
    auto axis_text = [&](const Axis& axis) {
      auto it = inference.found.find(axis.name);
      bool follows = it != inference.found.end() && it->second == axis.extent;
      bool stated =
          style_ == ExtentStyle::kAlways || (style_ == ExtentStyle::kWhereNeeded && !follows);
      return stated ? absl::StrCat(axis.name, ": ", axis.extent) : axis.name;
    };
    std::string axes = absl::StrJoin(stage.axes, ", ", [&](std::string* out, const Axis& axis) {
      absl::StrAppend(out, axis_text(axis));
    });
    return absl::StrCat(stage.name, "[", axes, "] = ", ExprToText(stage.body, false, axis_text));
  }

  const Function& function_;
  ExtentStyle style_;
};

}  // namespace

std::string ToText(const Function& function, ExtentStyle style) {
  return FunctionPrinter(function, style).Print();
}

std::string ToText(const Function& function) { return ToText(function, ExtentStyle::kWhereNeeded); }

}  // namespace lathe
