#include "compiler/analysis/assembly.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "compiler/base/source_error.h"

namespace lathe {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(text.front())) text.remove_prefix(1);
  while (!text.empty() && absl::ascii_isspace(text.back())) text.remove_suffix(1);
  return text;
}

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '$'; }

template <size_t N>
bool StartsWithAny(std::string_view text, const std::string_view (&prefixes)[N]) {
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

// Operands stand between commas outside of parentheses.
std::vector<std::string_view> SplitOperands(std::string_view text) {
  std::vector<std::string_view> operands;
  size_t start = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    std::string_view operand = Trim(text.substr(start, i - start));
    if (!operand.empty()) operands.push_back(operand);
    start = i + 1;
  }
  return operands;
}

void AddRegister(std::string_view name, RegisterUse& use) {
  int number = 0;
  auto numbered = [&](std::string_view prefix) {
    return name.starts_with(prefix) &&
           absl::SimpleAtoi(ToAbsl(name.substr(prefix.size())), &number);
  };
  if (numbered("xmm") || numbered("ymm") || numbered("zmm")) {
    use.vector.insert(number);
    return;
  }
  if (numbered("k")) {
    use.mask.insert(number);
    return;
  }
  if (name == "rip" || name.starts_with("tmm") || name.starts_with("st")) return;
  // Parts of one register share a name: rax, eax, ax, al, ah; r8, r8d, r8w, r8b.
  if (name.size() >= 2 && name[0] == 'r' && absl::ascii_isdigit(name[1])) {
    name.remove_prefix(1);
    while (!absl::ascii_isdigit(name.back())) name.remove_suffix(1);
    use.general.emplace(name);
    return;
  }
  if (name.size() == 3 && (name[0] == 'r' || name[0] == 'e')) name.remove_prefix(1);
  if (name.size() == 3) name.remove_suffix(1);  // spl, bpl, sil, dil
  std::string canonical(name);
  if (canonical.size() == 2 && (canonical[1] == 'l' || canonical[1] == 'h')) canonical[1] = 'x';
  use.general.insert(canonical);
}

void AddRegisters(std::string_view operand, RegisterUse& use) {
  for (size_t at = operand.find('%'); at != std::string_view::npos; at = operand.find('%', at)) {
    size_t end = ++at;
    while (end < operand.size() && absl::ascii_isalnum(operand[end])) ++end;
    AddRegister(operand.substr(at, end - at), use);
  }
}

bool IsMultiplyAdd(std::string_view mnemonic) {
  constexpr std::string_view kPrefixes[] = {"vfmadd", "vfmsub",  "vfnmadd", "vfnmsub",
                                            "vpdp",   "vdpbf16", "tdp"};
  return StartsWithAny(mnemonic, kPrefixes);
}

// Moves and what only rearranges, converts nothing and computes nothing.
bool IsMove(std::string_view mnemonic) {
  if (mnemonic.starts_with('v')) mnemonic.remove_prefix(1);
  constexpr std::string_view kPrefixes[] = {
      "mov",      "pmov",   "broadcast", "pbroadcast", "insert",   "pinsr", "extract",
      "pextr",    "gather", "pgather",   "scatter",    "pscatter", "unpck", "punpck",
      "shuf",     "pshuf",  "perm",      "zero",       "maskmov",  "blend", "pblend",
      "compress", "expand", "align",     "palign",     "lddqu"};
  return StartsWithAny(mnemonic, kPrefixes);
}

// The last operand, when in memory, is only read.
bool OnlyReads(std::string_view mnemonic) {
  constexpr std::string_view kPrefixes[] = {"cmp",  "test",  "ucomis", "comis", "vucomis", "vcomis",
                                            "mul",  "imul",  "div",    "idiv",  "jmp",     "call",
                                            "push", "ptest", "vptest", "vtest"};
  if (mnemonic.starts_with("cmpxchg")) return false;
  return StartsWithAny(mnemonic, kPrefixes) || mnemonic == "btl" || mnemonic == "btq";
}

// The last operand, when in memory, is read and then written.
bool Modifies(std::string_view mnemonic) {
  constexpr std::string_view kPrefixes[] = {"add", "sub", "and", "or",   "xor", "inc",
                                            "dec", "neg", "not", "shl",  "shr", "sar",
                                            "sal", "rol", "ror", "xadd", "adc", "sbb"};
  return StartsWithAny(mnemonic, kPrefixes);
}

void FindAccesses(Instruction& instruction) {
  const std::string_view mnemonic = instruction.mnemonic;
  // They name an address, and touch no data.
  const bool address_only = mnemonic.starts_with("lea") || mnemonic.starts_with("prefetch") ||
                            mnemonic.starts_with("nop");
  for (size_t i = 0; i < instruction.operands.size(); ++i) {
    const std::string_view operand = instruction.operands[i];
    const size_t open = operand.find('(');
    if (open == std::string_view::npos || address_only) continue;
    const std::string_view base = operand.substr(open);
    instruction.uses_stack_pointer |= base.starts_with("(%rsp");
    instruction.uses_frame_pointer |= base.starts_with("(%rbp");
    const bool last = i + 1 == instruction.operands.size();
    const bool stores = last && !OnlyReads(mnemonic);
    instruction.stores |= stores;
    instruction.loads |= !stores || Modifies(mnemonic);
  }
}

}  // namespace

void RegisterUse::Add(const RegisterUse& other) {
  vector.insert(other.vector.begin(), other.vector.end());
  general.insert(other.general.begin(), other.general.end());
  mask.insert(other.mask.begin(), other.mask.end());
}

std::string_view LabelOf(std::string_view line) {
  const size_t end = std::find_if_not(line.begin(), line.end(), IsNameCharacter) - line.begin();
  return end > 0 && end < line.size() && line[end] == ':' ? line.substr(0, end)
                                                          : std::string_view();
}

bool ParseInstruction(std::string_view line, Instruction* instruction) {
  line = Trim(line.substr(0, line.find('#')));
  if (line.empty() || line[0] == '.' || !LabelOf(line).empty()) return false;
  *instruction = Instruction();
  const size_t space = std::find_if(line.begin(), line.end(), absl::ascii_isspace) - line.begin();
  instruction->mnemonic = line.substr(0, space);
  instruction->operands = SplitOperands(line.substr(space));
  if (instruction->mnemonic.starts_with('j') && instruction->operands.size() == 1 &&
      instruction->operands[0][0] != '*') {
    instruction->jump_target = instruction->operands[0];
    return true;
  }
  for (std::string_view operand : instruction->operands) {
    AddRegisters(operand, instruction->registers);
  }
  FindAccesses(*instruction);
  const std::string_view mnemonic = instruction->mnemonic;
  // addss, vmulsd; but vpminsd and vpabsd are of packed integers.
  const bool scalar = (mnemonic.ends_with("ss") || mnemonic.ends_with("sd")) &&
                      !mnemonic.starts_with('p') && !mnemonic.starts_with("vp");
  instruction->multiply_add = IsMultiplyAdd(mnemonic);
  instruction->vector_arithmetic =
      !scalar &&
      (instruction->multiply_add || (!instruction->registers.vector.empty() && !IsMove(mnemonic)));
  return true;
}

}  // namespace lathe
