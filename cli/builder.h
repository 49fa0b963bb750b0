// One build by a worker process, for commands.
#ifndef LATHE_CLI_BUILDER_H_
#define LATHE_CLI_BUILDER_H_

#include "absl/status/statusor.h"
#include "cli/options.h"
#include "lathe/v1/build.pb.h"

namespace lathe::cli {

// InvalidArgument or Unimplemented when the function, trace or target is
// refused; Internal when the worker died.
absl::StatusOr<v1::BuildResponse> Build(const LoadedTask& task, const Trace& trace,
                                        v1::BuildProduct product);

}  // namespace lathe::cli

#endif  // LATHE_CLI_BUILDER_H_
