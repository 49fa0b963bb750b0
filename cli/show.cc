// lathe show: one function at one level of abstraction.
#include <optional>

#include "cli/builder.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compiler/analysis/hot_loop.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/program.h"

namespace lathe::cli {
namespace {

struct Options {
  TaskOptions task;
  std::string level = "loop";
  std::string trace = "default";
  std::string db;
  bool json = false;
};

absl::StatusOr<std::string> TextAt(const std::string& level, const LoadedTask& task,
                                   const Trace& trace) {
  if (level == "tensor") return ToText(task.function);
  if (level == "loop") {
    ASSIGN_OR_RETURN(Program naive, BuildNaive(task.function));
    ASSIGN_OR_RETURN(Program program, Replay(naive, trace));
    return ToText(program);
  }
  if (level == "lowered") {
    ASSIGN_OR_RETURN(Program program, LowerWithTrace(task.function, trace));
    return ToText(program);
  }
  v1::BuildProduct product =
      level == "llvm" ? v1::BUILD_PRODUCT_LLVM_IR : v1::BUILD_PRODUCT_ASSEMBLY;
  ASSIGN_OR_RETURN(v1::BuildResponse response, Build(task, trace, product));
  return response.output();
}

Json ToJson(const HotLoop& loop) {
  return {{"label", loop.label},
          {"function", loop.function},
          {"first_line", loop.first_line},
          {"last_line", loop.last_line},
          {"depth", loop.depth},
          {"instructions", loop.instructions},
          {"fused_multiply_adds", loop.multiply_adds},
          {"vector_arithmetic", loop.vector_arithmetic},
          {"loads", loop.loads},
          {"stores", loop.stores},
          {"stack_references", loop.stack_references},
          {"vector_registers", loop.vector_registers},
          {"general_registers", loop.general_registers},
          {"mask_registers", loop.mask_registers}};
}

absl::StatusOr<ExitCode> Show(const Options& options) {
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  absl::StatusOr<NamedTrace> trace = ResolveTrace(options.trace, task, options.db);
  if (absl::IsNotFound(trace.status()) && options.trace == "best") {
    PrintError(trace.status());
    return kNegative;
  }
  RETURN_IF_ERROR(trace.status());
  ASSIGN_OR_RETURN(std::string text, TextAt(options.level, task, trace->trace));
  std::optional<HotLoop> hot;
  if (options.level == "asm") hot = FindHotLoop(text);
  if (options.json) {
    Json json = {{"function", task.function.name},
                 {"level", options.level},
                 {"origin", trace->origin},
                 {"trace", ToText(trace->trace)},
                 {"text", text}};
    if (hot) json["hot_loop"] = ToJson(*hot);
    PrintJson(json);
  } else {
    Print(hot ? MarkHotLoop(text, *hot) : text);
  }
  return kSuccess;
}

}  // namespace

Action AddShow(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  app.add_option("--level", options->level, "tensor, loop, lowered, llvm or asm")
      ->check(CLI::IsMember({"tensor", "loop", "lowered", "llvm", "asm"}))
      ->capture_default_str();
  app.add_option("--trace", options->trace, "naive, default, best or a trace file")
      ->capture_default_str();
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return Show(*options); };
}

}  // namespace lathe::cli
