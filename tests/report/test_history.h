// The records of a task that was tuned twice, as a session would have left them.
#ifndef LATHE_TESTS_REPORT_TEST_HISTORY_H_
#define LATHE_TESTS_REPORT_TEST_HISTORY_H_

#include <string>
#include <vector>

#include "compiler/tensor/function.h"
#include "database/store.h"

namespace lathe::report {

Function Matmul(int64_t size);
// The task of `function` on kind-a, one thread, warm.
Task TaskFor(const Function& function);

// Default 12 us (of a trace that starts with split), naive 500 us; a first search finds
// 11, 9 and is promoted at 9.2 us with the default at 12.5; half an hour later a second
// one finds 8 among an abandoned and a failed trial, promoted at 8.1 us, default 12.1.
std::vector<Record> TunedTwice(const Task& task);

}  // namespace lathe::report

#endif  // LATHE_TESTS_REPORT_TEST_HISTORY_H_
