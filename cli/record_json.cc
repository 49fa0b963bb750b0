#include "cli/record_json.h"

namespace lathe::cli {

Json ToJson(const Task& task) {
  return {{"function", task.function_name},  {"key", task.function_hash},
          {"key_version", task.key_version}, {"target", task.target},
          {"device_kind", task.device_kind}, {"threads", task.threads},
          {"regime", Name(task.regime)},     {"accuracy", Name(task.accuracy)}};
}

Json ToJson(const Record& record) {
  return {{"id", record.id},
          {"status", Name(record.status)},
          {"median_seconds", record.median},
          {"interval_seconds", {record.ci_low, record.ci_high}},
          {"min_seconds", record.min},
          {"samples", record.samples.size()},
          {"calls_per_sample", record.calls_per_sample},
          {"promoted", record.promoted},
          {"contaminated", record.conditions.contaminated},
          {"drift", record.conditions.drift},
          {"trace", record.trace},
          {"program_hash", record.program_hash},
          {"device", record.device_uuid},
          {"lathe", record.lathe_version},
          {"llvm", record.llvm_version},
          {"abi", record.abi_version},
          {"artifact", record.artifact_digest},
          {"required_features", record.required_features},
          {"created", FormatTime(record.created_unix_ms)},
          {"search", record.search},
          {"trial", record.trial}};
}

}  // namespace lathe::cli
