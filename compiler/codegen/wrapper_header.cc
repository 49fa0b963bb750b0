#include "compiler/codegen/wrapper_header.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

constexpr std::string_view kKeywords[] = {
    "alignas",   "alignof",  "and",    "asm",      "auto",     "bool",     "break",     "case",
    "catch",     "char",     "class",  "const",    "continue", "default",  "delete",    "do",
    "double",    "else",     "enum",   "explicit", "export",   "extern",   "false",     "float",
    "for",       "friend",   "goto",   "if",       "inline",   "int",      "long",      "mutable",
    "namespace", "new",      "not",    "operator", "or",       "private",  "protected", "public",
    "register",  "restrict", "return", "short",    "signed",   "sizeof",   "static",    "struct",
    "switch",    "template", "this",   "throw",    "true",     "try",      "typedef",   "typename",
    "union",     "unsigned", "using",  "virtual",  "void",     "volatile", "while",     "xor"};

bool IsCName(std::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; }) &&
         std::find(std::begin(kKeywords), std::end(kKeywords), name) == std::end(kKeywords);
}

const char* CType(ScalarType type) {
  switch (type) {
    case ScalarType::kBool:
    case ScalarType::kU8:
      return "uint8_t";
    case ScalarType::kI8:
      return "int8_t";
    case ScalarType::kI32:
      return "int32_t";
    case ScalarType::kI64:
      return "int64_t";
    case ScalarType::kBF16:
    case ScalarType::kF16:
      return "uint16_t";
    case ScalarType::kF32:
      return "float";
    case ScalarType::kF64:
      return "double";
  }
  return "void";
}

struct Parameter {
  std::string name;
  std::string declaration;
  std::string description;
};

Parameter Describe(const std::string& name, size_t position, ScalarType type,
                   const std::vector<int64_t>& shape, bool output) {
  // Names that C refuses become aN.
  const std::string c_name = IsCName(name) ? name : absl::StrCat("a", position);
  return {c_name, absl::StrCat(output ? "" : "const ", CType(type), "* LATHE_RESTRICT ", c_name),
          absl::StrCat(std::string(Name(type)), "[", absl::StrJoin(shape, ", "), "]",
                       output ? ", written" : "")};
}

// All tensors of the kernel ABI.
std::vector<Parameter> Tensors(const Function& function) {
  std::vector<Parameter> tensors;
  for (const Argument& a : function.arguments) {
    tensors.push_back(Describe(a.name, tensors.size(), a.type, a.shape, false));
  }
  for (const std::string& output : function.outputs) {
    const Stage& stage = *function.FindStage(output);
    std::vector<int64_t> shape;
    for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
    tensors.push_back(Describe(output, tensors.size(), stage.type, shape, true));
  }
  return tensors;
}

// The packed block, under a name that no tensor has.
Parameter Packed(const std::vector<Parameter>& tensors, bool written) {
  std::string name = "packed";
  auto taken = [&](const Parameter& p) { return p.name == name; };
  while (std::any_of(tensors.begin(), tensors.end(), taken)) name += "_";
  return {name, absl::StrCat(written ? "" : "const ", "void* LATHE_RESTRICT ", name),
          written ? "the block, written" : "the block, prepared"};
}

std::string Join(const std::vector<Parameter>& parameters) {
  return absl::StrJoin(parameters, ",\n    ",
                       [](std::string* out, const Parameter& p) { *out += p.declaration; });
}

std::string Described(const std::vector<Parameter>& parameters) {
  std::string text;
  for (const Parameter& p : parameters) {
    absl::StrAppend(&text, " *   ", p.name, ": ", p.description, "\n");
  }
  return text;
}

std::vector<Parameter> Chosen(const std::vector<Parameter>& tensors,
                              const std::vector<int>& positions, bool prepares) {
  std::vector<Parameter> parameters;
  for (int position : positions) {
    parameters.push_back(position == kPackedParameter ? Packed(tensors, prepares)
                                                      : tensors[position]);
  }
  return parameters;
}

std::string Names(const std::vector<Parameter>& parameters) {
  return absl::StrJoin(parameters, ", ",
                       [](std::string* out, const Parameter& p) { *out += p.name; });
}

constexpr char kReturns[] =
    " *\n * Returns 0; 1 when memory or threads cannot be had; 2 when this CPU lacks a\n"
    " * feature that the code uses; 4 when an argument is null";

// What comes before NAME in the header of a kernel with packed arguments.
std::string PrepareDeclarations(const std::string& name, const std::vector<Parameter>& call,
                                const std::vector<Parameter>& prepare) {
  const std::string& packed = prepare.back().name;
  return absl::StrCat(
      "/* What ", name, " needs of its weights is computed once, into a block of memory:\n *\n",
      " *   void* ", packed, " = aligned_alloc(64, ", name, "_packed_bytes());\n",  //
      " *   ", name, "_prepare(", Names(prepare), ");\n",                           //
      " *   ", name, "(", Names(call), "); ... as often as wanted, from any thread\n *\n",
      " * The block is the caller's, to be freed after the last call. It holds no pointers:\n"
      " * it may be copied, or stored and mapped, for this build of the library. */\n"
      "size_t ",
      name, "_packed_bytes(void); /* a multiple of 64 */\n\n",
      "/* Fills a 64-byte aligned block of that many bytes.\n *\n", Described(prepare), kReturns,
      ",\n * or the block is not aligned. */\nint32_t ", name, "_prepare(\n    ", Join(prepare),
      ");\n\n/* The same on the caller's runtime. */\nint32_t ", name, "_prepare_ex(\n    ",
      Join(prepare), ",\n    const lathe_runtime* runtime);\n\n");
}

}  // namespace

absl::Status CheckWrapperName(const std::string& name) {
  if (IsCName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' cannot be the name of a C function: rename the tensor function"));
}

std::vector<int> CallParameters(const Function& function, const PackedBlock& block) {
  std::vector<int> parameters;
  int position = 0;
  for (const Argument& argument : function.arguments) {
    if (!block.replaced.contains(argument.name)) parameters.push_back(position);
    ++position;
  }
  if (!block.empty()) parameters.push_back(kPackedParameter);
  for (size_t i = 0; i < function.outputs.size(); ++i) parameters.push_back(position++);
  return parameters;
}

std::vector<int> PrepareParameters(const Function& function, const PackedBlock& block) {
  std::vector<int> parameters;
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    if (block.sources.contains(function.arguments[i].name)) {
      parameters.push_back(static_cast<int>(i));
    }
  }
  parameters.push_back(kPackedParameter);
  return parameters;
}

std::string WrapperHeader(const Function& function, const PackedBlock& block) {
  const std::vector<Parameter> tensors = Tensors(function);
  const std::vector<Parameter> call = Chosen(tensors, CallParameters(function, block), false);
  const std::string& name = function.name;
  const std::string guard = absl::AsciiStrToUpper(name) + "_H_";
  const std::string declarations = Join(call);
  std::string prepare;
  if (!block.empty()) {
    prepare =
        PrepareDeclarations(name, call, Chosen(tensors, PrepareParameters(function, block), true));
  }
  return absl::StrCat(
      "/* Generated by Lathe. */\n#ifndef ", guard, "\n#define ", guard,
      block.empty() ? "\n\n" : "\n\n#include <stddef.h>\n",
      "#include <stdint.h>\n\n"
      "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
      "#ifndef LATHE_RESTRICT\n#if defined(__cplusplus)\n#define LATHE_RESTRICT __restrict\n"
      "#else\n#define LATHE_RESTRICT restrict\n#endif\n#endif\n\n"
      "typedef struct lathe_runtime lathe_runtime; /* lathe_kernel.h */\n\n",
      prepare,
      "/* Tensors are contiguous, row-major, aligned to their element; outputs overlap\n"
      " * nothing. Safe to call from several threads at once.\n *\n",
      Described(call), kReturns, block.empty() ? "" : ",\n * or the block is not aligned",
      ". */\nint32_t ", name, "(\n    ", declarations, ");\n\n",
      "/* The same on the caller's runtime. */\nint32_t ", name, "_ex(\n    ", declarations,
      ",\n    const lathe_runtime* runtime);\n\n",
      "/* JSON: arguments, workspace, key, versions, required features. */\n"
      "extern const char ",
      name, "_metadata[];\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* ", guard, " */\n");
}

}  // namespace lathe
