// The version of the code generator, part of every record's provenance.
#ifndef LATHE_COMPILER_CODEGEN_VERSION_H_
#define LATHE_COMPILER_CODEGEN_VERSION_H_

#include <string>

namespace lathe {

std::string LlvmVersion();  // "19.1.7"

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_VERSION_H_
