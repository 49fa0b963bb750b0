#include "compiler/analysis/hot_loop.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/analysis/assembly.h"

namespace lathe {
namespace {

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// Lines from 0, both ends within.
struct Span {
  size_t first = 0, last = 0;
  bool Contains(const Span& other) const { return first <= other.first && other.last <= last; }
};

struct AssemblyFunction {
  std::string_view name;
  size_t begin = 0, end = 0;
  bool has_frame_pointer = false;  // else %rbp is a register like others
  std::vector<Span> loops;         // one per label that is jumped back to
};

// Labels that start with a dot are local to a function.
std::vector<AssemblyFunction> FindFunctions(const std::vector<std::string_view>& lines) {
  std::vector<AssemblyFunction> functions;
  absl::flat_hash_map<std::string_view, size_t> labels;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (std::string_view label = LabelOf(lines[i]); !label.empty()) {
      labels[label] = i;
      if (label[0] != '.') {
        if (!functions.empty()) functions.back().end = i;
        functions.push_back({label, i, lines.size(), false, {}});
      }
      continue;
    }
    Instruction instruction;
    if (functions.empty() || !ParseInstruction(lines[i], &instruction)) continue;
    AssemblyFunction& function = functions.back();
    if (instruction.mnemonic == "movq" && instruction.operands.size() == 2 &&
        instruction.operands[0] == "%rsp" && instruction.operands[1] == "%rbp") {
      function.has_frame_pointer = true;
    }
    auto target = labels.find(instruction.jump_target);
    if (target == labels.end() || target->second < function.begin) continue;
    auto known = std::find_if(function.loops.begin(), function.loops.end(),
                              [&](const Span& loop) { return loop.first == target->second; });
    if (known != function.loops.end()) {
      known->last = i;
    } else {
      function.loops.push_back({target->second, i});
    }
  }
  return functions;
}

HotLoop Measure(const std::vector<std::string_view>& lines, const AssemblyFunction& function,
                const Span& span) {
  HotLoop loop;
  loop.label = LabelOf(lines[span.first]);
  loop.function = function.name;
  loop.first_line = static_cast<int>(span.first) + 1;
  loop.last_line = static_cast<int>(span.last) + 1;
  loop.depth =
      static_cast<int>(std::count_if(function.loops.begin(), function.loops.end(),
                                     [&](const Span& other) { return other.Contains(span); }));
  RegisterUse registers;
  for (size_t i = span.first; i <= span.last; ++i) {
    Instruction instruction;
    if (!ParseInstruction(lines[i], &instruction)) continue;
    ++loop.instructions;
    registers.Add(instruction.registers);
    loop.multiply_adds += instruction.multiply_add;
    loop.vector_arithmetic += instruction.vector_arithmetic;
    loop.loads += instruction.loads;
    loop.stores += instruction.stores;
    loop.stack_references += instruction.uses_stack_pointer ||
                             (instruction.uses_frame_pointer && function.has_frame_pointer);
  }
  loop.vector_registers = static_cast<int>(registers.vector.size());
  loop.general_registers = static_cast<int>(registers.general.size());
  loop.mask_registers = static_cast<int>(registers.mask.size());
  return loop;
}

auto Weight(const HotLoop& loop) {
  return std::tuple(loop.multiply_adds, loop.vector_arithmetic, loop.depth, loop.instructions);
}

}  // namespace

double HotLoop::MultiplyAddsPerLoad() const {
  return loads == 0 ? INFINITY : static_cast<double>(multiply_adds) / loads;
}

std::optional<HotLoop> FindHotLoop(std::string_view assembly) {
  const std::vector<std::string_view> lines = SplitLines(assembly);
  std::optional<HotLoop> hot;
  for (const AssemblyFunction& function : FindFunctions(lines)) {
    for (const Span& span : function.loops) {
      const auto within = std::count_if(function.loops.begin(), function.loops.end(),
                                        [&](const Span& other) { return span.Contains(other); });
      if (within > 1) continue;  // more than itself
      HotLoop loop = Measure(lines, function, span);
      if (!hot || Weight(loop) > Weight(*hot)) hot = std::move(loop);
    }
  }
  return hot;
}

std::string Describe(const HotLoop& loop) {
  std::string text = absl::StrFormat("# Hot loop: %s in %s, %d deep, %d instructions\n", loop.label,
                                     loop.function, loop.depth, loop.instructions);
  absl::StrAppendFormat(&text, "#   registers: %d vector, %d general, %d mask\n",
                        loop.vector_registers, loop.general_registers, loop.mask_registers);
  absl::StrAppendFormat(&text, "#   %d stack references%s, %d loads, %d stores\n",
                        loop.stack_references, loop.stack_references > 0 ? " (spills)" : "",
                        loop.loads, loop.stores);
  absl::StrAppendFormat(&text, "#   %d fused multiply-adds", loop.multiply_adds);
  if (loop.multiply_adds > 0 && loop.loads > 0) {
    absl::StrAppendFormat(&text, " (%.2f per load)", loop.MultiplyAddsPerLoad());
  }
  absl::StrAppendFormat(&text, ", %d instructions of vector arithmetic\n", loop.vector_arithmetic);
  return text;
}

std::string MarkHotLoop(std::string_view assembly, const HotLoop& loop) {
  std::string text = Describe(loop);
  int number = 0;
  for (std::string_view line : SplitLines(assembly)) {
    ++number;
    if (number == loop.first_line) text += "# >>>>>>>> hot loop\n";
    text.append(line).append("\n");
    if (number == loop.last_line) text += "# <<<<<<<< hot loop\n";
  }
  return text;
}

}  // namespace lathe
