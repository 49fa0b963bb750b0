// Lines of x86-64 assembly (AT&T syntax, as code generation emits it), read as text.
#ifndef LATHE_COMPILER_ANALYSIS_ASSEMBLY_H_
#define LATHE_COMPILER_ANALYSIS_ASSEMBLY_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Registers by number: %xmm3, %ymm3 and %zmm3 are one.
struct RegisterUse {
  std::set<int> vector;
  std::set<std::string> general;  // "ax", "bp", "8" (of %r8 and %r8d)
  std::set<int> mask;
  void Add(const RegisterUse& other);
};

struct Instruction {
  std::string_view mnemonic;
  std::vector<std::string_view> operands;  // sources first, the destination last
  RegisterUse registers;
  bool loads = false, stores = false;  // through a memory operand
  bool uses_stack_pointer = false;     // a memory operand based on %rsp
  bool uses_frame_pointer = false;     // a memory operand based on %rbp
  bool multiply_add = false;           // fused, dot products and tile products included
  bool vector_arithmetic = false;      // on whole vectors; moves and broadcasts are not
  std::string_view jump_target;        // of a direct jump
};

// The label that a line defines, or empty.
std::string_view LabelOf(std::string_view line);

// False for labels, directives, comments and empty lines. The result refers to
// the text of `line`.
bool ParseInstruction(std::string_view line, Instruction* instruction);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_ASSEMBLY_H_
