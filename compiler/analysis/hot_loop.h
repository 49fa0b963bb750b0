// The loop of a kernel's assembly in which its time is spent, and what it holds.
#ifndef LATHE_COMPILER_ANALYSIS_HOT_LOOP_H_
#define LATHE_COMPILER_ANALYSIS_HOT_LOOP_H_

#include <optional>
#include <string>
#include <string_view>

namespace lathe {

// Counts are of instructions of one iteration, on whatever path.
struct HotLoop {
  std::string label;     // of its first line
  std::string function;  // that it lies in
  int first_line = 0;    // of the text, from 1: the label
  int last_line = 0;     // the jump back
  int depth = 0;         // loops around it in its function, itself included
  int instructions = 0;
  int multiply_adds = 0;      // fused ones; dot and tile products count one each
  int vector_arithmetic = 0;  // on whole vectors, with those multiply-adds
  int loads = 0;              // instructions with a memory operand that is read
  int stores = 0;
  int stack_references = 0;  // of these loads and stores, to the stack frame: spills
  int vector_registers = 0, general_registers = 0, mask_registers = 0;  // distinct ones
  // Infinity without loads.
  double MultiplyAddsPerLoad() const;
};

// Of the innermost loops (backward jumps to a label, with no other such pair
// between them) the one with the most fused multiply-adds; among equals the most
// vector arithmetic, then the deepest, then the longest, then the first. A text
// does not tell trip counts: this is the loop that does the work of a tile.
// Nothing when there is no loop. `assembly` is x86-64 in AT&T syntax.
std::optional<HotLoop> FindHotLoop(std::string_view assembly);

// Lines of comment, as at the top of MarkHotLoop.
std::string Describe(const HotLoop& loop);

// The text with the description on top and comments before and after the loop.
std::string MarkHotLoop(std::string_view assembly, const HotLoop& loop);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_HOT_LOOP_H_
