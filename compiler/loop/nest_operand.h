// Accesses of a loop nest as tiles of memory.
#ifndef LATHE_COMPILER_LOOP_NEST_OPERAND_H_
#define LATHE_COMPILER_LOOP_NEST_OPERAND_H_

#include <optional>
#include <string>
#include <vector>

#include "compiler/loop/affine.h"
#include "compiler/loop/program.h"

namespace lathe {

// The place of buffer[indices] among the elements of the (row-major) buffer.
Linear FlatIndex(const Buffer& buffer, const std::vector<Expr>& indices);

// The operand at `flat`, where dimension d of the tile runs along the loop
// `loops[d]`; nullopt if the index is not affine in those.
std::optional<Intrinsic::Operand> AsOperand(const Buffer& buffer, Linear flat,
                                            const std::vector<std::string>& loops);

// The index of the element of the tile at the values of `loops`.
Expr ElementOf(const Intrinsic::Operand& operand, const std::vector<std::string>& loops);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_NEST_OPERAND_H_
