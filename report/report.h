// One self-contained HTML page from a database: inline style and SVG, nothing from
// elsewhere, the same bytes for the same inputs.
#ifndef LATHE_REPORT_REPORT_H_
#define LATHE_REPORT_REPORT_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/tensor/function.h"
#include "database/store.h"
#include "report/bench_results.h"
#include "report/task_summary.h"

namespace lathe::report {

// Which measurements of a machine's peaks hold for a task.
struct PeaksKey {
  std::string function_hash, device_kind;
  int threads = 1;
  auto operator<=>(const PeaksKey&) const = default;
};

struct ReportOptions {
  std::string source;  // what the page calls the database
  // Not empty: only tasks of these functions, with traces in their authors' names.
  std::vector<Function> functions = {};
  std::map<PeaksKey, MachinePeaks> peaks = {};
  std::map<std::string, std::string> aliases = {};  // by function hash
  std::vector<BenchResults> benches = {};           // the tables against peers
};

struct Report {
  std::string source;
  std::vector<TaskSummary> tasks;  // by name, then work, then the rest of the key
  std::vector<BenchResults> benches;
};

// Reads every task that `options` asks for; errors are the store's.
absl::StatusOr<Report> GatherReport(RecordStore& store, const ReportOptions& options);

// The page, well-formed as XML too.
std::string ToHtml(const Report& report);

}  // namespace lathe::report

#endif  // LATHE_REPORT_REPORT_H_
