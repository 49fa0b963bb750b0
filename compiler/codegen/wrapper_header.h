// The C side of a deployable wrapper, as text.
#ifndef LATHE_COMPILER_CODEGEN_WRAPPER_HEADER_H_
#define LATHE_COMPILER_CODEGEN_WRAPPER_HEADER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "compiler/codegen/packed_block.h"
#include "compiler/tensor/function.h"

namespace lathe {

// InvalidArgument when `name` cannot name a C function.
absl::Status CheckWrapperName(const std::string& name);

// Parameters of the wrapper's functions, as positions among the tensors of the
// kernel ABI (inputs, then outputs) or kPackedParameter, the packed block. NAME:
// inputs without those that the block replaces, the block if there is one,
// outputs. NAME_prepare: the const arguments that it reads, and the block.
inline constexpr int kPackedParameter = -1;
std::vector<int> CallParameters(const Function& function, const PackedBlock& block);
std::vector<int> PrepareParameters(const Function& function, const PackedBlock& block);

// A header for C and C++ that declares NAME, NAME_ex and NAME_metadata and, for a
// kernel with packed arguments, NAME_packed_bytes, NAME_prepare and
// NAME_prepare_ex. It stands alone: it needs no other file of Lathe.
std::string WrapperHeader(const Function& function, const PackedBlock& block);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_WRAPPER_HEADER_H_
