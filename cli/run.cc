// lathe run: check and time one implementation now, or compute with it.
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/builder.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/kernel_call.h"
#include "cli/npy.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record_json.h"
#include "cli/services.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/library_nest.h"
#include "measurer/input_data.h"
#include "tuner/run_once.h"

namespace lathe::cli {
namespace {

struct Options {
  TaskOptions task;
  std::string trace = "best", cpus, db, out;
  std::vector<std::string> in;  // NAME=FILE
  std::vector<std::string> libraries;
  uint64_t seed = 1;
  bool explain = false, json = false;
};

// The tensor of each argument: from its --in file, else made from the seed.
absl::StatusOr<std::vector<TensorValue>> LoadInputs(const Options& options,
                                                    const Function& function) {
  std::vector<std::optional<TensorValue>> given(function.arguments.size());
  for (const std::string& pair : options.in) {
    size_t equals = pair.find('=');
    std::string name = pair.substr(0, equals);
    const Argument* argument = function.FindArgument(name);
    if (equals == std::string::npos || !argument) {
      return absl::InvalidArgumentError(
          absl::StrCat("--in '", pair, "': '", name, "' is no argument of ", function.name,
                       "; write NAME=FILE.npy with one of ",
                       absl::StrJoin(function.arguments, ", ",
                                     [](std::string* out, const Argument& a) { *out += a.name; })));
    }
    std::string path = pair.substr(equals + 1);
    ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
    ASSIGN_OR_RETURN(TensorValue value, ParseNpy(bytes, path));
    if (value.type != argument->type || value.shape != argument->shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, " holds ", std::string(Name(value.type)), "[", absl::StrJoin(value.shape, ", "),
          "], but ", name, " is ", std::string(Name(argument->type)), "[",
          absl::StrJoin(argument->shape, ", "), "]"));
    }
    given[static_cast<size_t>(argument - function.arguments.data())] = std::move(value);
  }
  std::vector<TensorValue> inputs;
  for (size_t i = 0; i < given.size(); ++i) {
    const Argument& argument = function.arguments[i];
    if (!given[i]) {
      given[i] = TensorValue::Zeros(argument.type, argument.shape);
      FillInput(options.seed, static_cast<int>(i), Name(argument.type), given[i]->NumElements(),
                given[i]->bytes.data());
    }
    inputs.push_back(*std::move(given[i]));
  }
  return inputs;
}

// Writes OUTPUT.npy of each output into the directory --out.
absl::Status Compute(const Options& options, const LoadedTask& task, const Trace& trace,
                     const std::vector<TensorValue>& inputs) {
  ASSIGN_OR_RETURN(v1::BuildResponse built, Build(task, trace, v1::BUILD_PRODUCT_ARTIFACT));
  ASSIGN_OR_RETURN(
      std::vector<TensorValue> outputs,
      CallKernel(task.function, built.output(), built.metadata(), inputs, task.threads));
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create the directory ", options.out, ": ", error.message()));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string npy = ToNpy(outputs[i]);
    std::filesystem::path path =
        std::filesystem::path(options.out) / (task.function.outputs[i] + ".npy");
    RETURN_IF_ERROR(WriteFile(path.string(), npy));
  }
  return absl::OkStatus();
}

// A dependency is allowed by name only.
absl::Status CheckLibraries(const Options& options, const Program& lowered) {
  const std::vector<std::string> routines = RoutinesCalled(lowered);
  if (routines.empty()) return absl::OkStatus();
  const std::string& library = FindLibraryRoutine(routines.front())->library;
  if (options.libraries.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the schedule calls ", routines.front(), " of ", library,
                     ", and libraries are off by default: allow it with --library ", library));
  }
  if (options.out.empty()) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("--out computes without libraries, and the schedule calls ", routines.front(),
                   " of ", library));
}

void PrintReport(const Record& record, const NamedTrace& trace, const LoadedTask& task) {
  bool ok = record.status == RecordStatus::kOk;
  Print(absl::StrCat(task.function.name, ", ", trace.origin, ": ", std::string(Name(record.status)),
                     ok ? "" : ": ", record.error, "\n"));
  if (!ok) return;
  Work work = CountWork(task.function);
  Print(absl::StrFormat("%s per call, %d samples of %d calls, %.1f GFLOP/s, %.1f GB/s%s\n",
                        FormatInterval(record.median, record.ci_low, record.ci_high),
                        record.samples.size(), record.calls_per_sample,
                        work.flops / record.median * 1e-9, work.bytes / record.median * 1e-9,
                        record.conditions.contaminated ? ", under disturbance" : ""));
}

absl::StatusOr<ExitCode> RunOne(const Options& options) {
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  RETURN_IF_ERROR(CheckMeasurableHere(task));
  if (!options.in.empty() && options.out.empty()) {
    return absl::InvalidArgumentError("--in needs --out DIR for what the function computes");
  }
  std::vector<TensorValue> inputs;
  if (!options.out.empty()) {
    ASSIGN_OR_RETURN(inputs, LoadInputs(options, task.function));
  }
  absl::StatusOr<NamedTrace> trace = ResolveTrace(options.trace, task, options.db);
  if (absl::IsNotFound(trace.status()) && options.trace == "best") {
    PrintError(absl::StrCat(std::string(trace.status().message()),
                            ", or run the default schedule with --trace default"));
    return kNegative;
  }
  RETURN_IF_ERROR(trace.status());
  ASSIGN_OR_RETURN(Program lowered, LowerWithTrace(task.function, trace->trace));
  RETURN_IF_ERROR(CheckLibraries(options, lowered));
  ASSIGN_OR_RETURN(LocalServices services, StartServices(task, options.cpus, options.libraries));
  ASSIGN_OR_RETURN(RunReport report,
                   RunOnce(ProblemOf(task, services.cores, options.seed), ToText(trace->canonical),
                           *services.builder, services.hub->pool()));
  Record& record = report.record;
  record.trace = ToText(trace->trace);
  bool ok = record.status == RecordStatus::kOk;
  if (ok && !options.out.empty()) RETURN_IF_ERROR(Compute(options, task, trace->trace, inputs));
  std::optional<Explanation> explanation;
  if (ok && options.explain) {
    ASSIGN_OR_RETURN(explanation,
                     Explain(task.function, record.median, services.cores.measure_cpus));
  }
  if (options.json) {
    Json json = ToJson(record);
    json["error"] = record.error;
    json["origin"] = trace->origin;
    json["task"] = ToJson(record.task);
    if (explanation) json["explain"] = ToJson(*explanation);
    PrintJson(json);
  } else {
    PrintReport(record, *trace, task);
    if (explanation) Print(ToText(*explanation));
  }
  return ok ? kSuccess : kNegative;
}

}  // namespace

Action AddRun(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  app.add_option("--trace", options->trace, "naive, default, best or a trace file")
      ->capture_default_str();
  app.add_option("--in", options->in, "Input as NAME=FILE.npy; others are made from the seed")
      ->allow_extra_args(false);
  app.add_option("--out", options->out, "Directory for OUTPUT.npy of each output");
  app.add_option("--cpus", options->cpus, "CPUs to time on, e.g. 0,2-3; default: chosen");
  app.add_option("--library", options->libraries,
                 "Library that the schedule may call, e.g. libopenblas.so.0; default: none")
      ->allow_extra_args(false);
  app.add_option("--seed", options->seed, "Seed of input data")->capture_default_str();
  app.add_flag("--explain", options->explain,
               "Probe the machine and say how near this is to its limits");
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return RunOne(*options); };
}

}  // namespace lathe::cli
