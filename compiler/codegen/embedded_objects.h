// The C runtime of deployed kernels, compiled when Lathe was built.
#ifndef LATHE_COMPILER_CODEGEN_EMBEDDED_OBJECTS_H_
#define LATHE_COMPILER_CODEGEN_EMBEDDED_OBJECTS_H_

#include <string>
#include <vector>

namespace lathe {

// Relocatable, position-independent objects of compiler/runtime for the
// architecture of this program. Defined by cmake/EmbedObjects.cmake.
std::vector<std::string> EmbeddedObjects();

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_EMBEDDED_OBJECTS_H_
