#include "measurer/kernel_runtime.h"

#include <cstring>
#include <utility>

namespace lathe {
namespace {

// The contents of watched buffers at one moment.
class Snapshot {
 public:
  explicit Snapshot(std::vector<const GuardedBuffer*> buffers) : buffers_(std::move(buffers)) {
    for (const GuardedBuffer* b : buffers_) copies_.emplace_back(b->data(), b->bytes());
  }

  // Puts the contents back; records for each byte whether it had changed.
  std::vector<std::vector<bool>> RestoreAndDiff() const {
    std::vector<std::vector<bool>> changed;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      const std::string& before = copies_[i];
      char* now = buffers_[i]->data();
      std::vector<bool> bytes;
      if (std::memcmp(now, before.data(), before.size()) != 0) {
        bytes.resize(before.size());
        for (size_t k = 0; k < before.size(); ++k) bytes[k] = now[k] != before[k];
        std::memcpy(now, before.data(), before.size());
      }
      changed.push_back(std::move(bytes));  // empty: nothing changed
    }
    return changed;
  }

 private:
  std::vector<const GuardedBuffer*> buffers_;
  std::vector<std::string> copies_;
};

}  // namespace

KernelRuntime::KernelRuntime(const Options& options) : base_(), options_(options) {
  base_.abi_version = LATHE_ABI_VERSION;
  base_.struct_size = sizeof(lathe_runtime);
  base_.state = this;
  base_.num_threads = options.num_threads;
  base_.parallel_for = ParallelFor;
  base_.workspace = Workspace;
  base_.library_routine = LibraryRoutine;
}

int32_t KernelRuntime::ParallelFor(const lathe_runtime* rt, int64_t iterations, lathe_task task,
                                   void* closure) {
  auto* self = static_cast<KernelRuntime*>(rt->state);
  if (self->options_.order == LoopOrder::kThreads) {
    return lathe_thread_pool_run(self->options_.pool, iterations, task, closure);
  }
  ++self->parallel_loops_;
  if (self->options_.order == LoopOrder::kRaces && iterations > 1 && self->LookAtThisLoop()) {
    self->FindRaces(iterations, task, closure);
  }
  return self->Run(iterations, task, closure);
}

void* KernelRuntime::Workspace(const lathe_runtime* rt, uint64_t bytes) {
  auto* self = static_cast<KernelRuntime*>(rt->state);
  if (bytes > self->options_.workspace_limit) {
    self->refused_workspace_ = bytes;
    return nullptr;
  }
  if (self->workspace_.has_value() && self->workspace_->bytes() >= bytes) {
    return self->workspace_->data();  // timed calls reuse the first call's
  }
  constexpr uint64_t kAlignment = 64;
  absl::StatusOr<GuardedBuffer> buffer = GuardedBuffer::Create(
      "the workspace", bytes, kAlignment, self->options_.placement, self->options_.poison);
  if (!buffer.ok()) return nullptr;
  self->workspace_ = *std::move(buffer);
  return self->workspace_->data();
}

void* KernelRuntime::LibraryRoutine(const lathe_runtime* rt, const char* name) {
  auto* self = static_cast<KernelRuntime*>(rt->state);
  void* routine = self->options_.find_routine ? self->options_.find_routine(name) : nullptr;
  if (routine == nullptr) self->refused_routine_ = name;
  return routine;
}

int32_t KernelRuntime::Run(int64_t iterations, lathe_task task, void* closure) {
  for (int64_t i = 0; i < iterations; ++i) {
    int64_t iteration = options_.order == LoopOrder::kReverse ? iterations - 1 - i : i;
    int32_t thread = static_cast<int32_t>(iteration % options_.num_threads);
    int32_t result = task(closure, iteration, thread);
    if (result != 0) return result;
  }
  return LATHE_OK;
}

bool KernelRuntime::LookAtThisLoop() const {
  return !race_.has_value() && options_.num_threads > 1 &&
         (parallel_loops_ <= 4 || (parallel_loops_ & (parallel_loops_ - 1)) == 0);
}

std::vector<const GuardedBuffer*> KernelRuntime::Watched() const {
  std::vector<const GuardedBuffer*> watched = outputs_;
  if (workspace_.has_value()) watched.push_back(&*workspace_);
  return watched;
}

void KernelRuntime::FindRaces(int64_t iterations, lathe_task task, void* closure) {
  const std::vector<const GuardedBuffer*> watched = Watched();
  const Snapshot before(watched);
  for (int bit = 0; (int64_t{1} << bit) < iterations; ++bit) {
    std::vector<std::vector<bool>> changed[2];
    for (int32_t half : {0, 1}) {
      for (int64_t i = 0; i < iterations; ++i) {
        // An error comes again, and is reported, when the loop runs whole.
        if ((i >> bit & 1) == half && task(closure, i, half) != 0) break;
      }
      changed[half] = before.RestoreAndDiff();
    }
    for (size_t b = 0; b < watched.size(); ++b) {
      if (changed[0][b].empty() || changed[1][b].empty()) continue;
      for (size_t k = 0; k < changed[0][b].size(); ++k) {
        if (!changed[0][b][k] || !changed[1][b][k]) continue;
        race_ = Race{watched[b]->name(), k, b >= outputs_.size()};
        return;
      }
    }
  }
}

}  // namespace lathe
