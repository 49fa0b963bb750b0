#include "measurer/check.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "measurer/compare.h"

namespace lathe {
namespace {

// Different patterns for the runs that are compared, so that an element that is
// never written differs between them. All ones is a NaN in every float type.
constexpr uint8_t kFirstPoison = 0xff;
constexpr uint8_t kSecondPoison = 0x7e;

class Checker {
 public:
  // `page` may be null for a kernel that prepares nothing.
  Checker(const RunnerJob& job, const LoadedKernel& kernel, lathe_thread_pool* pool,
          RunnerStatusPage* page, RoutineFinder find_routine)
      : job_(job),
        kernel_(kernel),
        pool_(pool),
        page_(page),
        find_routine_(std::move(find_routine)) {}

  // Calls the kernel once; its outputs, by argument, on success.
  std::optional<Failure> Run(const std::vector<std::string>& inputs, Placement placement,
                             LoopOrder order, uint8_t poison, std::vector<std::string>* outputs) {
    absl::StatusOr<KernelArguments> arguments =
        KernelArguments::Create(job_, inputs, placement, poison);
    if (!arguments.ok()) {
      return Failure{Verdict::kRefused, std::string(arguments.status().message())};
    }
    const KernelRuntime::Options options = {.order = order,
                                            .num_threads = job_.timing.threads,
                                            .pool = pool_,
                                            .workspace_limit = job_.workspace_bytes,
                                            .placement = placement,
                                            .poison = poison,
                                            .find_routine = find_routine_};
    if (std::optional<Failure> failure = Prepare(inputs, options, &*arguments)) return failure;
    KernelRuntime runtime(options);
    for (size_t a = 0; a < job_.arguments.size(); ++a) {
      if (job_.arguments[a].output) runtime.Watch(&arguments->buffer(a));
    }
    if (std::optional<Failure> failure =
            CallKernel(kernel_.function(), arguments->pointers(), runtime))
      return failure;
    if (runtime.race().has_value()) return RaceFailure(job_, *runtime.race());
    if (std::optional<std::string> damage = arguments->Damage(job_, inputs)) {
      return Failure{Verdict::kWrongOutput, *damage};
    }
    outputs->assign(job_.arguments.size(), "");
    for (size_t a = 0; a < job_.arguments.size(); ++a) {
      const GuardedBuffer& buffer = arguments->buffer(a);
      if (job_.arguments[a].output) (*outputs)[a].assign(buffer.data(), buffer.bytes());
    }
    return std::nullopt;
  }

  // How the outputs differ from the reference's, if they do.
  std::optional<Failure> Compare(const std::vector<std::string>& outputs,
                                 const char* reference) const {
    const std::vector<uint64_t> offsets = OutputOffsets(job_.reference_outputs);
    size_t output = 0;
    for (size_t a = 0; a < job_.arguments.size(); ++a) {
      if (!job_.arguments[a].output) continue;
      const OutputRule& rule = job_.rules[output++];
      const double* bounds = nullptr;
      if (!rule.exact) {
        bounds = reinterpret_cast<const double*>(reference + offsets[rule.reference_error]);
      }
      std::optional<std::string> difference = CompareOutput(
          job_.arguments[a], outputs[a].data(), job_.reference_outputs[rule.reference_value],
          reference + offsets[rule.reference_value], bounds, rule, job_.tolerance_factor);
      if (difference.has_value()) return Failure{Verdict::kWrongOutput, *difference};
    }
    return std::nullopt;
  }

  // Whether a further run gave the same bits as the first.
  std::optional<Failure> Same(const std::vector<std::string>& first,
                              const std::vector<std::string>& again, const char* how) const {
    for (size_t a = 0; a < first.size(); ++a) {
      if (first[a] == again[a]) continue;
      size_t byte = 0;
      while (first[a][byte] == again[a][byte]) ++byte;
      const BufferSpec& spec = job_.arguments[a];
      int64_t element = static_cast<int64_t>(byte / ElementBytes(spec.type));
      return Failure{Verdict::kWrongOutput,
                     absl::StrCat("gives different bits ", how, ": ", spec.name,
                                  FormatIndex(spec.shape, element), " is ",
                                  ElementAsDouble(spec.type, first[a].data(), element), " or ",
                                  ElementAsDouble(spec.type, again[a].data(), element))};
    }
    return std::nullopt;
  }

 private:
  std::optional<Failure> Prepare(const std::vector<std::string>& inputs,
                                 const KernelRuntime::Options& options,
                                 KernelArguments* arguments) {
    if (job_.prepare.packed.empty()) return std::nullopt;
    const uint32_t phase = page_->phase.exchange(RunnerStatusPage::kPreparing);
    std::optional<Failure> failure =
        PreparePacked(kernel_.prepare(), job_, inputs, options, arguments);
    page_->phase = phase;
    return failure;
  }

  const RunnerJob& job_;
  const LoadedKernel& kernel_;
  lathe_thread_pool* pool_;
  RunnerStatusPage* page_;
  const RoutineFinder find_routine_;
};

}  // namespace

std::optional<Failure> CheckCandidate(const RunnerJob& job, const LoadedKernel& kernel,
                                      lathe_thread_pool* pool, RunnerStatusPage* page,
                                      const std::vector<const char*>& references,
                                      const RoutineFinder& find_routine, InputCache& cache,
                                      std::vector<std::string>* outputs) {
  Checker checker(job, kernel, pool, page, find_routine);
  const bool threads = job.timing.threads > 1;
  for (size_t s = 0; s < job.seeds.size(); ++s) {
    const InputCache::Inputs kept = cache.Get(job.arguments, job.seeds[s]);
    const std::vector<std::string>& inputs = *kept;
    std::vector<std::string> first, again;
    LoopOrder order = s == 0 && threads ? LoopOrder::kRaces : LoopOrder::kForward;
    std::optional<Failure> failure =
        checker.Run(inputs, Placement::kEndAtPage, order, kFirstPoison, &first);
    if (!failure) failure = checker.Compare(first, references[s]);
    if (!failure) {
      failure =
          checker.Run(inputs, Placement::kAligned, LoopOrder::kReverse, kSecondPoison, &again);
    }
    if (!failure) failure = checker.Same(first, again, "with other memory around it");
    if (!failure && threads && s + 1 == job.seeds.size()) {
      failure = checker.Run(inputs, Placement::kAligned, LoopOrder::kThreads, kFirstPoison, &again);
      if (!failure) failure = checker.Same(first, again, "on threads");
    }
    if (failure) return failure;
    if (s == 0) *outputs = std::move(first);
  }
  return std::nullopt;
}

std::optional<Failure> RunReference(const RunnerJob& job, const LoadedKernel& kernel, char* out) {
  Checker checker(job, kernel, nullptr, nullptr, nullptr);
  std::vector<std::string> outputs;
  if (std::optional<Failure> failure =
          checker.Run(MakeInputs(job.arguments, job.seeds[0]), Placement::kEndAtPage,
                      LoopOrder::kForward, kFirstPoison, &outputs)) {
    return failure;
  }
  const std::vector<uint64_t> offsets = OutputOffsets(job.reference_outputs);
  size_t output = 0;
  for (size_t a = 0; a < outputs.size(); ++a) {
    if (!job.arguments[a].output) continue;
    std::memcpy(out + offsets[output++], outputs[a].data(), outputs[a].size());
  }
  return std::nullopt;
}

}  // namespace lathe
