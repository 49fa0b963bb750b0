// What the database costs at a given size: insertion, open to first answer, exact
// and nearest look-up, of records alone and with their schedules proved.
// database_benchmark --records N [--file FILE] [--seed S].
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "bench/generated_records.h"
#include "compiler/base/check.h"
#include "database/lookup.h"
#include "database/store.h"
#include "tuner/lookup.h"

namespace lathe {
namespace {

constexpr size_t kBatch = 1000;    // records of one transaction, at least
constexpr size_t kQueries = 2000;  // of each kind
constexpr size_t kSchedules = 300;
constexpr int kOpens = 21;
constexpr double kAnyLoss = 1e9;

double Seconds(const std::function<void()>& work) {
  const int64_t start = absl::GetCurrentTimeNanos();
  work();
  return static_cast<double>(absl::GetCurrentTimeNanos() - start) * 1e-9;
}

struct Quantiles {
  double p50 = 0, p90 = 0, p99 = 0;
};

Quantiles QuantilesOf(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  auto at = [&](double q) { return seconds[static_cast<size_t>(q * double(seconds.size() - 1))]; };
  return {at(0.5), at(0.9), at(0.99)};
}

void Report(const char* what, const std::vector<double>& seconds, double unit, const char* name) {
  Quantiles q = QuantilesOf(seconds);
  std::printf("%-44s %9.1f %9.1f %9.1f %s\n", what, q.p50 / unit, q.p90 / unit, q.p99 / unit, name);
}

// So that the next open reads from the disk.
void DropFromPageCache(const std::string& path) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0) << path;
  CHECK_EQ(fdatasync(file), 0);
  CHECK_EQ(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  close(file);
}

std::unique_ptr<RecordStore> Open(const std::string& path, bool read_only) {
  auto store = OpenSqliteStore(path, {.read_only = read_only});
  CHECK(store.ok()) << store.status().message();
  return *std::move(store);
}

// Some of the tasks that were inserted, with their functions.
struct Sample {
  std::vector<Query> queries;
  std::vector<Task> tasks;
  std::vector<std::string> texts;
};

// With `exists` the same records were inserted by an earlier run.
Sample Insert(const std::string& path, int64_t records, bool exists, RecordGenerator& generator) {
  auto store = Open(path, /*read_only=*/false);
  for (const DeviceRow& device : generator.devices()) CHECK(store->PutDevice(device).ok());
  Sample sample;
  std::vector<Record> pending;
  double seconds = 0;
  int64_t inserted = 0;
  const int64_t every = std::max<int64_t>(1, records / 250 / static_cast<int64_t>(kQueries));
  for (int64_t functions = 0; inserted < records; ++functions) {
    std::vector<Record> more = generator.NextFunction();
    if (functions % every == 0 && sample.tasks.size() < kQueries) {
      sample.tasks.push_back(more.front().task);
      sample.queries.push_back(generator.QueryOf(generator.function(), more.front().task));
      sample.texts.push_back(ToText(generator.function()));
    }
    std::move(more.begin(), more.end(), std::back_inserter(pending));
    if (pending.size() < kBatch && inserted + static_cast<int64_t>(pending.size()) < records) {
      continue;
    }
    if (!exists)
      seconds += Seconds([&] {
        absl::Status status = store->AddRecords(pending);
        CHECK(status.ok()) << status.message();
      });
    inserted += static_cast<int64_t>(pending.size());
    pending.clear();
  }
  if (!exists) {
    std::printf("%-44s %9.0f records/s\n", "insert, 1000 or more in a transaction",
                static_cast<double>(inserted) / seconds);
  }
  std::vector<double> singles;
  std::vector<Record> more = generator.NextFunction();
  for (size_t n = 0; n < std::min<size_t>(50, more.size()); ++n) {
    singles.push_back(Seconds([&] { CHECK(store->AddRecords({more[n]}).ok()); }));
  }
  // Of a database that exists these are there already: skipped, not inserted.
  if (!exists) Report("insert one, durable", singles, 1e-3, "ms");
  StoreStats stats = store->Stats().value();
  std::printf("%-44s %lld records, %lld tasks, %lld functions, %lld traces, %.2f GB\n", "database",
              static_cast<long long>(stats.records), static_cast<long long>(stats.tasks),
              static_cast<long long>(stats.functions), static_cast<long long>(stats.traces),
              static_cast<double>(stats.file_bytes) * 1e-9);
  return sample;
}

void MeasureOpen(const std::string& path, const Sample& sample, RecordGenerator& generator) {
  for (bool cold : {false, true}) {
    std::vector<double> exact, nearest, exact_proved, nearest_proved;
    for (int n = 0; n < kOpens; ++n) {
      const size_t q = static_cast<size_t>(n) * 37 % sample.queries.size();
      if (cold) DropFromPageCache(path);
      exact.push_back(Seconds([&] {
        CHECK(Lookup(*Open(path, true), sample.queries[q])->verdict == Verdict::kExact);
      }));
      if (cold) DropFromPageCache(path);
      nearest.push_back(
          Seconds([&] { CHECK(NearestRecords(*Open(path, true), sample.queries[q]).ok()); }));
      if (cold) DropFromPageCache(path);
      exact_proved.push_back(Seconds([&] {
        CHECK(FindSchedule(*Open(path, true), sample.queries[q])->verdict == Verdict::kExact);
      }));
      const Query other = generator.NearbyQuery();
      if (cold) DropFromPageCache(path);
      nearest_proved.push_back(Seconds(
          [&] { CHECK(FindSchedule(*Open(path, true), other, {.max_loss = kAnyLoss}).ok()); }));
    }
    Report(cold ? "open, exact answer, file not in memory" : "open, exact answer", exact, 1e-3,
           "ms");
    Report(cold ? "open, nearest answer, file not in memory" : "open, nearest answer", nearest,
           1e-3, "ms");
    Report(cold ? "open, exact schedule, file not in memory" : "open, exact schedule", exact_proved,
           1e-3, "ms");
    Report(cold ? "open, nearest schedule, file not in memory" : "open, nearest schedule",
           nearest_proved, 1e-3, "ms");
  }
}

void MeasureQueries(const std::string& path, const Sample& sample, RecordGenerator& generator) {
  auto store = Open(path, /*read_only=*/true);
  std::vector<double> ready, query, text, near_query, near_many;
  size_t found = 0;
  // Once before, so that what is measured are look-ups and not the disk.
  for (const Query& q : sample.queries) CHECK(NearestRecords(*store, q, 8).ok());
  for (size_t q = 0; q < sample.tasks.size(); ++q) {
    ready.push_back(Seconds([&] {
      CHECK(LookupExact(*store, sample.tasks[q], sample.queries[q].target)->has_value());
    }));
  }
  for (size_t q = 0; q < sample.tasks.size(); ++q) {
    query.push_back(
        Seconds([&] { CHECK(Lookup(*store, sample.queries[q])->verdict == Verdict::kExact); }));
    text.push_back(Seconds([&] {
      Query parsed = sample.queries[q];
      parsed.function = ParseFunction(sample.texts[q], "text").value();
      CHECK(Lookup(*store, parsed)->verdict == Verdict::kExact);
    }));
  }
  for (size_t q = 0; q < sample.tasks.size(); ++q) {
    Query other = generator.NearbyQuery();
    near_query.push_back(Seconds([&] {
      auto records = NearestRecords(*store, other, 1);
      CHECK(records.ok()) << records.status().message();
      found += !records->empty();
    }));
    near_many.push_back(Seconds([&] { CHECK(NearestRecords(*store, other, 8).ok()); }));
  }
  Report("exact, of a ready task", ready, 1e-6, "us");
  Report("exact, of a function (with its key)", query, 1e-6, "us");
  Report("exact, of a function's text", text, 1e-6, "us");
  Report("nearest one, of a function", near_query, 1e-6, "us");
  Report("nearest eight, of a function", near_many, 1e-6, "us");
  std::printf("%-44s %zu of %zu\n", "nearest queries with an answer", found, sample.tasks.size());
}

// What a user waits for: the record, proved by replay, or that of another shape,
// refitted and proved.
void MeasureSchedules(const std::string& path, const Sample& sample, RecordGenerator& generator) {
  auto store = Open(path, /*read_only=*/true);
  std::vector<double> exact, nearest;
  for (size_t q = 0; q < std::min(kSchedules, sample.queries.size()); ++q) {
    exact.push_back(Seconds([&] {
      auto found = FindSchedule(*store, sample.queries[q]);
      CHECK(found.ok() && found->verdict == Verdict::kExact) << found->reason;
    }));
  }
  size_t without = 0;
  for (size_t q = 0; q < kSchedules; ++q) {
    const Query other = generator.NearbyQuery();
    Verdict verdict = Verdict::kNone;
    const double seconds = Seconds([&] {
      auto found = FindSchedule(*store, other, {.max_loss = kAnyLoss});
      CHECK(found.ok()) << found.status().message();
      verdict = found->verdict;
    });
    if (verdict == Verdict::kNearest) nearest.push_back(seconds);
    without += verdict == Verdict::kNone;
  }
  Report("exact schedule, proved (FindSchedule)", exact, 1e-6, "us");
  Report("nearest schedule, refitted and proved", nearest, 1e-6, "us");
  std::printf("%-44s %zu nearest, %zu none, of %zu\n", "queries of other shapes", nearest.size(),
              without, kSchedules);
}

int Main(int argc, char** argv) {
  CLI::App app("What the database costs at a given size");
  int64_t records = 10000;
  uint64_t seed = 1;
  std::string file = "database_benchmark.db";
  bool keep = false;
  app.add_option("--records", records, "Records to insert")->capture_default_str();
  app.add_option("--seed", seed, "Seed of the records")->capture_default_str();
  app.add_option(
         "--file", file,
         "The database; one that exists must be of --keep with the same --records and --seed")
      ->capture_default_str();
  app.add_flag("--keep", keep, "Leave the database");
  CLI11_PARSE(app, argc, argv);
  const bool exists = std::filesystem::exists(file);
  RecordGenerator generator(seed);
  std::printf("%-44s %9s %9s %9s\n", "", "p50", "p90", "p99");
  const Sample sample = Insert(file, records, exists, generator);
  MeasureQueries(file, sample, generator);
  MeasureSchedules(file, sample, generator);
  MeasureOpen(file, sample, generator);
  if (!keep) {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file + suffix);
  }
  return 0;
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) { return lathe::Main(argc, argv); }
