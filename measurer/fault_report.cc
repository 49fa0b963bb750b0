#include "measurer/fault_report.h"

#include <signal.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace lathe {
namespace {

struct Range {
  const char* mapping;  // null: free
  uint64_t mapping_bytes;
  const char* data;
  uint64_t bytes;
  char name[48];
};

RunnerStatusPage* g_page = nullptr;
std::array<Range, 64> g_ranges;
const char* g_kernel = nullptr;
uint64_t g_kernel_bytes = 0;
alignas(16) char g_stack[32 << 10];

// Builds a message without anything that is not safe in a signal handler.
class Message {
 public:
  Message(char* out, size_t capacity) : out_(out), end_(out + capacity - 1) {}
  ~Message() { *out_ = 0; }
  Message& Text(const char* text) {
    while (*text != 0 && out_ < end_) *out_++ = *text++;
    return *this;
  }
  Message& Number(uint64_t value) {
    char digits[21];
    char* p = digits + 20;
    *p = 0;
    do {
      *--p = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return Text(p);
  }
  Message& Hex(unsigned char byte) {
    const char digits[] = "0123456789abcdef";
    const char text[3] = {digits[byte >> 4], digits[byte & 15], 0};
    return Text(text);
  }

 private:
  char* out_;
  char* end_;
};

const char* ProgramCounter(void* context) {
  auto* u = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  return reinterpret_cast<const char*>(u->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const char*>(u->uc_mcontext.pc);
#elif defined(__riscv)
  return reinterpret_cast<const char*>(u->uc_mcontext.__gregs[REG_PC]);
#endif
}

void DescribeAddress(const char* address, Message& out) {
  for (const Range& r : g_ranges) {
    if (r.mapping == nullptr || address < r.mapping || address >= r.mapping + r.mapping_bytes) {
      continue;
    }
    if (address >= r.data + r.bytes) {
      out.Text("access past the end of '").Text(r.name).Text("', at byte ");
      out.Number(static_cast<uint64_t>(address - r.data)).Text(" of ").Number(r.bytes);
    } else if (address < r.data) {
      out.Text("access before the start of '").Text(r.name).Text("', ");
      out.Number(static_cast<uint64_t>(r.data - address)).Text(" bytes off");
    } else {
      out.Text("fault inside of '").Text(r.name).Text("'");
    }
    return;
  }
  out.Text("access to an address of no argument");
}

void OnFault(int signal, siginfo_t* info, void* context) {
  const char* pc = ProgramCounter(context);
  const bool in_kernel = pc >= g_kernel && pc < g_kernel + g_kernel_bytes;
  {
    Message out(g_page->detail, sizeof(g_page->detail));
    if (signal == SIGSEGV || signal == SIGBUS) {
      DescribeAddress(static_cast<const char*>(info->si_addr), out);
    } else if (signal == SIGILL && in_kernel) {
      out.Text("instruction refused by this CPU, bytes");
      uint64_t left = g_kernel_bytes - static_cast<uint64_t>(pc - g_kernel);
      for (uint64_t i = 0; i < std::min<uint64_t>(left, 8); ++i) {
        out.Text(" ").Hex(static_cast<unsigned char>(pc[i]));
      }
    }
    if (in_kernel) {
      out.Text(" (kernel code at offset ").Number(static_cast<uint64_t>(pc - g_kernel)).Text(")");
    } else {
      out.Text(" (outside of the kernel's code)");
    }
  }
  g_page->fault_signal.store(static_cast<uint32_t>(signal));
  // The handler was installed for one shot: returning repeats the access, and
  // the default action then kills the process by the true signal.
}

}  // namespace

void ReportFaultsTo(RunnerStatusPage* page) {
  g_page = page;
  stack_t stack = {};
  stack.ss_sp = g_stack;
  stack.ss_size = sizeof(g_stack);
  sigaltstack(&stack, nullptr);
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) {
    struct sigaction action = {};
    action.sa_sigaction = OnFault;
    action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK;
    sigaction(signal, &action, nullptr);
  }
}

void WatchForFaults(std::string_view name, const void* mapping, uint64_t mapping_bytes,
                    const void* data, uint64_t bytes) {
  if (g_page == nullptr) return;
  for (Range& r : g_ranges) {
    if (r.mapping != nullptr) continue;
    r = {static_cast<const char*>(mapping),
         mapping_bytes,
         static_cast<const char*>(data),
         bytes,
         {}};
    name.copy(r.name, sizeof(r.name) - 1);
    return;
  }
}

void UnwatchForFaults(const void* mapping) {
  for (Range& r : g_ranges) {
    if (r.mapping == mapping) r.mapping = nullptr;
  }
}

void WatchKernel(const void* base, uint64_t bytes) {
  g_kernel = static_cast<const char*>(base);
  g_kernel_bytes = bytes;
}

}  // namespace lathe
