#include "tuner/private_hub.h"

#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::unique_ptr<PrivateHub> StartHub(std::string program = "") {
  PrivateHubOptions options;
  options.measurer_program =
      program.empty() ? FindTool("tuner_test_measurer").value_or("missing") : program;
  auto hub = PrivateHub::Start(options);
  EXPECT_TRUE(hub.ok()) << hub.status();
  return *std::move(hub);
}

MeasureJob Job(std::string trial, std::string artifact) {
  MeasureJob job;
  job.lease.set_trial_id(trial);
  job.lease.set_digest("digest of " + artifact);
  job.lease.set_timeout_seconds(60);
  job.artifact = std::make_shared<std::string>(artifact);
  return job;
}

TEST(PrivateHub, MeasuresThroughARealSocketAndCleansUp) {
  fs::path directory;
  {
    auto hub = StartHub();
    auto device = hub->pool().AwaitDevice(absl::Now() + absl::Seconds(60));
    ASSERT_TRUE(device.ok()) << device.status();
    EXPECT_EQ(device->uuid(), "test-device");
    directory = fs::path(hub->address().substr(5)).parent_path();
    EXPECT_EQ(fs::status(directory).permissions() & fs::perms::mask, fs::perms::owner_all);
    MeasureOutcome outcome = MeasureAndWait(hub->pool(), Job("t", "ok"));
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.result.status(), v1::TRIAL_STATUS_OK);
  }
  EXPECT_FALSE(fs::exists(directory));
}

TEST(PrivateHub, CarriesArtifactsAboveTheDefaultMessageLimit) {
  auto hub = StartHub();
  EXPECT_TRUE(MeasureAndWait(hub->pool(), Job("t", std::string(9 << 20, 'x'))).status.ok());
}

TEST(PrivateHub, AKilledMeasurerIsReplaced) {
  auto hub = StartHub();
  MeasureOutcome before = MeasureAndWait(hub->pool(), Job("a", "ok"));
  pid_t pid = static_cast<pid_t>(before.result.timing().median_seconds());
  ASSERT_GT(pid, 1);
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  MeasureOutcome after = MeasureAndWait(hub->pool(), Job("b", "ok"));
  EXPECT_EQ(after.result.status(), v1::TRIAL_STATUS_OK);
  EXPECT_NE(after.result.timing().median_seconds(), pid);
}

TEST(PrivateHub, ACandidateThatKillsEveryMeasurerIsGivenUp) {
  auto hub = StartHub();
  MeasureOutcome outcome = MeasureAndWait(hub->pool(), Job("a", "die"));
  // Whichever limit comes first: attempts of the trial, or deaths in a row.
  if (outcome.status.ok()) {
    EXPECT_EQ(outcome.result.status(), v1::TRIAL_STATUS_CRASH);
  } else {
    EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("exited with code 9"));
  }
}

TEST(PrivateHub, SaysWhyTheMeasurerDoesNotStart) {
  auto hub = StartHub("/nonexistent/lathe-measurer");
  auto device = hub->pool().AwaitDevice(absl::Now() + absl::Seconds(60));
  EXPECT_THAT(std::string(device.status().message()), HasSubstr("/nonexistent/lathe-measurer"));
}

TEST(SocketDirectory, ClearsAwayTheDeadAndSparesTheLiving) {
  fs::path parent = fs::path(testing::TempDir()) / ("hub_test_" + std::to_string(getpid()));
  fs::create_directories(parent / "lathe-hub-dead");
  fclose(fopen((parent / "lathe-hub-dead/lock").c_str(), "w"));
  fclose(fopen((parent / "lathe-hub-dead/hub").c_str(), "w"));
  fs::create_directories(parent / "other");
  {
    auto first = SocketDirectory::Create(parent);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_FALSE(fs::exists(parent / "lathe-hub-dead"));
    auto second = SocketDirectory::Create(parent);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_TRUE(fs::exists((*first)->path()));
  }
  EXPECT_TRUE(fs::exists(parent / "other"));
  EXPECT_EQ(std::distance(fs::directory_iterator(parent), {}), 1);
  fs::remove_all(parent);
}

}  // namespace
}  // namespace lathe
