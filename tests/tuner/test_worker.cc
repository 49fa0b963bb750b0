// A stand-in for lathe-builder that obeys the trace text it is sent:
// "ok", "crash", "abort", "hang", "exit", "garbage", "huge", "wrong-id", "pid".
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "lathe/v1/build.pb.h"

int main() {
  google::protobuf::io::FileInputStream in(STDIN_FILENO);
  while (true) {
    lathe::v1::BuildRequest request;
    bool clean_eof = false;
    if (!google::protobuf::util::ParseDelimitedFromZeroCopyStream(&request, &in, &clean_eof)) {
      return clean_eof ? 0 : 2;
    }
    const std::string& what = request.trace();
    lathe::v1::BuildResponse response;
    response.set_id(request.id());
    response.set_status(lathe::v1::BUILD_STATUS_OK);
    if (what == "crash") raise(SIGKILL);
    if (what == "abort") {
      std::fprintf(stderr, "LLVM ERROR: Cannot select\n");
      raise(SIGABRT);
    }
    if (what == "hang") pause();
    if (what == "exit") _exit(3);
    if (what == "garbage") {
      (void)!write(STDOUT_FILENO, "\x05hello", 6);
      continue;
    }
    if (what == "huge") response.set_output(std::string(3 << 20, 'x'));
    if (what == "wrong-id") response.set_id(request.id() + 1);
    if (what == "pid") response.set_output(std::to_string(getpid()));
    if (what == "echo") response.set_output(request.function());
    google::protobuf::util::SerializeDelimitedToFileDescriptor(response, STDOUT_FILENO);
  }
}
