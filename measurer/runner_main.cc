// lathe-runner: the child of lathe-measurer that runs foreign kernels. It is
// started with descriptors 3 (socket) and 4 (status page) and the arguments
// PARENT_PID ADDRESS_SPACE_BYTES LARGEST_CACHE_BYTES [LIBRARY...], and serves jobs
// until its socket closes or it dies. Only lathe-runner-libraries, the same but
// linked dynamically, opens libraries.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "compiler/runtime/lathe_cpu_features.h"
#include "measurer/fault_report.h"
#include "measurer/kernel_runtime.h"
#ifdef LATHE_RUNNER_LIBRARIES
#include "measurer/library_routines.h"
#endif
#include "measurer/runner_protocol.h"
#include "measurer/sandbox.h"
#include "measurer/trial.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LATHE_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LATHE_SANITIZED 1
#endif

#ifdef LATHE_SANITIZED
// Faults of kernels are ours to report.
extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_sigtrap=0:"
         "use_sigaltstack=0:detect_leaks=0";
}
extern "C" const char* __tsan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_sigtrap=0:"
         "use_sigaltstack=0";
}
constexpr bool kSanitized = true;  // needs more memory and system calls than we allow
#else
constexpr bool kSanitized = false;
#endif

namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "lathe-runner: %s\n", std::string(status.message()).c_str());
  return 1;
}

// AMX registers are the process's only after asking (Linux, arch/x86/xstate).
void AskForTileRegisters() {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  if (lathe_cpu_has("amx-tile")) syscall(SYS_arch_prctl, kRequestPermission, kTileData);
#endif
}

absl::StatusOr<lathe::RoutineFinder> FindRoutinesIn(const std::vector<std::string>& libraries) {
  if (libraries.empty()) return lathe::RoutineFinder();
#ifdef LATHE_RUNNER_LIBRARIES
  // A kernel's threads are the runtime's, not the library's own.
  for (const char* variable : {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}) {
    setenv(variable, "1", 1);
  }
  return lathe::OpenLibraries(libraries);
#else
  return absl::InternalError("this runner opens no libraries");
#endif
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "lathe-runner is started by lathe-measurer only\n");
    return 2;
  }
  const int parent = std::atoi(argv[1]);
  const uint64_t address_space = kSanitized ? 0 : std::strtoull(argv[2], nullptr, 10);
  const uint64_t cache = std::strtoull(argv[3], nullptr, 10);
  void* memory = mmap(nullptr, sizeof(lathe::RunnerStatusPage), PROT_READ | PROT_WRITE, MAP_SHARED,
                      lathe::kRunnerStatusPage, 0);
  if (memory == MAP_FAILED) return Fail(absl::InternalError("no status page"));
  auto* page = static_cast<lathe::RunnerStatusPage*>(memory);

  AskForTileRegisters();
  absl::StatusOr<lathe::RoutineFinder> routines = FindRoutinesIn({argv + 4, argv + argc});
  if (!routines.ok()) return Fail(routines.status());
  lathe::TrialRunner runner(page, cache, *std::move(routines));
  absl::Status locked = lathe::LimitResources(address_space, parent);
  if (locked.ok() && !kSanitized) locked = lathe::EnterSandbox();
  if (!locked.ok()) return Fail(locked);
  lathe::ReportFaultsTo(page);

  while (true) {
    page->phase = lathe::RunnerStatusPage::kIdle;
    std::vector<int> descriptors;
    absl::StatusOr<std::string> frame = lathe::ReceiveFrame(lathe::kRunnerSocket, &descriptors);
    if (!frame.ok()) return absl::IsUnavailable(frame.status()) ? 0 : Fail(frame.status());
    absl::StatusOr<lathe::RunnerJob> job = lathe::DecodeJob(*frame);
    if (!job.ok()) return Fail(job.status());
    lathe::RunnerReply reply = runner.Run(*job, descriptors);
    for (int descriptor : descriptors) close(descriptor);
    absl::Status sent = lathe::SendFrame(lathe::kRunnerSocket, lathe::EncodeReply(reply), {});
    if (!sent.ok()) return Fail(sent);
  }
}
