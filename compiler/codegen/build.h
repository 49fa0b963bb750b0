// Everything a build worker does: text in, bytes out.
#ifndef LATHE_COMPILER_CODEGEN_BUILD_H_
#define LATHE_COMPILER_CODEGEN_BUILD_H_

#include "lathe/v1/build.pb.h"

namespace lathe {

// Builds what `request` asks for. Every failure is a status of the response
// with `error` set; an abort inside LLVM ends the process.
v1::BuildResponse Build(const v1::BuildRequest& request);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_BUILD_H_
