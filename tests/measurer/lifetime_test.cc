// Who lives and dies with whom: hub, daemon and runner.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "tests/measurer/test_hub.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

v1::HubMessage LeaseMessage(const v1::Lease& lease) {
  v1::HubMessage message;
  *message.mutable_lease() = lease;
  return message;
}

TEST(Lifetime, HelloNamesTheDeviceAndItsUuidStays) {
  TestHub hub;
  std::string uuid;
  {
    MeasurerProcess measurer(hub.address(), hub.directory() + "/data", {"--name", "board"});
    v1::Hello hello = hub.AwaitHello();
    EXPECT_EQ(hello.protocol_version(), 1u);
    EXPECT_EQ(hello.device().name(), "board");
    EXPECT_NE(hello.device().kind().text(), "");
    EXPECT_GT(hello.device().features_size(), 0);
    uuid = hello.device().uuid();
    EXPECT_EQ(uuid.size(), 36u);
    EXPECT_TRUE(hub.AwaitHeartbeat());
  }
  TestHub again;
  MeasurerProcess measurer(again.address(), hub.directory() + "/data");
  EXPECT_EQ(again.AwaitHello().device().uuid(), uuid);
}

TEST(Lifetime, AKilledRunnerIsACrashAndIsReplaced) {
  TestHub hub;
  MeasurerProcess measurer(hub.address(), hub.directory());
  const std::string reference = hub.AddKernel("reference");
  v1::Lease lease = MatmulLease("endless", hub.AddKernel("loop"), reference);
  hub.Measure(MatmulLease("first", hub.AddKernel("good"), reference));
  pid_t runner = measurer.AwaitRunner();
  ASSERT_NE(runner, 0);
  hub.Send(LeaseMessage(lease));
  // The signal may meet the moment before the trial: then a new runner takes it,
  // and is killed in turn.
  std::optional<v1::MeasureResult> result;
  while (!(result = hub.FindResult("endless"))) {
    if (pid_t now = measurer.AwaitRunner(); now != 0) kill(now, SIGKILL);
    usleep(20'000);
  }
  EXPECT_EQ(result->status(), v1::TRIAL_STATUS_CRASH);
  EXPECT_THAT(result->error(), HasSubstr("killed by signal 9"));
  EXPECT_TRUE(AwaitGone(runner));
  EXPECT_EQ(hub.Measure(MatmulLease("after", hub.AddKernel("good"), reference)).status(),
            v1::TRIAL_STATUS_OK);
}

TEST(Lifetime, CancelEndsATrial) {
  TestHub hub;
  MeasurerProcess measurer(hub.address(), hub.directory());
  const std::string reference = hub.AddKernel("reference");
  hub.Send(LeaseMessage(MatmulLease("a", hub.AddKernel("loop"), reference)));
  hub.Send(LeaseMessage(MatmulLease("b", hub.AddKernel("good"), reference)));
  v1::HubMessage cancel;
  cancel.mutable_cancel()->set_lease_id("a");
  ASSERT_NE(measurer.AwaitRunner(), 0);
  hub.Send(cancel);
  EXPECT_EQ(hub.AwaitResult("a")->status(), v1::TRIAL_STATUS_CANCELLED);
  EXPECT_EQ(hub.AwaitResult("b")->status(), v1::TRIAL_STATUS_OK);
}

TEST(Lifetime, SigtermFinishesWhatIsHere) {
  TestHub hub;
  MeasurerProcess measurer(hub.address(), hub.directory());
  const std::string reference = hub.AddKernel("reference");
  hub.Measure(MatmulLease("first", hub.AddKernel("good"), reference));
  pid_t runner = measurer.AwaitRunner();
  kill(measurer.pid(), SIGTERM);
  EXPECT_EQ(measurer.AwaitExit(), 0);
  EXPECT_TRUE(AwaitGone(runner));
}

TEST(Lifetime, DrainSendsItAwayAfterItsLeases) {
  TestHub hub;
  MeasurerProcess measurer(hub.address(), hub.directory());
  hub.Send(LeaseMessage(MatmulLease("a", hub.AddKernel("good"), hub.AddKernel("reference"))));
  v1::HubMessage drain;
  drain.mutable_drain();
  hub.Send(drain);
  EXPECT_EQ(hub.AwaitResult("a")->status(), v1::TRIAL_STATUS_OK);
  EXPECT_EQ(measurer.AwaitExit(), 0);
}

TEST(Lifetime, ALostHubEndsAPrivateMeasurerAndItsRunner) {
  TestHub hub;
  MeasurerProcess measurer(hub.address(), hub.directory(), {"--once"});
  hub.Send(LeaseMessage(MatmulLease("a", hub.AddKernel("loop"), hub.AddKernel("reference"))));
  pid_t runner = measurer.AwaitRunner();
  ASSERT_NE(runner, 0);
  hub.Shutdown();
  EXPECT_EQ(measurer.AwaitExit(), 0);
  EXPECT_TRUE(AwaitGone(runner));
}

TEST(Lifetime, AKilledDaemonTakesItsRunnerAlong) {
  TestHub hub;
  MeasurerProcess measurer(hub.address(), hub.directory());
  hub.Send(LeaseMessage(MatmulLease("a", hub.AddKernel("loop"), hub.AddKernel("reference"))));
  pid_t runner = measurer.AwaitRunner();
  ASSERT_NE(runner, 0);
  kill(measurer.pid(), SIGKILL);
  EXPECT_EQ(measurer.AwaitExit(), -SIGKILL);
  EXPECT_TRUE(AwaitGone(runner));
}

TEST(Lifetime, WrongUsageIsSaidOnce) {
  MeasurerProcess no_sense("unix:/nonexistent/hub", "/proc/nonexistent", {"--once"});
  EXPECT_EQ(no_sense.AwaitExit(), 2) << "the data directory cannot be written";
  MeasurerProcess far("hub.example.org:1", "/tmp", {"--once", "--cpus", "0"});
  EXPECT_EQ(far.AwaitExit(), 2) << "plain text to another machine";
}

}  // namespace
}  // namespace lathe
