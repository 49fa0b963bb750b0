#include "database/record_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "database/uuid.h"

namespace lathe {
namespace {

// Of the clocks of machines whose databases merge. Later records would hide newer ones.
constexpr absl::Duration kClockSkew = absl::Hours(24);
constexpr int64_t kMaxTrial = int64_t{1} << 53;
constexpr double kLeastTime = 1e-10;  // seconds: less than a cycle

// Collects the first thing that is wrong with a record.
class Checker {
 public:
  void Require(bool condition, std::string_view what) {
    if (!condition && what_.empty()) what_ = what;
  }
  void RequireFinite(double value, std::string_view field) {
    if (!std::isfinite(value)) Require(false, absl::StrCat(std::string(field), " is not finite"));
  }
  void RequireTime(double seconds, std::string_view field) {
    RequireFinite(seconds, field);
    if (seconds < 0) Require(false, absl::StrCat(std::string(field), " is negative"));
  }
  // What is printed within a line must not speak to the terminal.
  void RequirePrintable(std::string_view text, std::string_view field) {
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    if (std::any_of(text.begin(), text.end(), is_control)) {
      Require(false, absl::StrCat(std::string(field), " holds a control character"));
    }
  }
  const std::string& what() const { return what_; }

 private:
  std::string what_;
};

bool IsDigestOrEmpty(const std::string& hex) {
  return hex.empty() || (hex.size() == 64 && HexToBytes(hex));
}

bool IsFeature(const std::string& name) {
  return !name.empty() && name.find_first_of(", \t\n") == std::string::npos;
}

void CheckTask(const Task& task, Checker* check) {
  check->Require(!task.function_text.empty(), "its function has no text");
  check->Require(task.key_version >= 1, "its key version is not positive");
  check->Require(task.function_hash == FunctionHash(task.key_version, task.function_text),
                 "its function's hash does not fit the text");
  check->Require(!task.target.empty(), "its target is empty");
  check->Require(!task.device_kind.empty(), "its device kind is empty");
  check->Require(task.threads >= 1, "its number of threads is not positive");
  check->RequirePrintable(task.function_name, "its function's name");
  check->RequirePrintable(task.target, "its target");
  check->RequirePrintable(task.device_kind, "its device kind");
}

void CheckTimes(const Record& record, Checker* check) {
  check->RequireTime(record.median, "its median");
  check->RequireTime(record.ci_low, "the low end of its interval");
  check->RequireTime(record.ci_high, "the high end of its interval");
  check->RequireTime(record.min, "its minimum");
  for (double sample : record.samples) check->RequireTime(sample, "a sample");
  check->RequireTime(record.build_seconds, "its build time");
  check->RequireTime(record.measure_seconds, "its measuring time");
  check->Require(
      record.calls_per_sample <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()),
      "its number of calls per sample is out of range");
  if (record.status != RecordStatus::kOk) return;
  check->Require(!record.samples.empty(), "it is ok and has no samples");
  check->Require(record.median >= kLeastTime, "it is ok and its median is no time of a call");
  check->Require(record.ci_low <= record.median && record.median <= record.ci_high,
                 "its median lies outside of its interval");
  check->Require(record.min <= record.median, "its minimum is above its median");
  check->Require(record.calls_per_sample >= 1, "it is ok and has no calls per sample");
  check->Require(!record.program_hash.empty(), "it is ok and has no program hash");
}

void CheckConditions(const Conditions& conditions, Checker* check) {
  check->RequireFinite(conditions.frequency_mhz, "its frequency");
  check->RequireFinite(conditions.temperature_celsius, "its temperature");
  check->RequireFinite(conditions.load_average, "its load average");
  check->RequireFinite(conditions.steal_fraction, "its steal fraction");
  check->RequireFinite(conditions.drift, "its drift");
  check->Require(conditions.repeats >= 0, "its number of repeats is negative");
}

}  // namespace

std::string FunctionHash(int key_version, std::string_view text) {
  return Sha256Hex(absl::StrCat("lathe-key ", key_version, "\n", std::string(text)));
}

absl::Status CheckRecord(const Record& record) {
  Checker check;
  check.Require(UuidToBytes(record.id).has_value(), "its id is not a lower-case UUID");
  CheckTask(record.task, &check);
  CheckTimes(record, &check);
  CheckConditions(record.conditions, &check);
  check.Require(!record.promoted || record.status == RecordStatus::kOk,
                "it is promoted and not ok");
  bool timed = record.status == RecordStatus::kOk || record.status == RecordStatus::kAbandoned;
  check.Require(!timed || !record.device_uuid.empty(), "it was timed and names no device");
  check.Require(IsDigestOrEmpty(record.program_hash), "its program hash is not a SHA-256");
  check.Require(IsDigestOrEmpty(record.artifact_digest), "its artifact digest is not a SHA-256");
  check.Require(
      std::all_of(record.required_features.begin(), record.required_features.end(), IsFeature),
      "a required feature is not a name");
  check.Require(record.abi_version >= 1, "its ABI version is not positive");
  check.Require(record.created_unix_ms > 0, "its time of creation is not positive");
  check.Require(record.created_unix_ms <= absl::ToUnixMillis(absl::Now() + kClockSkew),
                "its time of creation is in the future");
  check.RequirePrintable(record.search, "its search");
  check.RequirePrintable(record.lathe_version, "its version of Lathe");
  check.RequirePrintable(record.llvm_version, "its version of LLVM");
  check.Require(record.trial >= 0 && record.trial <= kMaxTrial, "its trial number is out of range");
  if (check.what().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("record ", record.id, " is malformed: ", check.what()));
}

absl::Status CheckDevice(const DeviceRow& device) {
  Checker check;
  check.Require(UuidToBytes(device.uuid).has_value(), "its id is not a lower-case UUID");
  check.Require(!device.kind.empty(), "its kind is empty");
  check.RequirePrintable(device.kind, "its kind");
  check.RequirePrintable(device.name, "its name");
  if (check.what().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("device ", device.uuid, " is malformed: ", check.what()));
}

absl::Status CheckForeignTask(const Task& task) {
  constexpr char kWhatToDo[] =
      ": it was altered, or made by another version of Lathe; export it again with this one from "
      "the database it came from (nothing was imported)";
  auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), kWhatToDo));
  };
  if (task.key_version != kKeyVersion) {
    return refuse(absl::StrCat("its key is of version ", task.key_version,
                               ", this Lathe makes version ", kKeyVersion));
  }
  absl::StatusOr<Function> function = ParseFunction(task.function_text, "its function");
  if (!function.ok()) {
    std::string message(function.status().message());
    return refuse(message.substr(0, message.find('\n')));
  }
  const FunctionKey key = CanonicalKey(*function);
  if (key.text != task.function_text) return refuse("its function's text is not canonical");
  if (key.hash != task.function_hash) return refuse("its key is not that of its function");
  if (FamilyKey(*function) != task.family_hash) {
    return refuse("its family is not that of its function");
  }
  absl::StatusOr<Target> target = ParseTarget(task.target);
  if (!target.ok()) return refuse(absl::StrCat("its target is not known here: ", task.target));
  // `host` and other names are words of the command line, not targets.
  if (task.target.find(' ') == std::string::npos) {
    return refuse(absl::StrCat("its target '", task.target, "' is only a name"));
  }
  return absl::OkStatus();
}

absl::Status UnknownDevice(const Record& record) {
  return absl::InvalidArgumentError(absl::StrCat("record ", record.id, " names device ",
                                                 record.device_uuid,
                                                 ", which is not in the database: put it first"));
}

}  // namespace lathe
