// Locks the runner in before it maps any foreign code.
#ifndef LATHE_MEASURER_SANDBOX_H_
#define LATHE_MEASURER_SANDBOX_H_

#include <cstdint>

#include "absl/status/status.h"

namespace lathe {

// Limits that hold from the start: no core dumps, no files, few descriptors,
// `address_space_bytes` of memory (0: unlimited), and death with the parent
// `parent_pid` (which must be alive). The parent limits CPU time for each job.
absl::Status LimitResources(uint64_t address_space_bytes, int parent_pid);

// Gives up new privileges for ever and installs a system call filter: memory,
// threads of this process, futexes, clocks, scheduling, and reading and writing
// descriptors that are open already. Opening files, network, processes and
// anything else kills the process with SIGSYS.
absl::Status EnterSandbox();

}  // namespace lathe

#endif  // LATHE_MEASURER_SANDBOX_H_
