// lathe-builder: reads length-delimited BuildRequests on stdin, answers each on
// stdout, ends at the end of input. See compiler/codegen/README.md.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>

#include "compiler/codegen/build.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"

namespace {

void Limit(int resource, uint64_t value) {
  if (value == 0) return;
  const rlimit limit{value, value};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) perror("setrlimit");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Builds kernels for lathe: one request after another, from stdin to stdout.",
               "lathe-builder");
  uint64_t memory_bytes = 0;
  uint64_t cpu_seconds = 0;
  app.add_option("--memory-bytes", memory_bytes, "Limit of address space; 0: none");
  app.add_option("--cpu-seconds", cpu_seconds, "Limit of CPU time in all; 0: none");
  CLI11_PARSE(app, argc, argv);

  // A worker does not outlive whom it works for.
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) return 1;
  Limit(RLIMIT_AS, memory_bytes);
  Limit(RLIMIT_CPU, cpu_seconds);

  google::protobuf::io::FileInputStream input(STDIN_FILENO);
  google::protobuf::io::FileOutputStream output(STDOUT_FILENO);
  lathe::v1::BuildRequest request;
  bool clean_eof = false;
  while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&request, &input, &clean_eof)) {
    if (!google::protobuf::util::SerializeDelimitedToZeroCopyStream(lathe::Build(request),
                                                                    &output) ||
        !output.Flush()) {
      return 1;
    }
    request.Clear();
  }
  return clean_eof ? 0 : 1;
}
