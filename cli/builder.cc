#include "cli/builder.h"

#include <utility>

#include "compiler/base/status_macros.h"
#include "tuner/build_pool.h"

namespace lathe::cli {

absl::StatusOr<v1::BuildResponse> Build(const LoadedTask& task, const Trace& trace,
                                        v1::BuildProduct product) {
  BuildPoolOptions options;
  ASSIGN_OR_RETURN(options.program, FindTool("lathe-builder"));
  BuildPool pool(std::move(options));
  v1::BuildRequest request;
  request.set_function(ToText(task.function));
  request.set_trace(ToText(trace));
  request.set_target(ToText(task.target));
  request.set_product(product);
  request.set_threads(static_cast<uint32_t>(task.threads));
  v1::BuildResponse response = BuildAndWait(pool, std::move(request));
  switch (response.status()) {
    case v1::BUILD_STATUS_OK:
      return response;
    case v1::BUILD_STATUS_INVALID:
      return absl::InvalidArgumentError(response.error());
    case v1::BUILD_STATUS_UNSUPPORTED:
      return absl::UnimplementedError(response.error());
    default:
      return absl::InternalError(response.error());
  }
}

}  // namespace lathe::cli
