#include "database/record_lines.h"

#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

// Reads the fields of one object; the first fault is kept.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {
    if (!json.is_object()) Fail("it is no object");
  }

  template <typename T>
  void Read(const char* name, T& value) {
    const Json* field = Find(name);
    if (field == nullptr) return;
    if constexpr (std::is_same_v<T, std::string>) {
      if (!field->is_string()) return Fail(absl::StrCat("'", name, "' is no text"));
      value = field->get<std::string>();
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!field->is_boolean()) return Fail(absl::StrCat("'", name, "' is not true or false"));
      value = field->get<bool>();
    } else if constexpr (std::is_same_v<T, double>) {
      if (!field->is_number()) return Fail(absl::StrCat("'", name, "' is no number"));
      value = field->get<double>();
    } else if constexpr (std::is_same_v<T, std::vector<double>>) {
      ReadList(name, *field, value, &Json::is_number, "numbers");
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      ReadList(name, *field, value, &Json::is_string, "texts");
    } else {
      ReadInteger(name, *field, value);
    }
  }

  // A value by its name, such as a status.
  template <typename T>
  void ReadName(const char* name, std::optional<T> (*from_name)(std::string_view), T& value) {
    std::string text;
    Read(name, text);
    if (!what_.empty()) return;
    std::optional<T> parsed = from_name(text);
    if (!parsed) return Fail(absl::StrCat("'", name, "' is '", text, "', which is unknown here"));
    value = *parsed;
  }

  absl::Status status() const {
    return what_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(what_);
  }

 private:
  void Fail(std::string what) {
    if (what_.empty()) what_ = std::move(what);
  }

  const Json* Find(const char* name) {
    if (!what_.empty()) return nullptr;
    auto it = json_.find(name);
    if (it != json_.end()) return &*it;
    Fail(absl::StrCat("'", name, "' is missing"));
    return nullptr;
  }

  template <typename T>
  void ReadList(const char* name, const Json& field, std::vector<T>& values,
                bool (Json::*is)() const noexcept, const char* what) {
    bool fits = field.is_array();
    for (const Json& value : field) fits = fits && (value.*is)();
    if (!fits) return Fail(absl::StrCat("'", name, "' is no list of ", what));
    values = field.get<std::vector<T>>();
  }

  template <typename T>
  void ReadInteger(const char* name, const Json& field, T& value) {
    bool fits = field.is_number_integer();
    if (fits && field.is_number_unsigned()) {
      fits = std::in_range<T>(field.get<uint64_t>());
    } else if (fits) {
      fits = std::in_range<T>(field.get<int64_t>());
    }
    if (!fits) return Fail(absl::StrCat("'", name, "' is no integer in range"));
    value = field.get<T>();
  }

  const Json& json_;
  std::string what_;
};

}  // namespace

std::string ToLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json DeviceToJson(const DeviceRow& device) {
  return {{"uuid", device.uuid},
          {"name", device.name},
          {"kind", device.kind},
          {"description", device.description}};
}

absl::StatusOr<DeviceRow> DeviceFromJson(const Json& json) {
  DeviceRow device;
  Fields fields(json);
  fields.Read("uuid", device.uuid);
  fields.Read("name", device.name);
  fields.Read("kind", device.kind);
  fields.Read("description", device.description);
  RETURN_IF_ERROR(fields.status());
  return device;
}

Json TaskToJson(const Task& task) {
  return {{"function", task.function_text},  {"key", task.function_hash},
          {"key_version", task.key_version}, {"name", task.function_name},
          {"family", task.family_hash},      {"target", task.target},
          {"device_kind", task.device_kind}, {"threads", task.threads},
          {"regime", Name(task.regime)},     {"accuracy", Name(task.accuracy)}};
}

absl::StatusOr<Task> TaskFromJson(const Json& json) {
  Task task;
  Fields fields(json);
  fields.Read("function", task.function_text);
  fields.Read("key", task.function_hash);
  fields.Read("key_version", task.key_version);
  fields.Read("name", task.function_name);
  fields.Read("family", task.family_hash);
  fields.Read("target", task.target);
  fields.Read("device_kind", task.device_kind);
  fields.Read("threads", task.threads);
  fields.ReadName("regime", RegimeFromName, task.regime);
  fields.ReadName("accuracy", AccuracyFromName, task.accuracy);
  RETURN_IF_ERROR(fields.status());
  return task;
}

Json RecordToJson(const Record& record) {
  const Conditions& c = record.conditions;
  return {{"id", record.id},
          {"status", Name(record.status)},
          {"error", record.error},
          {"trace", record.trace},
          {"decisions", record.decisions},
          {"program_hash", record.program_hash},
          {"median", record.median},
          {"ci_low", record.ci_low},
          {"ci_high", record.ci_high},
          {"min", record.min},
          {"promoted", record.promoted},
          {"samples", record.samples},
          {"calls_per_sample", record.calls_per_sample},
          {"frequency_mhz", c.frequency_mhz},
          {"temperature_celsius", c.temperature_celsius},
          {"load_average", c.load_average},
          {"steal_fraction", c.steal_fraction},
          {"migrations", c.migrations},
          {"involuntary_switches", c.involuntary_switches},
          {"contaminated", c.contaminated},
          {"repeats", c.repeats},
          {"drift", c.drift},
          {"device", record.device_uuid},
          {"lathe_version", record.lathe_version},
          {"llvm_version", record.llvm_version},
          {"abi_version", record.abi_version},
          {"artifact_digest", record.artifact_digest},
          {"required_features", record.required_features},
          {"created_unix_ms", record.created_unix_ms},
          {"search", record.search},
          {"trial", record.trial},
          {"build_seconds", record.build_seconds},
          {"measure_seconds", record.measure_seconds}};
}

absl::StatusOr<Record> RecordFromJson(const Json& json) {
  Record record;
  Conditions& c = record.conditions;
  Fields fields(json);
  fields.Read("id", record.id);
  fields.ReadName("status", RecordStatusFromName, record.status);
  fields.Read("error", record.error);
  fields.Read("trace", record.trace);
  fields.Read("decisions", record.decisions);
  fields.Read("program_hash", record.program_hash);
  fields.Read("median", record.median);
  fields.Read("ci_low", record.ci_low);
  fields.Read("ci_high", record.ci_high);
  fields.Read("min", record.min);
  fields.Read("promoted", record.promoted);
  fields.Read("samples", record.samples);
  fields.Read("calls_per_sample", record.calls_per_sample);
  fields.Read("frequency_mhz", c.frequency_mhz);
  fields.Read("temperature_celsius", c.temperature_celsius);
  fields.Read("load_average", c.load_average);
  fields.Read("steal_fraction", c.steal_fraction);
  fields.Read("migrations", c.migrations);
  fields.Read("involuntary_switches", c.involuntary_switches);
  fields.Read("contaminated", c.contaminated);
  fields.Read("repeats", c.repeats);
  fields.Read("drift", c.drift);
  fields.Read("device", record.device_uuid);
  fields.Read("lathe_version", record.lathe_version);
  fields.Read("llvm_version", record.llvm_version);
  fields.Read("abi_version", record.abi_version);
  fields.Read("artifact_digest", record.artifact_digest);
  fields.Read("required_features", record.required_features);
  fields.Read("created_unix_ms", record.created_unix_ms);
  fields.Read("search", record.search);
  fields.Read("trial", record.trial);
  fields.Read("build_seconds", record.build_seconds);
  fields.Read("measure_seconds", record.measure_seconds);
  RETURN_IF_ERROR(fields.status());
  return record;
}

bool SameContent(const Record& a, const Record& b) {
  auto line = [](const Record& record) {
    Json task = TaskToJson(record.task);
    task.erase("name");
    task.erase("family");
    return ToLine(Json::array({std::move(task), RecordToJson(record)}));
  };
  return line(a) == line(b);
}

void CountExisting(const Record& stored, const Record& given, ImportSummary& summary) {
  if (SameContent(stored, given)) {
    ++summary.present;
  } else if (++summary.conflicting == 1) {
    summary.first_conflict = given.id;
  }
}

}  // namespace lathe
