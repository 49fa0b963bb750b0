#include "test_records.h"

#include "absl/strings/str_format.h"
#include "compiler/base/digest.h"
#include "database/record_check.h"

namespace lathe {
namespace {

bool Same(const Task& a, const Task& b) {
  return a.function_text == b.function_text && a.function_hash == b.function_hash &&
         a.key_version == b.key_version && a.function_name == b.function_name &&
         a.family_hash == b.family_hash && a.target == b.target && a.device_kind == b.device_kind &&
         a.threads == b.threads && a.regime == b.regime && a.accuracy == b.accuracy;
}

bool Same(const Conditions& a, const Conditions& b) {
  return a.frequency_mhz == b.frequency_mhz && a.temperature_celsius == b.temperature_celsius &&
         a.load_average == b.load_average && a.steal_fraction == b.steal_fraction &&
         a.migrations == b.migrations && a.involuntary_switches == b.involuntary_switches &&
         a.contaminated == b.contaminated && a.repeats == b.repeats && a.drift == b.drift;
}

}  // namespace

std::string TestUuid(int64_t number) {
  return absl::StrFormat("00000000-0000-4000-8000-%012x", number);
}

DeviceRow TestDevice() { return {kTestDevice, "board", "kind-a", "name: \"board\""}; }

Task TestTask(const std::string& function_text) {
  Task task;
  task.function_text = function_text;
  task.function_hash = FunctionHash(1, function_text);
  task.function_name = "name";
  task.family_hash = Sha256Hex("family of " + function_text);
  task.target = "x86_64 tuning=generic vector=256 features=avx,avx2";
  task.device_kind = "kind-a";
  task.threads = 2;
  task.regime = Regime::kCold;
  task.accuracy = Accuracy::kRelaxed;
  return task;
}

Record TestRecord(int64_t number, double median, const Task& task) {
  Record record;
  record.id = TestUuid(number);
  record.task = task;
  record.trace = absl::StrFormat("trace %d", number % 3);
  record.program_hash = Sha256Hex(record.trace);
  record.status = RecordStatus::kOk;
  record.error = "none";
  record.median = median;
  record.ci_low = median * 0.99;
  record.ci_high = median * 1.01;
  record.min = median * 0.98;
  record.samples = {median, median * 0.98, median * 1.1, 0.1};
  record.calls_per_sample = 17;
  record.conditions = {3000.5, 61.25, 0.5, 0.001, 3, 4, true, 2, 1.0625};
  record.device_uuid = kTestDevice;
  record.lathe_version = "0.1.0";
  record.llvm_version = "19.1.7";
  record.abi_version = 1;
  record.artifact_digest = Sha256Hex("artifact");
  record.required_features = {"avx", "avx2"};
  record.created_unix_ms = number;
  record.search = "random seed=1";
  record.trial = number;
  record.build_seconds = 0.25;
  record.measure_seconds = 0.5;
  return record;
}

std::vector<Record> CorpusRecords() {
  Record failed = TestRecord(3, 0);
  failed.status = RecordStatus::kBuildFailed;
  failed.error = "refused";
  failed.samples.clear();
  failed.program_hash = failed.artifact_digest = failed.device_uuid = "";
  std::vector<Record> records = {TestRecord(1, 0.5), TestRecord(2, 0.25, TestTask("other")),
                                 failed};
  // The schemas of the corpus do not know it.
  for (Record& record : records) record.conditions.drift = Conditions().drift;
  return records;
}

std::string Difference(const Record& a, const Record& b) {
  if (a.id != b.id) return "id";
  if (!Same(a.task, b.task)) return "task";
  if (a.trace != b.trace) return "trace";
  if (a.program_hash != b.program_hash) return "program_hash";
  if (a.status != b.status) return "status";
  if (a.error != b.error) return "error";
  if (a.median != b.median || a.ci_low != b.ci_low) return "median";
  if (a.ci_high != b.ci_high || a.min != b.min) return "ci_high";
  if (a.samples != b.samples) return "samples";
  if (a.calls_per_sample != b.calls_per_sample) return "calls_per_sample";
  if (!Same(a.conditions, b.conditions)) return "conditions";
  if (a.device_uuid != b.device_uuid) return "device_uuid";
  if (a.lathe_version != b.lathe_version || a.llvm_version != b.llvm_version) return "versions";
  if (a.abi_version != b.abi_version) return "abi_version";
  if (a.artifact_digest != b.artifact_digest) return "artifact_digest";
  if (a.required_features != b.required_features) return "required_features";
  if (a.promoted != b.promoted) return "promoted";
  if (a.decisions != b.decisions) return "decisions";
  if (a.created_unix_ms != b.created_unix_ms) return "created_unix_ms";
  if (a.search != b.search || a.trial != b.trial) return "search";
  if (a.build_seconds != b.build_seconds) return "build_seconds";
  if (a.measure_seconds != b.measure_seconds) return "measure_seconds";
  return "";
}

}  // namespace lathe
