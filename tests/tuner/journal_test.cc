// Journals of tuning sessions: written by a session with a fake device, read and replayed,
// whole and after one line was changed.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"
#include "fake_services.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/run_program.h"
#include "tuner/journal_replay.h"
#include "tuner/search_journal.h"
#include "tuner/tune_session.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() : store_(NewMemoryStore()) {
    options_.problem = FakeProblem();
    space_ = SketchesOf(options_.problem.function, {options_.problem.target, 1}).value();
    const Setting analytic = space_.front()->Analytic();
    options_.default_trace = space_.front()->Instantiate(analytic);
    options_.default_decisions = DecisionsText(*space_.front(), analytic);
    options_.trials = 100;
    options_.auto_stop = {true, 0.01, 4, 24};
    header_.lathe_version = "1";
    header_.function = ToText(options_.problem.function);
    header_.target = ToText(options_.problem.target);
    header_.regime = "warm";
    header_.accuracy = "strict";
    header_.search = "evolution";
    header_.model = std::string("\0\xff bytes", 8);
    header_.transferred = {"a b=1"};
    header_.options = "{}";
    // Each trace has its own time, between one second and less than two.
    device_.on_measure = [this](const std::string& trace) {
      const double place = std::strtod(("0x0." + Sha256Hex(trace).substr(0, 8)).c_str(), nullptr);
      device_.behaviour[trace] = {{v1::TRIAL_STATUS_OK, 1 + place}};
    };
  }

  std::unique_ptr<Search> NewSearch(uint64_t seed = 1) { return NewEvolutionSearch(&space_, seed); }

  // A whole session with a journal, as `lathe tune` wires it.
  TuneResult Tune() {
    std::filesystem::remove(path_);
    auto writer = JournalWriter::Create(path_, header_).value();
    auto search = NewJournalledSearch(NewSearch(), writer.get());
    TuneServices services;
    services.store = store_.get();
    services.search = search.get();
    services.builder = &builder_;
    services.measurer = &device_;
    services.cancellation = cancellation_.get();
    services.journal = writer.get();
    TuneResult result = TuneSession(options_, services).Run().value();
    writer->Add(EndEvent{"{\"best\": 1}"});
    EXPECT_TRUE(writer->status().ok()) << writer->status();
    return result;
  }

  ReplayReport ReplayIt(uint64_t seed = 1) {
    auto journal = ReadJournal(path_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return Replay(*journal, *NewSearch(seed), space_);
  }

  std::vector<std::string> Lines() const {
    std::ifstream file(path_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  void Write(const std::vector<std::string>& lines) const {
    std::ofstream file(path_);
    for (const std::string& line : lines) file << line << '\n';
  }
  // Changes the first line of an event, and returns its number.
  int Change(const std::string& event, const std::function<void(Json&)>& change) const {
    std::vector<std::string> lines = Lines();
    for (size_t i = 0; i < lines.size(); ++i) {
      Json json = Json::parse(lines[i]);
      if (json["event"] != event) continue;
      change(json);
      lines[i] = json.dump();
      Write(lines);
      return static_cast<int>(i) + 1;
    }
    ADD_FAILURE() << "the journal has no event " << event;
    return 0;
  }
  void Drop(const std::string& event) const {
    std::vector<std::string> lines = Lines();
    std::erase_if(lines, [&](const std::string& l) { return Json::parse(l)["event"] == event; });
    Write(lines);
  }

  // After a change of a line of `event` the replay ends there, and says `what`.
  void ExpectDifference(const std::string& event, const std::function<void(Json&)>& change,
                        const std::string& what) {
    const std::vector<std::string> whole = Lines();
    const int line = Change(event, change);
    const ReplayReport report = ReplayIt();
    EXPECT_EQ(report.line, line) << report.difference;
    EXPECT_THAT(report.difference, HasSubstr(what));
    Write(whole);
  }
  // After it, the journal is refused, with the number of the line and `what`.
  void ExpectRefused(const std::string& event, const std::function<void(Json&)>& change,
                     const std::string& what) {
    const std::vector<std::string> whole = Lines();
    const int line = Change(event, change);
    const absl::Status status = ReadJournal(path_).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << event << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat(path_, ":", line, ": ")));
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
    Write(whole);
  }

  lathe::testing::ScratchDirectory scratch_;
  const std::string path_ = scratch_.path("journal");
  TuneOptions options_;
  Space space_;
  JournalHeader header_;
  std::unique_ptr<RecordStore> store_;
  FakeBuilder builder_;
  FakeDevice device_;
  std::unique_ptr<Cancellation> cancellation_ = std::make_unique<Cancellation>();
};

TEST_F(JournalTest, AWholeSessionIsReplayed) {
  const TuneResult result = Tune();
  EXPECT_EQ(result.stop, StopReason::kConverged);
  EXPECT_TRUE(result.promoted);
  auto journal = ReadJournal(path_);
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(journal->header.model, header_.model);
  EXPECT_EQ(journal->header.transferred, header_.transferred);
  EXPECT_EQ(journal->result, "{\"best\":1}");
  const ReplayReport report = ReplayIt();
  EXPECT_EQ(report.difference, "");
  EXPECT_GE(report.suggested, result.done - 1);
  EXPECT_GE(report.decisions, report.suggested + 3) << "the stop, the finalists and the winner";
}

TEST_F(JournalTest, EndsAtTheFirstDifference) {
  Tune();
  const ReplayReport report = ReplayIt(/*seed=*/2);
  EXPECT_THAT(report.difference, HasSubstr(", the journal has "));
  EXPECT_GT(report.line, 1);
  EXPECT_LT(report.suggested, 24);
  ExpectDifference(
      "suggest", [](Json& json) { json["candidates"].erase(0); }, "candidate 1 is ");
  ExpectDifference(
      "suggest", [](Json& json) { json["candidates"][0]["repeat"] = true; }, " again");
}

TEST_F(JournalTest, TheStopIsReplayed) {
  const TuneResult result = Tune();
  const std::string after = absl::StrCat("after ", result.done, " trials the search stops");
  ExpectDifference(
      "stop", [](Json& json) { json["reason"] = "trials"; },
      after + " (converged), the journal stops (trials)");
  ExpectDifference(
      "stop", [](Json& json) { json["reason"] = "space exhausted"; }, after + " (converged)");
  ExpectDifference(
      "stop", [](Json& json) { json["trials"] = json["trials"].get<int>() + 1; }, after);
  // Other limits would have led to another end.
  Change("session", [](Json& json) { json["least_gain"] = 0; });
  EXPECT_THAT(ReplayIt().difference, HasSubstr("goes on, the journal stops (converged)"));
  Change("session", [](Json& json) { json["least_gain"] = 2; });
  EXPECT_THAT(ReplayIt().difference, HasSubstr("trials (converged), the journal goes on"));
}

TEST_F(JournalTest, ThePromotionIsReplayed) {
  Tune();
  ExpectDifference(
      "finalists", [](Json& json) { std::swap(json["finalists"][1], json["finalists"][2]); },
      "finalist 2 is ");
  ExpectDifference(
      "finalists",
      [](Json& json) {
        json["finalists"].erase(3);
        json["built"].erase(3);
      },
      "the promotion has 4 finalists, the journal has 3");
  ExpectDifference(
      "comparison", [](Json& json) { json["winner"] = 0; }, "wins, the journal has finalist 1");
  ExpectDifference(
      "comparison", [](Json& json) { json["winner"] = Json(); }, "wins, the journal has none");
  ExpectDifference(
      "comparison", [](Json& json) { json["again"] = true; },
      "the comparison decides, the journal compares again");
  // Samples say who wins.
  ExpectDifference(
      "comparison", [](Json& json) { std::swap(json["samples"][0], json["samples"][1]); },
      "by the samples finalist 1 wins");
  Drop("comparison");
  EXPECT_EQ(ReplayIt().difference, "the journal ends with an undecided promotion");
  Drop("finalists");
  EXPECT_EQ(ReplayIt().difference, "the journal ends without a promotion");
}

TEST_F(JournalTest, AnUndecidedComparisonIsFollowedByAnother) {
  // Faster than the default by far, but in two blocks of three only.
  device_.on_measure = [this](const std::string& trace) {
    FakeBehaviour unsteady = {v1::TRIAL_STATUS_OK, 0.9};
    unsteady.blocks = {1, 1, 3};
    device_.behaviour[trace] = {{v1::TRIAL_STATUS_OK, 0.9}, unsteady};
    if (trace == ToText(options_.default_trace)) {
      device_.behaviour[trace] = {{v1::TRIAL_STATUS_OK, 1}};
    }
  };
  options_.trials = 4;
  Tune();
  int comparisons = 0;
  for (const std::string& line : Lines()) {
    comparisons += absl::StrContains(line, "\"comparison\"") ? 1 : 0;
  }
  EXPECT_EQ(comparisons, 3);
  EXPECT_EQ(ReplayIt().difference, "");
  ExpectDifference(
      "comparison", [](Json& json) { json["again"] = false; },
      "the comparison is undecided, the journal ends with it");
}

TEST_F(JournalTest, SessionsThatResumeOrAreCutShortAreReplayed) {
  options_.trials = 6;
  EXPECT_EQ(Tune().stop, StopReason::kTrials);
  EXPECT_EQ(ReplayIt().difference, "");
  // Nothing to do, with an incumbent; then more trials beside it.
  EXPECT_EQ(Tune().resumed, 6);
  EXPECT_EQ(ReplayIt().difference, "");
  options_.trials = 12;
  EXPECT_EQ(Tune().resumed, 6);
  EXPECT_EQ(ReplayIt().difference, "");
  // Interrupted during the search, and during the promotion.
  for (const size_t measured : {3, 15}) {
    store_ = NewMemoryStore();
    device_.measured.clear();
    auto times = device_.on_measure;
    device_.on_measure = [this, times, measured](const std::string& trace) {
      times(trace);
      if (device_.measured.size() < measured) return;
      if (measured > 12) device_.hang = {trace};
      cancellation_->Request();
    };
    EXPECT_EQ(Tune().stop, StopReason::kCancelled);
    EXPECT_EQ(ReplayIt().difference, "");
    device_.on_measure = times;
    device_.hang.clear();
    cancellation_ = std::make_unique<Cancellation>();
  }
}

TEST_F(JournalTest, ATornLastLineIsIgnored) {
  Tune();
  std::vector<std::string> lines = Lines();
  lines.pop_back();
  Write(lines);
  std::ofstream(path_, std::ios::app) << R"({"event":"sugg)";
  auto torn = ReadJournal(path_);
  ASSERT_TRUE(torn.ok()) << torn.status();
  EXPECT_EQ(torn->result, "");
  EXPECT_EQ(ReplayIt().difference, "");
  // But only there.
  lines.insert(lines.begin() + 3, R"({"event":"sugg)");
  Write(lines);
  EXPECT_THAT(std::string(ReadJournal(path_).status().message()),
              HasSubstr(":4: not a line of a journal"));
}

TEST_F(JournalTest, WhatItDoesNotKnowIsRefused) {
  Tune();
  auto set = [](const char* name, Json value) {
    return [name, value](Json& json) { json[name] = value; };
  };
  ExpectRefused("begin", set("journal_version", 1), "format 1");
  ExpectRefused("begin", set("model", "no base64!"), "base64");
  for (const Json& threads : {Json(0), Json(-1), Json(1025), Json(1.5), Json("two")}) {
    ExpectRefused("begin", set("threads", threads), "'threads' is ");
  }
  ExpectRefused("begin", set("regime", "tepid"), "'tepid'");
  ExpectRefused("begin", set("accuracy", "sloppy"), "'sloppy'");
  ExpectRefused("begin", set("seed", -1), "seed");
  ExpectRefused(
      "begin", [](Json& json) { json.erase("target"); }, "target");
  ExpectRefused("trial", set("event", "miracle"), "an unknown event, 'miracle'");
  ExpectRefused("trial", set("event", "begin"), "an unknown event, 'begin'");
  ExpectRefused("trial", set("seconds", -1), "-1 is no time");
  ExpectRefused("suggest", set("wanted", "many"), "'wanted' is \"many\"");
  ExpectRefused(
      "suggest", [](Json& json) { json["candidates"][0].erase("decisions"); },
      "without decisions and without a trace");
  ExpectRefused(
      "update", [](Json& json) { json["outcomes"] = Json::array({Json::object()}); }, "candidate");
  ExpectRefused("update", set("outcomes", Json::object()), "'outcomes' is no list");
  ExpectRefused("stop", set("reason", "boredom"), "an unknown reason to stop, 'boredom'");
  ExpectRefused("finalists", set("built", Json({0, 99})), "no finalist 99");
  ExpectRefused("comparison", set("winner", 99), "'winner' is 99");
  ExpectRefused(
      "comparison", [](Json& json) { json["samples"][0].erase(0); }, "do not pair");
  ExpectRefused(
      "comparison", [](Json& json) { json["samples"][0][0] = 0; }, "0 is no time");
  ExpectRefused("end", set("result", "lost"), "an end without a result");
}

TEST_F(JournalTest, WhatIsOutOfOrderIsRefused) {
  Tune();
  const std::vector<std::string> whole = Lines();
  auto expect = [&](std::vector<std::string> lines, const std::string& what) {
    Write(lines);
    EXPECT_THAT(std::string(ReadJournal(path_).status().message()), HasSubstr(what));
    Write(whole);
  };
  std::vector<std::string> lines = whole;
  lines.push_back(whole[1]);
  expect(lines, "goes on after its end");
  lines = whole;
  std::erase_if(lines, [](const std::string& l) { return absl::StrContains(l, "\"stop\""); });
  expect(lines, "an end without a decision to stop");
  lines = whole;
  std::erase_if(lines, [](const std::string& l) { return absl::StrContains(l, "\"session\""); });
  expect(lines, "no session began before");
  lines = whole;
  lines.erase(lines.begin());
  expect(lines, ":1: a journal begins with its options");
  expect({}, "an empty journal");
}

TEST_F(JournalTest, IsNotWrittenOverAnother) {
  EXPECT_TRUE(absl::IsNotFound(ReadJournal(path_).status()));
  std::ofstream(path_) << "nonsense\n";
  EXPECT_TRUE(absl::IsInvalidArgument(ReadJournal(path_).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(JournalWriter::Create(path_, header_).status()));
}

}  // namespace
}  // namespace lathe
