// Suites: text files of workloads.
//
//   lathe-suite 1
//   # comment
//   op:matmul(m=256,n=256,k=256)  name=matmul_256  trace=../traces/matmul_256.trace
//   attention.tfn  as=op:attention(heads=12,seq=384,dim=64)  weight=24
//
// One function per line as on the command line, then settings. Paths are relative
// to the suite's file.
#ifndef LATHE_BENCH_SUITE_H_
#define LATHE_BENCH_SUITE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

struct SuiteEntry {
  std::string function;  // op:... or the path of a file
  std::string name;      // as stated, else the function as it was written
  std::string trace;     // path or best | default | naive; empty: not stated
  std::string as;        // op:... that peers may take the function for; empty: none
  double weight = 0;     // how often it occurs, for `lathe tune`; 0: not stated
};

// Whether `text` is meant to be a suite: its first line begins with lathe-suite.
bool IsSuite(std::string_view text);

// `path` names the suite in messages (with the line) and is where relative paths start.
absl::StatusOr<std::vector<SuiteEntry>> ParseSuite(std::string_view text, const std::string& path);

}  // namespace lathe

#endif  // LATHE_BENCH_SUITE_H_
