// lathe build: a deployable library from the best known schedule, or a given one.
#include "absl/strings/str_cat.h"
#include "cli/builder.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compiler/base/status_macros.h"

namespace lathe::cli {
namespace {

struct Options {
  TaskOptions task;
  std::string trace = "best", output, header, db;
  double max_loss = 0;
  bool untuned = false, json = false;
};

absl::StatusOr<v1::BuildProduct> ProductOf(const std::string& path) {
  if (path.ends_with(".so")) return v1::BUILD_PRODUCT_SHARED_LIBRARY;
  if (path.ends_with(".o")) return v1::BUILD_PRODUCT_OBJECT;
  if (path.ends_with(".a")) return v1::BUILD_PRODUCT_ARCHIVE;
  return absl::InvalidArgumentError(
      absl::StrCat("cannot tell what to build as '", path, "': end it in .so, .o or .a"));
}

// The schedule to build: the one asked for, or without a record and with
// --untuned the default.
absl::StatusOr<NamedTrace> ChooseTrace(const Options& options, const LoadedTask& task) {
  absl::StatusOr<NamedTrace> trace =
      ResolveTrace(options.trace, task, options.db, options.max_loss);
  bool no_record = options.trace == "best" && absl::IsNotFound(trace.status());
  if (!no_record || !options.untuned) return trace;
  return ResolveTrace("default", task, options.db);
}

absl::StatusOr<ExitCode> RunBuild(const Options& options) {
  ASSIGN_OR_RETURN(v1::BuildProduct product, ProductOf(options.output));
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  absl::StatusOr<NamedTrace> trace = ChooseTrace(options, task);
  if (absl::IsNotFound(trace.status()) && options.trace == "best") {
    PrintError(absl::StrCat(std::string(trace.status().message()),
                            ", or build the default schedule with --untuned"));
    return kNegative;
  }
  RETURN_IF_ERROR(trace.status());
  ASSIGN_OR_RETURN(v1::BuildResponse built, Build(task, trace->trace, product));
  // The library last: where it stands, its header stands too.
  if (!options.header.empty()) RETURN_IF_ERROR(WriteFile(options.header, built.wrapper_header()));
  RETURN_IF_ERROR(WriteFile(options.output, built.output()));

  Json metadata = Json::parse(built.metadata(), nullptr, false);
  if (metadata.is_discarded()) return absl::InternalError("the build worker sent no metadata");
  if (options.json) {
    PrintJson({{"output", options.output},
               {"symbol", task.function.name},
               {"arguments", metadata["arguments"]},
               {"workspace_bytes", metadata["workspace_bytes"]},
               {"workspace_bytes_per_thread", metadata["workspace_bytes_per_thread"]},
               {"prepare", metadata["prepare"]},
               {"threads", task.threads},
               {"verdict", Name(trace->found.verdict)},
               {"record", trace->found.record ? Json(trace->found.record->id) : Json()},
               {"reason", trace->found.reason},
               {"distance", trace->found.distance},
               {"expected_loss", trace->found.expected_loss},
               {"schedule", trace->origin},
               {"key", metadata["key"]},
               {"key_version", metadata["key_version"]},
               {"program_hash", built.program_hash()},
               {"required_features", metadata["features"]},
               {"libraries", metadata["libraries"]},
               {"target", ToText(task.target)}});
  } else {
    Print(absl::StrCat(options.output, ": ", task.function.name, ", ", trace->origin, ", ",
                       built.output().size(), " bytes\n"));
    if (!trace->found.reason.empty()) {
      Print(absl::StrCat("schedule ", trace->found.reason, ", record ", trace->found.record->id,
                         "\n"));
    }
    for (const Json& needed : metadata["libraries"]) {
      Print(absl::StrCat("needs ", needed["library"].get<std::string>(), " at run time, for ",
                         needed["routine"].get<std::string>(), "\n"));
    }
  }
  return kSuccess;
}

}  // namespace

Action AddBuild(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  app.add_option("-o,--output", options->output, "Library to write: NAME.so, NAME.o or NAME.a")
      ->required();
  app.add_option("--trace", options->trace, "naive, default, best or a trace file")
      ->capture_default_str();
  app.add_option("--header", options->header, "C header to write");
  AddMaxLossOption(app, options->max_loss);
  app.add_flag("--untuned", options->untuned, "Without a record, build the default schedule");
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return RunBuild(*options); };
}

}  // namespace lathe::cli
