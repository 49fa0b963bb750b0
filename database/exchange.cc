#include "database/exchange.h"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "database/record_check.h"
#include "database/record_lines.h"
#include "database/uuid.h"

namespace lathe {
namespace {

constexpr int kFormat = 1;
constexpr char kHeader[] = "lathe_records";

class Writer {
 public:
  explicit Writer(std::ostream& out) : out_(out) {}

  absl::Status Write(const Json& line) {
    std::string text = ToLine(line);
    text.push_back('\n');
    digest_.Update(text);
    if (out_.write(text.data(), static_cast<std::streamsize>(text.size()))) {
      return absl::OkStatus();
    }
    return absl::UnavailableError("the export cannot be written; check the disk's free space");
  }
  std::string digest() { return digest_.Hex(); }

 private:
  std::ostream& out_;
  Sha256 digest_;
};

using TaskKey = std::tuple<std::string, int, std::string, std::string, int, Regime, Accuracy>;

TaskKey KeyOf(const Task& task) {
  return {task.function_hash, task.key_version, task.target,  task.device_kind,
          task.threads,       task.regime,      task.accuracy};
}

class Reader {
 public:
  Reader(RecordStore& store, std::string name, std::istream& in)
      : store_(store), name_(std::move(name)), in_(in) {}

  absl::StatusOr<ImportSummary> Run() {
    RETURN_IF_ERROR(Next());
    if (!line_ || !line_->contains(kHeader)) {
      return absl::InvalidArgumentError(absl::StrCat(
          name_, ":1: is no export of Lathe: it must begin with {\"", kHeader, "\":1,...}"));
    }
    if ((*line_)[kHeader] != kFormat) {
      return At(absl::InvalidArgumentError(absl::StrCat("is of format ", (*line_)[kHeader].dump(),
                                                        ", this Lathe knows ", kFormat,
                                                        "; update Lathe")));
    }
    std::vector<DeviceRow> devices;
    RETURN_IF_ERROR(Next());
    while (line_ && line_->contains("device")) {
      absl::StatusOr<DeviceRow> device = DeviceFromJson((*line_)["device"]);
      absl::Status status = device.ok() ? CheckDevice(*device) : device.status();
      if (!status.ok()) return At(status);
      devices.push_back(*std::move(device));
      RETURN_IF_ERROR(Next());
    }
    return store_.Import(devices, [this](const RecordVisitor& add) { return AddRecords(add); });
  }

 private:
  absl::Status At(const absl::Status& status) const {
    return absl::Status(status.code(), absl::StrCat(name_, ":", number_, ": ", status.message()));
  }

  // The next line into `line_`, none at the end of the file.
  absl::Status Next() {
    digest_.Update(text_);
    line_.reset();
    text_.clear();
    if (!std::getline(in_, text_)) {
      return in_.bad() ? absl::UnavailableError(absl::StrCat(name_, ": cannot be read"))
                       : absl::OkStatus();
    }
    ++number_;
    if (!in_.eof()) text_.push_back('\n');
    Json json = Json::parse(text_, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded() || !json.is_object()) {
      return At(absl::DataLossError("is damaged: it is no JSON object; export it again"));
    }
    line_ = std::move(json);
    return absl::OkStatus();
  }

  absl::Status AddRecords(const RecordVisitor& add) {
    while (line_) {
      if (line_->contains("task")) {
        RETURN_IF_ERROR(ReadTask());
      } else if (line_->contains("record")) {
        absl::StatusOr<Record> record = ReadRecord();
        absl::Status status = record.ok() ? add(*record) : record.status();
        if (!status.ok()) return At(status);
        ++records_;
      } else if (line_->contains("end")) {
        return CheckEnd();
      } else {
        return At(absl::DataLossError("is neither a task nor a record; export it again"));
      }
      RETURN_IF_ERROR(Next());
    }
    return absl::DataLossError(absl::StrCat(name_, ": ends after line ", number_,
                                            " without its last line: it was cut off; export it "
                                            "again"));
  }

  absl::Status ReadTask() {
    const Json& json = (*line_)["task"];
    absl::StatusOr<Task> task = TaskFromJson(json);
    absl::Status status = task.ok() ? CheckForeignTask(*task) : task.status();
    if (!status.ok()) return At(status);
    if (!json.contains("number") || json["number"] != tasks_.size() + 1) {
      return At(absl::DataLossError("its number does not follow; export it again"));
    }
    tasks_.push_back(*std::move(task));
    return absl::OkStatus();
  }

  absl::StatusOr<Record> ReadRecord() const {
    const Json& json = (*line_)["record"];
    ASSIGN_OR_RETURN(Record record, RecordFromJson(json));
    auto task = json.find("task");
    if (task == json.end() || !task->is_number_unsigned() || *task == 0 ||
        task->get<uint64_t>() > tasks_.size()) {
      return absl::InvalidArgumentError("'task' is not the number of a line before");
    }
    record.task = tasks_[task->get<uint64_t>() - 1];
    return record;
  }

  absl::Status CheckEnd() {
    const Json& end = (*line_)["end"];
    if (!end.is_object() || !end.contains("records") || end["records"] != records_) {
      return At(absl::DataLossError(absl::StrCat("tells of another number of records than the ",
                                                 records_, " before it; export it again")));
    }
    if (!end.contains("sha256") || end["sha256"] != digest_.Hex()) {
      return At(absl::DataLossError("the digest does not fit the lines before; export it again"));
    }
    RETURN_IF_ERROR(Next());
    if (line_) return At(absl::DataLossError("stands behind the end; export it again"));
    return absl::OkStatus();
  }

  RecordStore& store_;
  const std::string name_;
  std::istream& in_;
  int64_t number_ = 0;  // of the line
  std::string text_;    // of the line, with its end
  std::optional<Json> line_;
  Sha256 digest_;  // of the lines before
  std::vector<Task> tasks_;
  int64_t records_ = 0;
};

}  // namespace

absl::StatusOr<int64_t> ExportRecords(RecordStore& store, const RecordFilter& filter,
                                      std::ostream& out) {
  Writer writer(out);
  RETURN_IF_ERROR(writer.Write({{kHeader, kFormat}, {"lathe_version", LatheVersion()}}));
  ASSIGN_OR_RETURN(std::vector<DeviceRow> devices, store.Devices());
  const bool one_device = UuidToBytes(filter.device).has_value();
  for (const DeviceRow& device : devices) {
    if (one_device && device.uuid != filter.device) continue;
    RETURN_IF_ERROR(writer.Write({{"device", DeviceToJson(device)}}));
  }
  std::map<TaskKey, size_t> tasks;
  int64_t records = 0;
  RETURN_IF_ERROR(store.ForEachRecord(filter, [&](const Record& record) -> absl::Status {
    auto [task, is_new] = tasks.try_emplace(KeyOf(record.task), tasks.size() + 1);
    if (is_new) {
      Json json = {{"number", task->second}};
      json.update(TaskToJson(record.task));
      RETURN_IF_ERROR(writer.Write({{"task", std::move(json)}}));
    }
    Json json = {{"task", task->second}};
    json.update(RecordToJson(record));
    ++records;
    return writer.Write({{"record", std::move(json)}});
  }));
  RETURN_IF_ERROR(writer.Write({{"end", {{"records", records}, {"sha256", writer.digest()}}}}));
  if (!out.flush()) return absl::UnavailableError("the export cannot be written to its end");
  return records;
}

absl::StatusOr<ImportSummary> ImportRecords(RecordStore& store, const std::string& name,
                                            std::istream& in) {
  return Reader(store, name, in).Run();
}

absl::StatusOr<ImportSummary> MergeRecords(RecordStore& store, const std::string& name,
                                           RecordStore& from) {
  ASSIGN_OR_RETURN(std::vector<DeviceRow> devices, from.Devices());
  std::set<std::pair<TaskKey, std::string>> checked;
  return store.Import(devices, [&](const RecordVisitor& add) {
    return from.ForEachRecord({}, [&](const Record& record) -> absl::Status {
      const Task& task = record.task;
      if (checked.emplace(KeyOf(task), task.family_hash).second) {
        absl::Status status = CheckForeignTask(task);
        if (!status.ok()) {
          return absl::Status(status.code(), absl::StrCat(name, ": task of ", task.function_name,
                                                          " (", task.function_hash.substr(0, 12),
                                                          "): ", status.message()));
        }
      }
      return add(record);
    });
  });
}

}  // namespace lathe
