// kill -9 of `lathe tune`, of the measurer or of the runner at any moment: the
// database verifies, no process is left behind, tuning resumes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using Json = nlohmann::json;

constexpr int kTrials = 24;
constexpr uint64_t kSeed = 20261122;

void Sleep(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// Polls until `done` or about 20 seconds have passed.
bool Eventually(const std::function<bool()>& done) {
  for (int i = 0; i < 2000; ++i) {
    if (done()) return true;
    Sleep(10);
  }
  return false;
}

class KillTest : public ::testing::Test {
 protected:
  std::vector<std::string> TuneCommand() const {
    return {LATHE_PROGRAM, "tune", kSmallMatmul, "--trials", std::to_string(kTrials),
            "--seed",      "7",    "--db",       db_,        "--json"};
  }
  BackgroundProgram StartTuning() const {
    return BackgroundProgram(TuneCommand(), lathe_.path("out"), lathe_.path("err"),
                             lathe_.Environment());
  }
  void ExpectWhole() const {
    RunResult verify = lathe_.Run({"db", "verify", "--db", db_});
    EXPECT_EQ(verify.exit_code, 0) << verify.out << verify.err;
  }
  int64_t Records() const {
    RunResult stats = lathe_.Run({"db", "stats", "--db", db_, "--json"});
    return stats.exit_code == 0 ? Json::parse(stats.out)["records"].get<int64_t>() : 0;
  }
  // Tuning again ends well and does not repeat what is in the database.
  void ExpectResumes() const {
    int64_t before = Records();
    RunResult result =
        RunProgram(TuneCommand(), {.input = "", .environment = lathe_.Environment()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    Json json = Json::parse(result.out);
    EXPECT_FALSE(json["best"].is_null());
    EXPECT_GE(Records(), before);
    ExpectWhole();
  }
  static void ExpectGone(const std::map<pid_t, std::string>& processes) {
    for (const auto& [pid, name] : processes) {
      EXPECT_TRUE(Eventually([pid = pid] { return !IsAlive(pid); })) << name << " " << pid;
    }
  }
  // The first descendant of `pid` named `name`; 0 after a while without one.
  static pid_t AwaitDescendant(pid_t pid, const std::string& name) {
    pid_t found = 0;
    Eventually([&] {
      for (const auto& [child, child_name] : DescendantsOf(pid)) {
        if (child_name == name) found = child;
      }
      return found != 0 || !IsAlive(pid);
    });
    return found;
  }

  LatheProgram lathe_;
  const std::string db_ = lathe_.path("tune.db");
};

TEST_F(KillTest, TuneAtManyMoments) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  for (int round = 0; round < 6; ++round) {
    BackgroundProgram tune = StartTuning();
    Sleep(static_cast<int>(rng() % 1500));
    std::map<pid_t, std::string> processes = DescendantsOf(tune.pid());
    tune.Signal(SIGKILL);
    tune.Wait(20);
    ExpectGone(processes);
    if (std::filesystem::exists(db_)) ExpectWhole();
  }
  ExpectResumes();
}

TEST_F(KillTest, MeasurerWhileTuning) {
  BackgroundProgram tune = StartTuning();
  pid_t measurer = AwaitDescendant(tune.pid(), "lathe-measurer");
  ASSERT_NE(measurer, 0) << ReadWholeFile(lathe_.path("err"));
  kill(measurer, SIGKILL);
  std::map<pid_t, std::string> processes = DescendantsOf(tune.pid());
  RunResult result = tune.Wait(100);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(Json::parse(result.out)["best"].is_null());
  ExpectGone(processes);
  ExpectWhole();
}

TEST_F(KillTest, RunnerWhileTuning) {
  BackgroundProgram tune = StartTuning();
  pid_t runner = AwaitDescendant(tune.pid(), "lathe-runner");
  ASSERT_NE(runner, 0) << ReadWholeFile(lathe_.path("err"));
  kill(runner, SIGKILL);
  RunResult result = tune.Wait(100);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(Json::parse(result.out)["best"].is_null());
  ExpectWhole();
}

TEST_F(KillTest, BuilderWhileTuning) {
  BackgroundProgram tune = StartTuning();
  pid_t builder = AwaitDescendant(tune.pid(), "lathe-builder");
  ASSERT_NE(builder, 0) << ReadWholeFile(lathe_.path("err"));
  kill(builder, SIGKILL);
  RunResult result = tune.Wait(100);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ExpectWhole();
}

TEST_F(KillTest, InterruptKeepsWhatWasMeasured) {
  std::vector<std::string> command = TuneCommand();
  command[4] = "100000";
  BackgroundProgram tune(command, lathe_.path("out"), lathe_.path("err"), lathe_.Environment());
  ASSERT_TRUE(Eventually([this] { return std::filesystem::exists(db_) && Records() >= 4; }))
      << ReadWholeFile(lathe_.path("err"));
  std::map<pid_t, std::string> processes = DescendantsOf(tune.pid());
  // As a shell and a process group may deliver one Ctrl-C: twice, the second in no time.
  tune.Signal(SIGINT);
  tune.Signal(SIGTERM);
  RunResult result = tune.Wait(60);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::HasSubstr("interrupted"));
  ExpectGone(processes);
  EXPECT_GE(Records(), 4);
  ExpectWhole();
}

}  // namespace
}  // namespace lathe::testing
