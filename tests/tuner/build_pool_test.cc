#include "tuner/build_pool.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using testing::HasSubstr;

BuildPoolOptions Options(int workers = 1) {
  BuildPoolOptions options;
  auto program = FindTool("tuner_test_worker");
  EXPECT_TRUE(program.ok()) << program.status();
  options.program = program.value_or("");
  options.workers = workers;
  options.memory_bytes = 0;  // sanitizers reserve terabytes
  options.timeout = absl::Seconds(20);
  options.max_output_bytes = 1 << 20;
  return options;
}

v1::BuildRequest Ask(std::string what, uint64_t id = 7) {
  v1::BuildRequest request;
  request.set_id(id);
  request.set_trace(std::move(what));
  return request;
}

TEST(BuildPool, BuildsOnTheSameWorker) {
  BuildPool pool(Options());
  v1::BuildResponse first = BuildAndWait(pool, Ask("pid", 1));
  v1::BuildResponse second = BuildAndWait(pool, Ask("pid", 2));
  EXPECT_EQ(first.status(), v1::BUILD_STATUS_OK);
  EXPECT_EQ(first.id(), 1u);
  EXPECT_EQ(second.id(), 2u);
  EXPECT_EQ(first.output(), second.output());
}

TEST(BuildPool, CarriesLargeMessages) {
  BuildPoolOptions options = Options();
  options.max_output_bytes = 8 << 20;
  BuildPool pool(options);
  v1::BuildRequest request = Ask("echo");
  request.set_function(std::string(5 << 20, 'y'));
  EXPECT_EQ(BuildAndWait(pool, request).output(), request.function());
}

struct Fault {
  const char* what;
  const char* reason;
};
class BuildPoolFault : public testing::TestWithParam<Fault> {};

TEST_P(BuildPoolFault, IsAFailedBuildAndTheWorkerIsReplaced) {
  BuildPool pool(Options());
  std::string before = BuildAndWait(pool, Ask("pid")).output();
  v1::BuildResponse response = BuildAndWait(pool, Ask(GetParam().what, 42));
  EXPECT_EQ(response.status(), v1::BUILD_STATUS_FAILED);
  EXPECT_EQ(response.id(), 42u);
  EXPECT_THAT(response.error(), HasSubstr(GetParam().reason));
  v1::BuildResponse after = BuildAndWait(pool, Ask("pid"));
  EXPECT_EQ(after.status(), v1::BUILD_STATUS_OK);
  EXPECT_NE(after.output(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, BuildPoolFault,
    testing::Values(Fault{"crash", "build worker died of signal 9 (Killed)"},
                    Fault{"abort", "signal 6 (Aborted): LLVM ERROR: Cannot select"},
                    Fault{"exit", "build worker exited with code 3"},
                    Fault{"garbage", "answered wrongly"}, Fault{"huge", "over the limit"},
                    Fault{"wrong-id", "to another request"}));

TEST(BuildPool, AHangingWorkerIsKilledAfterTheTimeout) {
  BuildPoolOptions options = Options();
  options.timeout = absl::Milliseconds(300);
  BuildPool pool(options);
  v1::BuildResponse response = BuildAndWait(pool, Ask("hang"));
  EXPECT_EQ(response.status(), v1::BUILD_STATUS_FAILED);
  EXPECT_THAT(response.error(), HasSubstr("no answer within 300ms"));
}

TEST(BuildPool, AWorkerKilledWhileIdleIsReplacedSilently) {
  BuildPool pool(Options());
  pid_t pid = std::stoi(BuildAndWait(pool, Ask("pid")).output());
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  // Whether the pool sees the death before or after it sends, no worker that
  // was alive failed: at most the first request may be lost.
  BuildAndWait(pool, Ask("ok"));
  EXPECT_EQ(BuildAndWait(pool, Ask("ok")).status(), v1::BUILD_STATUS_OK);
}

TEST(BuildPool, AMissingProgramIsAFailedBuild) {
  BuildPoolOptions options = Options();
  options.program = "/nonexistent/lathe-builder";
  BuildPool pool(options);
  v1::BuildResponse response = BuildAndWait(pool, Ask("ok"));
  EXPECT_EQ(response.status(), v1::BUILD_STATUS_FAILED);
  EXPECT_THAT(response.error(), HasSubstr("cannot run /nonexistent/lathe-builder"));
}

TEST(BuildPool, DestructionAnswersEveryRequest) {
  std::atomic<int> answered = 0;
  {
    BuildPool pool(Options(2));
    for (int i = 0; i < 6; ++i) {
      pool.Submit(Ask("hang", i), [&](v1::BuildResponse response) {
        if (response.status() == v1::BUILD_STATUS_FAILED) ++answered;
      });
    }
  }
  EXPECT_EQ(answered, 6);
}

TEST(Process, StopKillsTheGroupAndReportsHow) {
  ProcessOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", "trap '' TERM; echo ready; while :; do sleep 1; done"};
  options.channel = true;
  auto process = Process::Spawn(options);
  ASSERT_TRUE(process.ok()) << process.status();
  char byte = 0;
  ASSERT_EQ(read((*process)->channel_fd(), &byte, 1), 1);  // the trap is set
  EXPECT_FALSE((*process)->Poll().has_value());
  ExitStatus status = (*process)->Stop(absl::Milliseconds(50));
  EXPECT_EQ(status.signal, SIGKILL);
}

TEST(Process, ReportsExitCodesAndCapturedStderr) {
  ProcessOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", "echo first >&2; echo second >&2; exit 5"};
  options.capture_stderr = true;
  auto process = Process::Spawn(options);
  ASSERT_TRUE(process.ok()) << process.status();
  auto status = (*process)->Wait(absl::Seconds(20));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(Describe(*status), "exited with code 5");
  EXPECT_EQ((*process)->StderrTail(), "first | second");
}

TEST(Process, LimitsMemory) {
  ProcessOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", "[ \"$(ulimit -v)\" = 262144 ]"};
  options.memory_bytes = uint64_t{256} << 20;
  auto process = Process::Spawn(options);
  ASSERT_TRUE(process.ok()) << process.status();
  auto status = (*process)->Wait(absl::Seconds(20));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok()) << Describe(*status);
}

}  // namespace
}  // namespace lathe
