// The schedule database: an interface with a memory and a SQLite implementation,
// both under one conformance suite.
#ifndef LATHE_DATABASE_STORE_H_
#define LATHE_DATABASE_STORE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lathe {

enum class RecordStatus : uint8_t {
  kOk,
  kWrongOutput,
  kCrash,
  kTimeout,
  kBuildFailed,
  kRefused,
  kAbandoned,
  kKernelError,
  kReferenceFailed
};
std::string_view Name(RecordStatus status);  // "ok", "wrong_output", ...
std::optional<RecordStatus> RecordStatusFromName(std::string_view name);

enum class Regime : uint8_t { kWarm, kCold };
enum class Accuracy : uint8_t { kStrict, kRelaxed };
std::string_view Name(Regime regime);
std::string_view Name(Accuracy accuracy);
std::optional<Regime> RegimeFromName(std::string_view name);
std::optional<Accuracy> AccuracyFromName(std::string_view name);

// The key of tuning and look-up. Texts are compared, hashes only index.
struct Task {
  std::string function_text;  // canonical (FunctionKey::text)
  std::string function_hash;
  int key_version = 1;
  std::string function_name;  // for people; not part of the key
  std::string family_hash;
  std::string target;       // ToText(Target)
  std::string device_kind;  // DeviceKind.text
  int threads = 1;
  Regime regime = Regime::kWarm;
  Accuracy accuracy = Accuracy::kStrict;
};

// A measuring machine, by UUID; `description` is the proto text of Device.
struct DeviceRow {
  std::string uuid, name, kind, description;
};

struct Conditions {
  double frequency_mhz = -1, temperature_celsius = -1, load_average = -1, steal_fraction = -1;
  int64_t migrations = -1, involuntary_switches = -1;
  bool contaminated = false;
  int repeats = 0;
  double drift = -1;  // of the device's canary: 1 is as at the start of the session
};

// The outcome of one trial; only kOk is ever served. Times in seconds per call.
struct Record {
  std::string id;  // UUID; adding a record twice changes nothing
  Task task;
  std::string trace;         // text, in canonical names (Canonicalize)
  std::string decisions;     // of the sketch it came from (DecisionsText); "" if from none
  std::string program_hash;  // of the lowered program; "" if it was never built
  RecordStatus status = RecordStatus::kOk;
  std::string error;
  double median = 0, ci_low = 0, ci_high = 0, min = 0;  // kOk and kAbandoned
  bool promoted = false;  // kOk: won a promotion, as its typical round
  std::vector<double> samples;
  uint64_t calls_per_sample = 0;
  Conditions conditions;
  // Provenance.
  std::string device_uuid;  // empty for build failures
  std::string lathe_version, llvm_version;
  int abi_version = 1;
  std::string artifact_digest;
  std::vector<std::string> required_features;
  int64_t created_unix_ms = 0;
  std::string search;  // name and seed: "random seed=1"
  int64_t trial = 0;   // number within its tuning run
  double build_seconds = 0, measure_seconds = 0;
};

// Which records are meant; what is empty matches all.
struct RecordFilter {
  std::string function_hash = {}, family_hash = {};
  std::string device = {};  // UUID or kind
};
// A Status that is not ok ends the visit and is its result.
using RecordVisitor = std::function<absl::Status(const Record&)>;

// Tasks of other functions of one family, by the distance of their shapes.
struct NearQuery {
  std::string family_hash;
  std::string function_hash;  // the function itself: left out
  std::vector<double> shape;  // ShapeOf
  int threads = 1;
  Regime regime = Regime::kWarm;
  Accuracy accuracy = Accuracy::kStrict;
  std::function<bool(const std::string& target)> accepts;  // empty: any target
  size_t limit = 8;
};
struct NearTask {
  Task task;
  double distance = 0;  // ShapeDistance
};

// What an import did; the counts below add up to `records`.
struct ImportSummary {
  int64_t records = 0;  // that were given
  int64_t added = 0;
  int64_t present = 0;         // the same was there already
  int64_t conflicting = 0;     // another record of the same id was there, and stays
  std::string first_conflict;  // its id
};

struct PruneOptions {
  // Of each task stay the record that is served (the newest promoted one, if any),
  // the `keep` fastest ok ones (at least one), and what was created at
  // `created_from` or later. Superseded promotions are like any other record.
  int64_t keep = 1;
  int64_t created_from_unix_ms = std::numeric_limits<int64_t>::max();
  bool dry_run = false;
};
struct PruneReport {
  int64_t kept = 0, removed = 0;
  std::vector<std::pair<std::string, int64_t>> removed_by_status;
  int64_t bytes_before = 0, bytes_after = 0;  // of the file; 0 in memory
};

struct StoreStats {
  int64_t functions = 0, targets = 0, devices = 0, tasks = 0, traces = 0, records = 0;
  std::vector<std::pair<std::string, int64_t>> records_by_status;
  int schema_version = 0;
  int64_t file_bytes = 0;  // 0 in memory
};

// (Named apart from the Store statement of loop programs.)
// Thread-safe. A method that fails changes nothing. Errors: InvalidArgument for
// a malformed record, DataLoss for a corrupt file, Unavailable for a locked or
// unwritable one; messages name the file and what to do.
class RecordStore {
 public:
  virtual ~RecordStore() = default;

  // Adds a device or updates its description.
  virtual absl::Status PutDevice(const DeviceRow& device) = 0;
  // All or nothing; a record whose id exists is skipped. Durable on return.
  virtual absl::Status AddRecords(const std::vector<Record>& records) = 0;

  // The record to serve for exactly this task; nullopt if none is ok. The newest
  // promoted one (of equal times of creation the one added last): paired runs
  // decide. Without any, the ok record of lowest median, which may be luck.
  virtual absl::StatusOr<std::optional<Record>> Best(const Task& task) = 0;
  // All tasks of one function (equal canonical text).
  virtual absl::StatusOr<std::vector<Task>> TasksOfFunction(const std::string& function_hash,
                                                            const std::string& function_text) = 0;
  virtual absl::StatusOr<std::vector<Task>> Tasks() = 0;
  // Records of a task, oldest first, any status.
  virtual absl::StatusOr<std::vector<Record>> Records(const Task& task) = 0;
  virtual absl::StatusOr<std::optional<DeviceRow>> FindDevice(const std::string& uuid) = 0;
  virtual absl::StatusOr<std::vector<DeviceRow>> Devices() = 0;  // by UUID
  // The tasks nearest to a query, nearest first, at most `limit`. They have
  // records, which need not be ok.
  virtual absl::StatusOr<std::vector<NearTask>> NearTasks(const NearQuery& query) = 0;

  // Visits records in the order they were added, of one moment of the store.
  // `visit` must not use this store.
  virtual absl::Status ForEachRecord(const RecordFilter& filter, const RecordVisitor& visit) = 0;
  // All or nothing, of any size: adds the devices that are not there and the
  // records that `fill` gives to its argument; nothing when `fill` fails. What is
  // there stays as it is. `fill` must not use this store.
  using Filler = std::function<absl::Status(const RecordVisitor& add)>;
  virtual absl::StatusOr<ImportSummary> Import(const std::vector<DeviceRow>& devices,
                                               const Filler& fill) = 0;
  // Removes records, and what only they referred to; shrinks the file.
  virtual absl::StatusOr<PruneReport> Prune(const PruneOptions& options) = 0;

  virtual absl::StatusOr<StoreStats> Stats() = 0;
  // Every invariant of the data (integrity, foreign keys, hashes against texts,
  // blobs against their lengths); OK or the list of what is broken.
  virtual absl::StatusOr<std::vector<std::string>> Verify() = 0;
};

std::unique_ptr<RecordStore> NewMemoryStore();

struct SqliteOptions {
  bool read_only = false;  // then a missing file is NotFound
};
// Opens or creates the database file, migrating it forward. A file of a newer
// schema, of another program, or corrupt is refused with what to do.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenSqliteStore(const std::string& path,
                                                             const SqliteOptions& options = {});

// A fresh random UUID (version 4), lower case.
std::string NewUuid();

}  // namespace lathe

#endif  // LATHE_DATABASE_STORE_H_
