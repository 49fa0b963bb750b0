// lathe bench: our kernels beside other libraries and the machine's own limits.
#include <sched.h>

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/operator_call.h"
#include "bench/report.h"
#include "bench/suite.h"
#include "bench/workload.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/services.h"
#include "cli/suite_file.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "measurer/device_probe.h"
#include "tuner/build_pool.h"
#include "tuner/process.h"

namespace lathe::cli {
namespace {

struct Options {
  TaskOptions task;
  std::string trace, as, against = "all", onnxruntime, cpus, db;
  std::vector<std::string> beside;
  double seconds = 5, naive_seconds = 1;
  uint64_t seed = 1;
  bool json = false;
};

constexpr std::string_view kOperator = "op:";
constexpr std::string_view kListed = "listed";

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The entries of a suite, or the one that a FUNCTION is.
absl::StatusOr<std::vector<SuiteEntry>> LoadEntries(const Options& options) {
  const std::string& given = options.task.function;
  std::string path = given;
  if (given.find_first_of("/.:-") == std::string::npos && !Exists(given)) {
    path = SuitePath(given);
    if (!Exists(path)) {
      return absl::NotFoundError(absl::StrCat("there is no file and no suite '", given,
                                              "'; an operator is written op:", given, "(...)"));
    }
  }
  if (!given.starts_with(kOperator) && given != "-" && Exists(path)) {
    ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    if (IsSuite(text)) {
      if (!options.as.empty()) {
        return absl::InvalidArgumentError("--as is for one function; a suite has as=op:... a line");
      }
      return ParseSuite(text, path);
    }
  }
  return std::vector<SuiteEntry>{{given, given, "", options.as}};
}

// The trace that is asked for; without any wish the best one, else the default.
absl::StatusOr<NamedTrace> ChooseTrace(const Options& options, const SuiteEntry& entry,
                                       const LoadedTask& task) {
  if (!options.trace.empty()) return ResolveTrace(options.trace, task, options.db);
  if (!entry.trace.empty()) return ResolveTrace(entry.trace, task, options.db);
  absl::StatusOr<NamedTrace> best = ResolveTrace("best", task, options.db);
  if (!absl::IsNotFound(best.status())) return best;
  return ResolveTrace("default", task, options.db);
}

// What --beside names; "listed" is the trace that the suite has for the function.
absl::Status AddBeside(const Options& options, const SuiteEntry& entry, const LoadedTask& task,
                       Workload* workload) {
  for (const std::string& name : options.beside) {
    if (name == kListed && entry.trace.empty()) continue;
    const std::string& wish = name == kListed ? entry.trace : name;
    ASSIGN_OR_RETURN(NamedTrace trace, ResolveTrace(wish, task, options.db));
    RETURN_IF_ERROR(LowerWithTrace(task.function, trace.trace).status());
    workload->beside.push_back(
        {name == kListed ? std::string(kListed) : std::move(trace.origin), std::move(trace.trace)});
  }
  return absl::OkStatus();
}

absl::StatusOr<Workload> LoadWorkload(const Options& options, const SuiteEntry& entry) {
  TaskOptions task_options = options.task;
  task_options.function = entry.function;
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(task_options));
  RETURN_IF_ERROR(CheckMeasurableHere(task));
  Workload workload;
  workload.name = entry.name;
  workload.spec = entry.function;
  if (entry.function.starts_with(kOperator)) {
    ASSIGN_OR_RETURN(workload.op, ParseOperatorCall(entry.function.substr(kOperator.size())));
  } else if (!entry.as.empty()) {
    std::string spec = entry.as.substr(entry.as.starts_with(kOperator) ? kOperator.size() : 0);
    ASSIGN_OR_RETURN(workload.op, OperatorCallOf(task.function, spec));
  }
  ASSIGN_OR_RETURN(NamedTrace trace, ChooseTrace(options, entry, task));
  RETURN_IF_ERROR(LowerWithTrace(task.function, trace.trace).status());
  workload.subject = {std::move(trace.origin), std::move(trace.trace)};
  RETURN_IF_ERROR(AddBeside(options, entry, task, &workload));
  ASSIGN_OR_RETURN(NamedTrace fallback, ResolveTrace("default", task, options.db));
  workload.default_trace = std::move(fallback.trace);
  workload.function = std::move(task.function);
  return workload;
}

// Pins this thread, and with it every thread that peers will start.
absl::Status Pin(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : cpus) CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) == 0) return absl::OkStatus();
  return absl::InternalError("cannot pin to the chosen CPUs");
}

absl::StatusOr<CorePlan> PlanAndPin(const Options& options) {
  std::vector<int> requested;
  if (!options.cpus.empty()) {
    ASSIGN_OR_RETURN(requested, ParseCpuList(options.cpus));
  }
  ASSIGN_OR_RETURN(CorePlan plan, PlanCores(AvailableCpus(), options.task.threads, requested));
  RETURN_IF_ERROR(Pin(plan.measure_cpus));
  return plan;
}

using ThreadPool = std::unique_ptr<lathe_thread_pool, void (*)(lathe_thread_pool*)>;

absl::StatusOr<ThreadPool> StartThreads(int threads, const std::vector<int>& cpus) {
  ThreadPool pool(nullptr, lathe_thread_pool_destroy);
  if (threads == 1) return pool;
  const std::vector<int32_t> pinned(cpus.begin(), cpus.end());
  pool.reset(lathe_thread_pool_create(threads, pinned.data(), static_cast<int32_t>(pinned.size())));
  if (!pool) return absl::ResourceExhaustedError("cannot start the kernel's threads");
  return pool;
}

absl::StatusOr<BenchOptions> BenchOptionsOf(const Options& options) {
  BenchOptions bench;
  ASSIGN_OR_RETURN(bench.target, ParseTarget(options.task.target));
  bench.threads = options.task.threads;
  bench.relaxed = options.task.accuracy == "relaxed";
  bench.naive_seconds = options.naive_seconds;
  bench.seed = options.seed;
  bench.contest.budget_seconds = options.seconds;
  return bench;
}

absl::StatusOr<ExitCode> RunBench(const Options& options) {
  ASSIGN_OR_RETURN(std::vector<SuiteEntry> entries, LoadEntries(options));
  std::vector<Workload> workloads;
  for (const SuiteEntry& entry : entries) {
    ASSIGN_OR_RETURN(Workload workload, LoadWorkload(options, entry));
    workloads.push_back(std::move(workload));
  }
  ASSIGN_OR_RETURN(BenchOptions bench, BenchOptionsOf(options));
  BuildPoolOptions pool_options;
  ASSIGN_OR_RETURN(pool_options.program, FindTool("lathe-builder"));
  for (const CpuInfo& cpu : AvailableCpus()) pool_options.cpus.push_back(cpu.cpu);
  BuildPool builder(std::move(pool_options));
  ASSIGN_OR_RETURN(CorePlan plan, PlanAndPin(options));
  ASSIGN_OR_RETURN(ThreadPool threads, StartThreads(bench.threads, plan.measure_cpus));

  std::vector<std::string> refused;
  ASSIGN_OR_RETURN(std::vector<PeerLibrary> peers,
                   LoadPeers(options.against, {bench.threads, options.onnxruntime}, &refused));
  for (const std::string& line : refused) PrintNote(line);
  BenchReport report;
  report.lathe_version = LatheVersion();
  report.device_kind = LocalDeviceKind();
  report.cpus = plan.measure_cpus;
  report.threads = bench.threads;
  report.seed = bench.seed;
  for (const PeerLibrary& peer : peers) {
    report.peer_versions.emplace_back(peer.name(), peer.version());
  }
  if (!options.json) {
    Print(absl::StrCat("peers: ", peers.empty() ? "none" : PeerVersionsText(report), "\n"));
  }
  bool all_timed = true;
  for (const Workload& workload : workloads) {
    if (options.json && workloads.size() > 1) PrintNote(workload.name);
    report.workloads.push_back(RunWorkload(workload, peers, bench, builder, threads.get()));
    all_timed = all_timed && report.workloads.back().error.empty();
    if (!options.json) Print(ToText(report.workloads.back()));
  }
  if (options.json) {
    PrintJson(ToJson(report));
  } else if (double geomean = GeomeanRatio(report.workloads); geomean > 0 && workloads.size() > 1) {
    Print(absl::StrFormat("geometric mean over the best peers: %.3fx\n", geomean));
  }
  return all_timed ? kSuccess : kNegative;
}

}  // namespace

Action AddBench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  app.get_option("FUNCTION")
      ->description("File, - or op:NAME(...); or a suite: file or name (core)");
  app.add_option("--trace", options->trace,
                 "naive, default, best or a trace file; default: best, without a record default");
  app.add_option(
         "--beside", options->beside,
         "Further traces of ours in the same run, as --trace names them; listed: the suite's")
      ->allow_extra_args(false);
  app.add_option("--against", options->against, "Peers: all, none, or names and paths with commas")
      ->capture_default_str();
  app.add_option("--onnxruntime", options->onnxruntime,
                 "Library of ONNX Runtime (libonnxruntime.so.1) to compare with");
  app.add_option("--as", options->as, "op:NAME(...) that a FUNCTION in a file is for peers");
  app.add_option("--seconds", options->seconds, "Time for the rounds of one workload")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--naive-seconds", options->naive_seconds, "Time for naive; 0: without")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--cpus", options->cpus, "CPUs to time on, e.g. 0,2-3; default: chosen");
  app.add_option("--seed", options->seed, "Seed of input data")->capture_default_str();
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return RunBench(*options); };
}

}  // namespace lathe::cli
