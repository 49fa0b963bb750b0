// The runtimes under which the measurer calls kernels: ordinary ones, and ones
// that look for races deterministically.
#ifndef LATHE_MEASURER_KERNEL_RUNTIME_H_
#define LATHE_MEASURER_KERNEL_RUNTIME_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/runtime/lathe_kernel.h"
#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/guarded_buffer.h"

namespace lathe {

enum class LoopOrder {
  kForward,
  kReverse,
  kRaces,   // forward, after a search for iterations that write the same byte
  kThreads  // on the pool
};

// A byte that two iterations of one parallel loop wrote.
struct Race {
  std::string buffer;
  uint64_t byte = 0;
  bool in_workspace = false;
};

// The address of a library's routine, or null. Must make no system calls.
using RoutineFinder = std::function<void*(const char* name)>;

// One call's runtime. Not thread-safe, not movable (kernels hold its address).
//
// Races: a parallel loop's iterations must write disjoint bytes. For each bit of
// the iteration number, the loop runs once with the iterations that have the bit
// and once with those that lack it, from the same memory; two iterations differ
// in some bit, so a byte that both write is changed by both runs. Iterations of
// either run have the thread numbers 0 and 1, so that scratch memory per thread
// is no false alarm; this needs num_threads >= 2. A loop that is called often is
// looked at in its calls 1 to 4, 8, 16, 32, ...
class KernelRuntime {
 public:
  struct Options {
    LoopOrder order = LoopOrder::kForward;
    int32_t num_threads = 1;
    lathe_thread_pool* pool = nullptr;  // for kThreads; not owned
    uint64_t workspace_limit = 0;       // larger requests get null
    Placement placement = Placement::kAligned;
    uint8_t poison = 0xff;
    RoutineFinder find_routine = nullptr;  // none: no libraries
  };

  explicit KernelRuntime(const Options& options);
  KernelRuntime(const KernelRuntime&) = delete;
  KernelRuntime& operator=(const KernelRuntime&) = delete;

  const lathe_runtime* get() const { return &base_; }

  // Memory to watch for races, beside the workspace; must outlive the call.
  void Watch(const GuardedBuffer* output) { outputs_.push_back(output); }

  const std::optional<Race>& race() const { return race_; }
  const std::optional<GuardedBuffer>& workspace() const { return workspace_; }
  // Set when the kernel asked for more than the limit.
  std::optional<uint64_t> refused_workspace() const { return refused_workspace_; }
  // Set when the kernel asked for a routine that is not to be had.
  const std::string& refused_routine() const { return refused_routine_; }
  int64_t parallel_loops() const { return parallel_loops_; }

 private:
  static int32_t ParallelFor(const lathe_runtime* rt, int64_t iterations, lathe_task task,
                             void* closure);
  static void* Workspace(const lathe_runtime* rt, uint64_t bytes);
  static void* LibraryRoutine(const lathe_runtime* rt, const char* name);

  int32_t Run(int64_t iterations, lathe_task task, void* closure);
  void FindRaces(int64_t iterations, lathe_task task, void* closure);
  bool LookAtThisLoop() const;
  std::vector<const GuardedBuffer*> Watched() const;

  lathe_runtime base_;
  Options options_;
  std::vector<const GuardedBuffer*> outputs_;
  std::optional<GuardedBuffer> workspace_;
  std::optional<Race> race_;
  std::optional<uint64_t> refused_workspace_;
  std::string refused_routine_;
  int64_t parallel_loops_ = 0;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_KERNEL_RUNTIME_H_
