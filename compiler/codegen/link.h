// Linking by LLVM's linker, inside this process.
#ifndef LATHE_COMPILER_CODEGEN_LINK_H_
#define LATHE_COMPILER_CODEGEN_LINK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

enum class LinkKind {
  kArtifact,       // shared ELF that needs nothing: an undefined symbol is an error
  kSharedLibrary,  // shared ELF that may use this system's libc and threads
  kRelocatable,    // one object; hidden symbols are made local
};

// Links object files given as bytes. The linker is not thread-safe: calls from
// several threads wait for each other. InternalError carries its messages.
absl::StatusOr<std::string> Link(LinkKind kind, const std::vector<std::string>& objects);

// A static archive of one member; deterministic.
absl::StatusOr<std::string> Archive(const std::string& object, const std::string& member_name);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_LINK_H_
