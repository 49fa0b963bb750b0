// The pool of build workers: code generation runs in lathe-builder processes,
// because LLVM aborts on some inputs and lld is not thread-safe.
#ifndef LATHE_TUNER_BUILD_POOL_H_
#define LATHE_TUNER_BUILD_POOL_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "tuner/builder.h"
#include "tuner/message_channel.h"
#include "tuner/process.h"

namespace lathe {

struct BuildPoolOptions {
  std::string program;  // path of lathe-builder
  int workers = 1;
  std::vector<int> cpus;                       // for the workers; empty: any
  absl::Duration timeout = absl::Seconds(60);  // per request
  uint64_t memory_bytes = uint64_t{8} << 30;   // per worker, address space; 0: no limit
  size_t max_output_bytes = size_t{64} << 20;  // of one response
};

// A request whose worker dies, hangs or answers nonsense ends as
// BUILD_STATUS_FAILED with the reason, and the worker is replaced; other
// requests do not notice. A worker killed by SIGKILL is tried again once. Workers start when first
// needed.
class BuildPool : public Builder {
 public:
  explicit BuildPool(BuildPoolOptions options);
  // Fails what is queued or being built, kills the workers, joins.
  ~BuildPool() override;

  void Submit(v1::BuildRequest request, BuildCallback done) override;
  int parallelism() const override { return options_.workers; }

 private:
  struct Job {
    v1::BuildRequest request;
    BuildCallback done;
  };
  // One worker process and the conversation with it.
  struct Worker {
    std::unique_ptr<Process> process;
    std::unique_ptr<MessageChannel> channel;
  };

  void Serve();
  // Sets `killed` when the worker died of a SIGKILL that was not ours.
  v1::BuildResponse Build(Worker& worker, const v1::BuildRequest& request, bool& killed);
  absl::Status Start(Worker& worker);
  // Why the conversation ended, in words for the record; replaces the worker.
  std::string Bury(Worker& worker, const absl::Status& status, bool& killed);

  const BuildPoolOptions options_;
  UniqueFd interrupt_;  // readable once the pool stops
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_BUILD_POOL_H_
