#include "measurer/sandbox.h"

#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

absl::Status Limit(int resource, rlim_t value, const char* what) {
  rlimit limit = {value, value};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot limit ", what, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status LimitResources(uint64_t address_space_bytes, int parent_pid) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    return absl::InternalError("cannot ask for a signal at the parent's death");
  }
  // The parent may have died before it could be watched.
  if (getppid() != parent_pid) return absl::CancelledError("the parent has gone");
  RETURN_IF_ERROR(Limit(RLIMIT_CORE, 0, "core dumps"));
  RETURN_IF_ERROR(Limit(RLIMIT_FSIZE, 0, "file sizes"));
  RETURN_IF_ERROR(Limit(RLIMIT_NOFILE, 64, "descriptors"));
  if (address_space_bytes != 0) {
    RETURN_IF_ERROR(Limit(RLIMIT_AS, address_space_bytes, "memory"));
  }
  return absl::OkStatus();
}

absl::Status EnterSandbox() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return absl::InternalError("cannot give up privileges");
  }
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == nullptr) return absl::InternalError("cannot make a system call filter");
  int error = 0;
  auto rule = [&](uint32_t action, int call) {
    if (error == 0) error = seccomp_rule_add(filter, action, call, 0);
  };
  for (int call : {
           // Descriptors that are open: the daemon's socket and condition files.
           SCMP_SYS(read),
           SCMP_SYS(write),
           SCMP_SYS(pread64),
           SCMP_SYS(recvmsg),
           SCMP_SYS(sendmsg),
           SCMP_SYS(sendto),
           SCMP_SYS(close),
           SCMP_SYS(lseek),
           SCMP_SYS(fstat),
           // Memory.
           SCMP_SYS(mmap),
           SCMP_SYS(munmap),
           SCMP_SYS(mprotect),
           SCMP_SYS(mremap),
           SCMP_SYS(madvise),
           SCMP_SYS(brk),
           // Threads of this process (see clone below) and their scheduling.
           SCMP_SYS(futex),
           SCMP_SYS(sched_yield),
           SCMP_SYS(sched_setaffinity),
           SCMP_SYS(sched_getaffinity),
           SCMP_SYS(set_robust_list),
           SCMP_SYS(rseq),
           SCMP_SYS(gettid),
           SCMP_SYS(getpid),
           SCMP_SYS(tgkill),
           SCMP_SYS(set_tid_address),
           SCMP_SYS(getcpu),
           SCMP_SYS(restart_syscall),
           // Clocks and usage.
           SCMP_SYS(clock_gettime),
           SCMP_SYS(clock_nanosleep),
           SCMP_SYS(nanosleep),
           SCMP_SYS(getrusage),
           SCMP_SYS(prlimit64),
           // Signals and the end.
           SCMP_SYS(rt_sigreturn),
           SCMP_SYS(rt_sigprocmask),
           SCMP_SYS(rt_sigaction),
           SCMP_SYS(sigaltstack),
           SCMP_SYS(exit),
           SCMP_SYS(exit_group),
       }) {
    rule(SCMP_ACT_ALLOW, call);
  }
  // Libraries say where their memory is to lie (OpenBLAS), and do without an answer.
  rule(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(mbind));
  // A thread, but never a process. clone3's flags lie in memory, out of the
  // filter's sight; libc falls back to clone when it is missing.
  rule(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  if (error == 0) {
    error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  }
  if (error == 0) error = seccomp_load(filter);
  seccomp_release(filter);
  if (error != 0) {
    return absl::InternalError(
        absl::StrCat("cannot install the system call filter: ", std::strerror(-error)));
  }
  return absl::OkStatus();
}

}  // namespace lathe
