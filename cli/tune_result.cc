#include "cli/tune_result.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/record_json.h"
#include "compiler/tensor/reference.h"

namespace lathe::cli {
namespace {

Json ToJson(const std::optional<Measured>& time) { return time ? Json(time->median) : Json(); }

std::string SpeedUps(const Json& result, double best) {
  std::string text;
  auto append = [&](const char* name) {
    const Json& time = result[absl::StrCat(name, "_seconds")];
    if (time.is_null()) return;
    double seconds = time.get<double>();
    absl::StrAppend(&text, "  ", FormatRatio(seconds / best), " ", name, " (",
                    FormatSeconds(seconds), ")\n");
  };
  append("naive");
  append("default");
  return text;
}

}  // namespace

Json ToJson(const TuneResult& result, const std::optional<Record>& best, uint64_t seed) {
  Json json = {
      {"task", cli::ToJson(result.task)},
      {"device", result.device.uuid()},
      {"best", best ? cli::ToJson(*best) : Json()},
      {"best_seconds", ToJson(result.best)},
      {"naive_seconds", ToJson(result.naive)},
      {"default_seconds", ToJson(result.default_candidate)},
      {"promoted", result.promoted},
      {"stopped", result.stop == StopReason::kCancelled ? "interrupted" : Name(result.stop)},
      {"forecast_gain", result.forecast && *result.forecast < 1 ? Json(*result.forecast) : Json()}};
  int64_t measured = 0;
  for (RecordStatus status :
       {RecordStatus::kOk, RecordStatus::kWrongOutput, RecordStatus::kCrash, RecordStatus::kTimeout,
        RecordStatus::kBuildFailed, RecordStatus::kRefused, RecordStatus::kAbandoned,
        RecordStatus::kKernelError, RecordStatus::kReferenceFailed}) {
    auto it = result.statuses.find(status);
    int64_t count = it == result.statuses.end() ? 0 : it->second;
    json["trials"][std::string(Name(status))] = count;
    measured += count;
  }
  json["done"] = result.done;
  json["resumed"] = result.resumed;
  json["measured"] = measured;
  json["repeats"] = result.repeats;
  json["duplicates"] = result.duplicates;
  json["seconds"] = absl::ToDoubleSeconds(result.elapsed);
  json["seed"] = seed;
  return json;
}

void PrintTuneResult(const Json& result, const Function& function) {
  const auto done = result.at("done").get<int64_t>(), resumed = result.at("resumed").get<int64_t>();
  std::string summary = absl::StrCat(result.at("task").at("function").get<std::string>(), ": ",
                                     done, done == 1 ? " trial" : " trials");
  if (resumed > 0) absl::StrAppend(&summary, " (", resumed, " from before)");
  std::string separator = ", outcomes: ";
  for (const auto& [status, count] : result.at("trials").items()) {
    if (count == 0) continue;
    absl::StrAppend(&summary, separator, count.get<int64_t>(), " ", status);
    separator = ", ";
  }
  absl::StrAppendFormat(&summary, ", %.1f s, stopped: %s\n", result.at("seconds").get<double>(),
                        result.at("stopped").get<std::string>());
  Print(summary);
  if (result.at("best").is_null()) {
    Print("no implementation was right and fast enough to be timed; lathe db list shows why\n");
    return;
  }
  const Json& best = result.at("best");
  const double median = best.at("median_seconds").get<double>();
  const Work work = CountWork(function);
  Print(absl::StrFormat(
      "best %s per call, %.1f GFLOP/s, %.1f GB/s\n",
      FormatInterval(median, best.at("interval_seconds").at(0), best.at("interval_seconds").at(1)),
      work.flops / median * 1e-9, work.bytes / median * 1e-9));
  Print(SpeedUps(result, median));
  if (!result.at("forecast_gain").is_null()) {
    Print(absl::StrFormat("  %.1f %% expected of more trials\n",
                          100 * result.at("forecast_gain").get<double>()));
  }
  Print("trace\n" + Indent(best.at("trace").get<std::string>()));
}

}  // namespace lathe::cli
