// LLVM's view of a target. Every module is made for exactly one.
#ifndef LATHE_COMPILER_CODEGEN_TARGET_MACHINE_H_
#define LATHE_COMPILER_CODEGEN_TARGET_MACHINE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "compiler/target/target.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace lathe {

// The machine that code for `target` is generated with: position independent,
// default optimisation of code generation. Features come from the target
// alone; the tuning CPU only chooses the schedule model. InvalidArgument names
// a feature or tuning CPU that LLVM does not know; Unimplemented an architecture.
absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const Target& target);

// The same architecture with what all its CPUs have: for code that runs before
// the features of a CPU have been checked.
Target BaselineOf(const Target& target);

// Sets triple and data layout, and identical target attributes on every
// function: a mismatch makes LLVM fall back to narrow vectors silently.
void ApplyTarget(const Target& target, const llvm::TargetMachine& machine, llvm::Module& module);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_TARGET_MACHINE_H_
