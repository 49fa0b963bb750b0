#include "compiler/codegen/build.h"

#include <chrono>
#include <string>

#include "compiler/base/status_macros.h"
#include "compiler/codegen/compile.h"
#include "compiler/codegen/link.h"
#include "compiler/codegen/metadata.h"
#include "compiler/codegen/packed_block.h"
#include "compiler/codegen/version.h"
#include "compiler/codegen/wrapper.h"
#include "compiler/codegen/wrapper_header.h"
#include "compiler/schedule/trace.h"
#include "compiler/tensor/function.h"

namespace lathe {
namespace {

v1::BuildStatus StatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
      return v1::BUILD_STATUS_INVALID;
    case absl::StatusCode::kUnimplemented:
      return v1::BUILD_STATUS_UNSUPPORTED;
    default:
      return v1::BUILD_STATUS_FAILED;
  }
}

absl::StatusOr<std::string> BuildWrapper(const v1::BuildRequest& request, const Function& function,
                                         const Program& lowered, const Target& target,
                                         const std::string& metadata) {
  CompileOptions options;
  options.emit = {
      .symbol = kWrappedKernelSymbol, .prepare_symbol = kWrappedPrepareSymbol, .hidden = true};
  ASSIGN_OR_RETURN(std::string kernel, CompileKernel(lowered, target, CodeForm::kObject, options));
  WrapperOptions wrapper;
  wrapper.threads = request.threads() == 0 ? 1 : static_cast<int>(request.threads());
  wrapper.metadata = metadata;
  ASSIGN_OR_RETURN(std::vector<std::string> objects,
                   WrapperObjects(function, lowered, target, wrapper));
  objects.push_back(std::move(kernel));
  if (request.product() == v1::BUILD_PRODUCT_SHARED_LIBRARY) {
    return Link(LinkKind::kSharedLibrary, objects);
  }
  ASSIGN_OR_RETURN(std::string object, Link(LinkKind::kRelocatable, objects));
  if (request.product() == v1::BUILD_PRODUCT_OBJECT) return object;
  return Archive(object, function.name + ".o");
}

absl::Status BuildInto(const v1::BuildRequest& request, v1::BuildResponse* response) {
  ASSIGN_OR_RETURN(Function function, ParseFunction(request.function(), "function"));
  ASSIGN_OR_RETURN(Target target, ParseTarget(request.target()));
  Trace trace;
  if (!request.trace().empty()) {
    ASSIGN_OR_RETURN(trace, ParseTrace(request.trace(), "trace"));
  }
  ASSIGN_OR_RETURN(Program lowered, LowerWithTrace(function, trace));
  RETURN_IF_ERROR(CheckSupported(lowered));
  RETURN_IF_ERROR(CheckIntrinsics(lowered, target));
  const std::string metadata = KernelMetadata(function, target, lowered);
  response->set_program_hash(ProgramHash(lowered));
  response->set_metadata(metadata);
  CompileOptions options;
  options.metadata = metadata;
  switch (request.product()) {
    case v1::BUILD_PRODUCT_ARTIFACT: {
      ASSIGN_OR_RETURN(*response->mutable_output(), CompileArtifact(lowered, target, metadata));
      return absl::OkStatus();
    }
    case v1::BUILD_PRODUCT_LLVM_IR: {
      ASSIGN_OR_RETURN(*response->mutable_output(),
                       CompileKernel(lowered, target, CodeForm::kLlvmIr, options));
      return absl::OkStatus();
    }
    case v1::BUILD_PRODUCT_ASSEMBLY: {
      ASSIGN_OR_RETURN(*response->mutable_output(),
                       CompileKernel(lowered, target, CodeForm::kAssembly, options));
      return absl::OkStatus();
    }
    case v1::BUILD_PRODUCT_SHARED_LIBRARY:
    case v1::BUILD_PRODUCT_OBJECT:
    case v1::BUILD_PRODUCT_ARCHIVE: {
      ASSIGN_OR_RETURN(*response->mutable_output(),
                       BuildWrapper(request, function, lowered, target, metadata));
      response->set_wrapper_header(WrapperHeader(function, PlanPackedBlock(lowered)));
      return absl::OkStatus();
    }
    default:
      return absl::InvalidArgumentError("the build request names no product");
  }
}

}  // namespace

v1::BuildResponse Build(const v1::BuildRequest& request) {
  const auto start = std::chrono::steady_clock::now();
  v1::BuildResponse response;
  const absl::Status status = BuildInto(request, &response);
  response.set_id(request.id());
  response.set_llvm_version(LlvmVersion());
  if (status.ok()) {
    response.set_status(v1::BUILD_STATUS_OK);
  } else {
    response.set_status(StatusOf(status));
    response.set_error(std::string(status.message()));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  response.set_build_seconds(elapsed.count());
  return response;
}

}  // namespace lathe
