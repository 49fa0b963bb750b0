#include "tuner/search_journal.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kJournalVersion = 1;

Json ToJson(const JournalHeader& header) {
  Json options = Json::parse(header.options, nullptr, false);
  return {{"event", "begin"},
          {"journal_version", kJournalVersion},
          {"lathe_version", header.lathe_version},
          {"function", header.function},
          {"target", header.target},
          {"threads", header.threads},
          {"regime", header.regime},
          {"accuracy", header.accuracy},
          {"search", header.search},
          {"seed", header.seed},
          {"space_digest", header.space_digest},
          {"transferred", header.transferred},
          {"model", absl::Base64Escape(header.model)},
          {"options", options.is_discarded() ? Json() : options}};
}

JournalHeader HeaderFrom(const Json& json) {
  JournalHeader header;
  header.lathe_version = json.at("lathe_version");
  header.function = json.at("function");
  header.target = json.at("target");
  header.threads = json.at("threads");
  header.regime = json.at("regime");
  header.accuracy = json.at("accuracy");
  header.search = json.at("search");
  header.seed = json.at("seed");
  header.space_digest = json.at("space_digest");
  header.transferred = json.at("transferred").get<std::vector<std::string>>();
  absl::Base64Unescape(json.at("model").get<std::string>(), &header.model);
  header.options = json.at("options").dump();
  return header;
}

Json ToJson(const Candidate& candidate) {
  Json json;
  if (candidate.decisions.empty()) {
    json["trace"] = ToText(candidate.trace);
  } else {
    json["decisions"] = candidate.decisions;
  }
  json["origin"] = candidate.origin;
  if (candidate.repeat) json["repeat"] = true;
  return json;
}

Candidate CandidateFrom(const Json& json) {
  Candidate candidate;
  candidate.decisions = json.value("decisions", "");
  if (json.contains("trace")) {
    absl::StatusOr<Trace> trace = ParseTrace(json.at("trace").get<std::string>(), "the journal");
    if (trace.ok()) candidate.trace = *std::move(trace);
  }
  candidate.origin = json.value("origin", "");
  candidate.repeat = json.value("repeat", false);
  return candidate;
}

JournalEvent EventFrom(const Json& json) {
  JournalEvent event;
  event.is_suggestion = json.at("event") == "suggest";
  if (event.is_suggestion) {
    event.wanted = json.at("wanted");
    for (const Json& candidate : json.at("candidates")) {
      event.suggested.push_back(CandidateFrom(candidate));
    }
    return event;
  }
  for (const Json& outcome : json.at("outcomes")) {
    event.outcomes.push_back({CandidateFrom(outcome), outcome.at("ok"), outcome.at("seconds"),
                              outcome.at("ci_low"), outcome.at("ci_high")});
  }
  return event;
}

std::string Describe(const Candidate* candidate) {
  if (candidate == nullptr) return "none";
  std::string text = candidate->decisions.empty() ? "a trace" : candidate->decisions;
  return candidate->repeat ? text + " again" : text;
}

class JournalledSearch : public Search {
 public:
  JournalledSearch(std::unique_ptr<Search> search, JournalWriter* writer)
      : search_(std::move(search)), writer_(*writer) {}
  std::string name() const override { return search_->name(); }
  std::vector<Candidate> Suggest(int n) override {
    std::vector<Candidate> candidates = search_->Suggest(n);
    writer_.Suggested(n, candidates);
    return candidates;
  }
  void Update(absl::Span<const Outcome> outcomes) override {
    writer_.Learned(outcomes);
    search_->Update(outcomes);
  }
  std::optional<double> ForecastGain(int trials) const override {
    return search_->ForecastGain(trials);
  }

 private:
  const std::unique_ptr<Search> search_;
  JournalWriter& writer_;
};

}  // namespace

std::string SpaceDigest(const Space& space) {
  std::string text;
  for (const auto& sketch : space) {
    absl::StrAppend(&text, std::string(sketch->name()), "\n");
    for (const Knob& knob : sketch->knobs()) {
      absl::StrAppend(&text, " ", knob.name);
      for (int64_t value : knob.domain) absl::StrAppend(&text, " ", value);
      absl::StrAppend(&text, "\n");
    }
  }
  return Sha256Hex(text);
}

JournalWriter::JournalWriter(std::string path)
    : path_(std::move(path)), file_(path_, std::ios::app | std::ios::binary) {}

absl::StatusOr<std::unique_ptr<JournalWriter>> JournalWriter::Create(const std::string& path,
                                                                     const JournalHeader& header) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat("journal ", path, " exists; name another file, or remove it"));
  }
  auto writer = std::unique_ptr<JournalWriter>(new JournalWriter(path));
  writer->Write(ToJson(header).dump());
  RETURN_IF_ERROR(writer->status());
  return writer;
}

void JournalWriter::Write(const std::string& line) { file_ << line << '\n' << std::flush; }

void JournalWriter::Suggested(int wanted, absl::Span<const Candidate> candidates) {
  Json json = {{"event", "suggest"}, {"wanted", wanted}, {"candidates", Json::array()}};
  for (const Candidate& candidate : candidates) json["candidates"].push_back(ToJson(candidate));
  Write(json.dump());
}

void JournalWriter::Learned(absl::Span<const Outcome> outcomes) {
  Json json = {{"event", "update"}, {"outcomes", Json::array()}};
  for (const Outcome& outcome : outcomes) {
    Json entry = ToJson(outcome.candidate);
    entry["ok"] = outcome.ok;
    entry["seconds"] = outcome.seconds;
    entry["ci_low"] = outcome.ci_low;
    entry["ci_high"] = outcome.ci_high;
    json["outcomes"].push_back(std::move(entry));
  }
  Write(json.dump());
}

void JournalWriter::Ended(std::string_view result) {
  Json json = {{"event", "end"}, {"result", Json::parse(result, nullptr, false)}};
  Write(json.dump());
}

absl::Status JournalWriter::status() const {
  if (file_.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write the journal ", path_));
}

std::unique_ptr<Search> NewJournalledSearch(std::unique_ptr<Search> search, JournalWriter* writer) {
  return std::make_unique<JournalledSearch>(std::move(search), writer);
}

absl::StatusOr<Journal> ReadJournal(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the journal ", path));
  Journal journal;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    // What a killed process leaves: a line without its end.
    const bool torn = file.eof();
    auto malformed = [&](const char* why) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", why));
    };
    try {
      Json json = Json::parse(line);
      const bool begins = json.at("event") == "begin";
      if ((number == 1) != begins) return malformed("a journal begins with its options, once");
      if (begins) {
        if (json.at("journal_version") != kJournalVersion) {
          return malformed("a journal of another version of lathe");
        }
        journal.header = HeaderFrom(json);
      } else if (json.at("event") == "end") {
        journal.result = json.at("result").dump();
      } else {
        journal.events.push_back(EventFrom(json));
      }
    } catch (const Json::exception&) {
      if (torn && number > 1) break;
      return malformed("not a line of a journal");
    }
  }
  if (journal.header.search.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": an empty journal"));
  }
  return journal;
}

ReplayReport Replay(const Journal& journal, Search& search) {
  ReplayReport report;
  for (const JournalEvent& event : journal.events) {
    if (!event.is_suggestion) {
      search.Update(event.outcomes);
      continue;
    }
    std::vector<Candidate> candidates = search.Suggest(event.wanted);
    for (size_t i = 0; i < std::max(candidates.size(), event.suggested.size()); ++i) {
      ++report.suggested;
      const Candidate* now = i < candidates.size() ? &candidates[i] : nullptr;
      const Candidate* then = i < event.suggested.size() ? &event.suggested[i] : nullptr;
      if (Describe(now) == Describe(then)) continue;
      if (++report.differing > 1) continue;
      report.first_difference = absl::StrCat("suggestion ", report.suggested, " is ", Describe(now),
                                             ", the journal has ", Describe(then));
    }
  }
  return report;
}

}  // namespace lathe
