#include "tuner/build_pool.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

v1::BuildResponse Failed(uint64_t id, std::string error) {
  v1::BuildResponse response;
  response.set_id(id);
  response.set_status(v1::BUILD_STATUS_FAILED);
  response.set_error(std::move(error));
  return response;
}

}  // namespace

BuildPool::BuildPool(BuildPoolOptions options)
    : options_(std::move(options)), interrupt_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK_GT(options_.workers, 0);
  CHECK_GE(interrupt_.get(), 0);
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { Serve(); });
}

BuildPool::~BuildPool() {
  std::deque<Job> abandoned;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    abandoned.swap(queue_);
  }
  uint64_t one = 1;
  CHECK_EQ(write(interrupt_.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  for (Job& job : abandoned) job.done(Failed(job.request.id(), "the build pool was stopped"));
}

void BuildPool::Submit(v1::BuildRequest request, BuildCallback done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    CHECK(!stopping_);
    queue_.push_back({std::move(request), std::move(done)});
  }
  changed_.notify_one();
}

void BuildPool::Serve() {
  Worker worker;  // spawned by this thread, which outlives it
  while (true) {
    Job job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    bool killed = false;
    v1::BuildResponse response = Build(worker, job.request, killed);
    // Whoever kills a worker from outside means the process, not the request:
    // once more. A request that itself brings about SIGKILL fails then.
    if (killed) response = Build(worker, job.request, killed);
    job.done(std::move(response));
  }
}

v1::BuildResponse BuildPool::Build(Worker& worker, const v1::BuildRequest& request, bool& killed) {
  absl::Time deadline = absl::Now() + options_.timeout;
  // A worker that died while idle is no fault of this request.
  if (worker.process != nullptr && worker.process->Poll()) worker = Worker();
  if (worker.process == nullptr) {
    absl::Status started = Start(worker);
    if (!started.ok()) {
      return Failed(request.id(), absl::StrCat("no build worker: ", started.message()));
    }
  }
  v1::BuildResponse response;
  absl::Status status = worker.channel->Send(request, deadline);
  if (status.ok()) {
    status = worker.channel->Receive(&response, options_.max_output_bytes, deadline);
  }
  if (status.ok() && response.id() != request.id()) {
    status = absl::DataLossError("the answer is to another request");
  }
  if (!status.ok()) return Failed(request.id(), Bury(worker, status, killed));
  worker.process->DropStderr();
  return response;
}

absl::Status BuildPool::Start(Worker& worker) {
  ProcessOptions options;
  options.program = options_.program;
  options.cpus = options_.cpus;
  options.memory_bytes = options_.memory_bytes;
  options.channel = true;
  options.capture_stderr = true;
  ASSIGN_OR_RETURN(worker.process, Process::Spawn(options));
  worker.channel = std::make_unique<MessageChannel>(worker.process->channel_fd(), interrupt_.get());
  return absl::OkStatus();
}

std::string BuildPool::Bury(Worker& worker, const absl::Status& status, bool& killed) {
  std::string reason;
  if (absl::IsDeadlineExceeded(status)) {
    reason = absl::StrCat("build worker gave no answer within ",
                          absl::FormatDuration(options_.timeout), " and was killed");
  } else if (absl::IsCancelled(status)) {
    reason = "the build pool was stopped";
  } else if (absl::IsUnavailable(status)) {
    // It closed its end: it is dead or about to be.
    auto exit = worker.process->Wait(absl::Seconds(5));
    killed = exit && exit->signal == SIGKILL;
    reason = exit ? absl::StrCat("build worker ", Describe(*exit))
                  : std::string("build worker closed its channel and was killed");
  } else {
    reason = absl::StrCat("build worker answered wrongly: ", status.message());
  }
  std::string said = worker.process->StderrTail();
  if (!said.empty()) absl::StrAppend(&reason, ": ", said);
  worker = Worker();
  return reason;
}

}  // namespace lathe
