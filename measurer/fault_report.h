// Says in the status page which access killed the runner, before it dies.
#ifndef LATHE_MEASURER_FAULT_REPORT_H_
#define LATHE_MEASURER_FAULT_REPORT_H_

#include <cstdint>
#include <string_view>

#include "measurer/runner_protocol.h"

namespace lathe {

// Reports faults of this process (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP) into
// `page`, then lets the signal kill it. Signal handlers are a process's, so this
// is process-wide state: call once, before threads are made.
void ReportFaultsTo(RunnerStatusPage* page);

// Names a range of addresses in such reports: a buffer inside its mapping.
// Does nothing before ReportFaultsTo. Not thread-safe.
void WatchForFaults(std::string_view name, const void* mapping, uint64_t mapping_bytes,
                    const void* data, uint64_t bytes);
void UnwatchForFaults(const void* mapping);

// The code of the kernel that runs now, so that a refused instruction is located.
void WatchKernel(const void* base, uint64_t bytes);

}  // namespace lathe

#endif  // LATHE_MEASURER_FAULT_REPORT_H_
