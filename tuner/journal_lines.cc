#include "tuner/journal_lines.h"

#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "database/store.h"
#include "nlohmann/json.hpp"

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kJournalVersion = 2;
constexpr int64_t kMostThreads = 1024;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

absl::Status Malformed(const std::string& why) { return absl::InvalidArgumentError(why); }

// --- Writing.

Json ToJson(const Candidate& candidate) {
  Json json;
  if (!candidate.decisions.empty()) json["decisions"] = candidate.decisions;
  // Decisions of a sketch say it all; those of an earlier run may be of another space.
  if (candidate.decisions.empty() || candidate.sketch < 0) json["trace"] = ToText(candidate.trace);
  json["origin"] = candidate.origin;
  if (candidate.repeat) json["repeat"] = true;
  return json;
}

Json ToJson(const SuggestEvent& event) {
  Json json = {{"event", "suggest"}, {"wanted", event.wanted}, {"candidates", Json::array()}};
  for (const Candidate& candidate : event.candidates) {
    json["candidates"].push_back(ToJson(candidate));
  }
  return json;
}

Json ToJson(const UpdateEvent& event) {
  Json json = {{"event", "update"}, {"outcomes", Json::array()}};
  for (const Outcome& outcome : event.outcomes) {
    Json entry = ToJson(outcome.candidate);
    entry["ok"] = outcome.ok;
    entry["seconds"] = outcome.seconds;
    entry["ci_low"] = outcome.ci_low;
    entry["ci_high"] = outcome.ci_high;
    json["outcomes"].push_back(std::move(entry));
  }
  return json;
}

Json ToJson(const SessionEvent& event) {
  return {{"event", "session"},
          {"trials", event.trials},
          {"resumed", event.resumed},
          {"auto_stop", event.auto_stop.enabled},
          {"least_gain", event.auto_stop.least_gain},
          {"horizon", event.auto_stop.horizon},
          {"min_trials", event.auto_stop.min_trials},
          {"default_trace", event.default_trace},
          {"finalists", event.finalists},
          {"blocks", event.blocks}};
}

Json ToJson(const TrialEvent& event) {
  return {{"event", "trial"},
          {"seconds", std::isinf(event.seconds) ? Json() : Json(event.seconds)}};
}

Json ToJson(const StopEvent& event) {
  return {{"event", "stop"}, {"reason", std::string(Name(event.reason))}, {"trials", event.trials}};
}

Json ToJson(const FinalistsEvent& event) {
  return {{"event", "finalists"},
          {"incumbent", event.incumbent ? Json(*event.incumbent) : Json()},
          {"finalists", event.finalists},
          {"built", event.built}};
}

Json ToJson(const ComparisonEvent& event) {
  return {{"event", "comparison"},
          {"rounds", event.rounds},
          {"samples", event.samples},
          {"winner", event.winner ? Json(*event.winner) : Json()},
          {"again", event.again}};
}

Json ToJson(const EndEvent& event) {
  return {{"event", "end"}, {"result", Json::parse(event.result, nullptr, false)}};
}

// --- Reading. Members that lack or have another type are exceptions of Json's.

absl::StatusOr<int64_t> Integer(const Json& json, const char* name, int64_t least,
                                int64_t most = kMost) {
  const Json& value = json.at(name);
  if (!value.is_number_integer() || value.get<int64_t>() < least || value.get<int64_t>() > most) {
    return Malformed(absl::StrCat("'", name, "' is ", value.dump(), ", not a number of ", least,
                                  " or more", most == kMost ? "" : absl::StrCat(", to ", most)));
  }
  return value.get<int64_t>();
}

absl::StatusOr<double> Seconds(const Json& value, bool may_be_zero) {
  if (value.is_number() && (value > 0 || (may_be_zero && value == 0))) return value.get<double>();
  return Malformed(absl::StrCat(value.dump(), " is no time in seconds"));
}

absl::StatusOr<const Json*> ListAt(const Json& json, const char* name) {
  const Json& list = json.at(name);
  if (list.is_array()) return &list;
  return Malformed(absl::StrCat("'", name, "' is no list"));
}

absl::StatusOr<Candidate> CandidateFrom(const Json& json) {
  Candidate candidate;
  candidate.decisions = json.value("decisions", "");
  if (json.contains("trace")) {
    ASSIGN_OR_RETURN(candidate.trace, ParseTrace(json.at("trace").get<std::string>(), "trace"));
  } else if (candidate.decisions.empty()) {
    return Malformed("a candidate without decisions and without a trace");
  }
  candidate.origin = json.at("origin");
  candidate.repeat = json.value("repeat", false);
  return candidate;
}

absl::StatusOr<JournalEvent> SuggestFrom(const Json& json) {
  SuggestEvent event;
  ASSIGN_OR_RETURN(int64_t wanted, Integer(json, "wanted", 1, 1'000'000));
  event.wanted = static_cast<int>(wanted);
  ASSIGN_OR_RETURN(const Json* candidates, ListAt(json, "candidates"));
  for (const Json& candidate : *candidates) {
    ASSIGN_OR_RETURN(event.candidates.emplace_back(), CandidateFrom(candidate));
  }
  return event;
}

absl::StatusOr<JournalEvent> UpdateFrom(const Json& json) {
  UpdateEvent event;
  ASSIGN_OR_RETURN(const Json* outcomes, ListAt(json, "outcomes"));
  for (const Json& entry : *outcomes) {
    Outcome& outcome = event.outcomes.emplace_back();
    ASSIGN_OR_RETURN(outcome.candidate, CandidateFrom(entry));
    outcome.ok = entry.at("ok");
    ASSIGN_OR_RETURN(outcome.seconds, Seconds(entry.at("seconds"), !outcome.ok));
    ASSIGN_OR_RETURN(outcome.ci_low, Seconds(entry.at("ci_low"), true));
    ASSIGN_OR_RETURN(outcome.ci_high, Seconds(entry.at("ci_high"), true));
  }
  return event;
}

absl::StatusOr<JournalEvent> SessionFrom(const Json& json) {
  SessionEvent event;
  ASSIGN_OR_RETURN(event.trials, Integer(json, "trials", 0));
  ASSIGN_OR_RETURN(event.resumed, Integer(json, "resumed", 0));
  event.auto_stop.enabled = json.at("auto_stop");
  event.auto_stop.least_gain = json.at("least_gain");
  ASSIGN_OR_RETURN(int64_t horizon, Integer(json, "horizon", 1, 1'000'000));
  event.auto_stop.horizon = static_cast<int>(horizon);
  ASSIGN_OR_RETURN(event.auto_stop.min_trials, Integer(json, "min_trials", 0));
  event.default_trace = json.at("default_trace");
  ASSIGN_OR_RETURN(int64_t finalists, Integer(json, "finalists", 0, 1'000'000));
  event.finalists = static_cast<int>(finalists);
  ASSIGN_OR_RETURN(int64_t blocks, Integer(json, "blocks", 0, 1'000'000));
  event.blocks = static_cast<int>(blocks);
  return event;
}

absl::StatusOr<JournalEvent> TrialFrom(const Json& json) {
  TrialEvent event{std::numeric_limits<double>::infinity()};
  const Json& seconds = json.at("seconds");
  if (!seconds.is_null()) {
    ASSIGN_OR_RETURN(event.seconds, Seconds(seconds, /*may_be_zero=*/false));
  }
  return event;
}

absl::StatusOr<JournalEvent> StopFrom(const Json& json) {
  StopEvent event;
  const std::string name = json.at("reason");
  const std::optional<StopReason> reason = StopReasonFromName(name);
  if (!reason) return Malformed(absl::StrCat("an unknown reason to stop, '", name, "'"));
  event.reason = *reason;
  ASSIGN_OR_RETURN(event.trials, Integer(json, "trials", 0));
  return event;
}

absl::StatusOr<JournalEvent> FinalistsFrom(const Json& json) {
  FinalistsEvent event;
  const Json& incumbent = json.at("incumbent");
  if (!incumbent.is_null()) event.incumbent = incumbent.get<std::string>();
  event.finalists = json.at("finalists").get<std::vector<std::string>>();
  for (const Json& built : json.at("built")) {
    if (!built.is_number_unsigned() || built >= event.finalists.size()) {
      return Malformed(absl::StrCat("there is no finalist ", built.dump()));
    }
    event.built.push_back(built.get<size_t>());
  }
  return event;
}

absl::StatusOr<JournalEvent> ComparisonFrom(const Json& json) {
  ComparisonEvent event;
  ASSIGN_OR_RETURN(int64_t rounds, Integer(json, "rounds", 1));
  event.rounds = static_cast<size_t>(rounds);
  size_t whole = 0;
  for (const Json& list : json.at("samples")) {
    std::vector<double>& samples = event.samples.emplace_back();
    for (const Json& sample : list) {
      ASSIGN_OR_RETURN(samples.emplace_back(), Seconds(sample, /*may_be_zero=*/false));
    }
    if (samples.empty()) continue;
    if (whole == 0) whole = samples.size();
    if (samples.size() != whole || whole % event.rounds != 0) {
      return Malformed("samples that do not pair");
    }
  }
  if (event.samples.empty()) return Malformed("a comparison of nothing");
  if (!json.at("winner").is_null()) {
    const auto last = static_cast<int64_t>(event.samples.size()) - 1;
    ASSIGN_OR_RETURN(int64_t winner, Integer(json, "winner", 0, last));
    event.winner = static_cast<size_t>(winner);
  }
  event.again = json.at("again");
  return event;
}

absl::StatusOr<JournalEvent> EndFrom(const Json& json) {
  if (!json.at("result").is_object()) return Malformed("an end without a result");
  return EndEvent{json.at("result").dump()};
}

struct EventKind {
  std::string_view name;
  absl::StatusOr<JournalEvent> (*parse)(const Json& json);
};
constexpr EventKind kEvents[] = {{"suggest", SuggestFrom}, {"update", UpdateFrom},
                                 {"session", SessionFrom}, {"trial", TrialFrom},
                                 {"stop", StopFrom},       {"finalists", FinalistsFrom},
                                 {"end", EndFrom},         {"comparison", ComparisonFrom}};

absl::StatusOr<Json> Parse(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (json.is_object()) return json;
  return absl::DataLossError("not a line of a journal");
}

absl::StatusOr<JournalHeader> HeaderFrom(const Json& json) {
  if (json.at("event") != "begin") return Malformed("a journal begins with its options");
  if (json.at("journal_version") != kJournalVersion) {
    return Malformed(absl::StrCat("a journal of format ", json.at("journal_version").dump(),
                                  "; this lathe reads ", kJournalVersion));
  }
  JournalHeader header;
  header.lathe_version = json.at("lathe_version");
  header.function = json.at("function");
  header.target = json.at("target");
  ASSIGN_OR_RETURN(int64_t threads, Integer(json, "threads", 1, kMostThreads));
  header.threads = static_cast<int>(threads);
  header.regime = json.at("regime");
  header.accuracy = json.at("accuracy");
  if (!RegimeFromName(header.regime)) {
    return Malformed(absl::StrCat("an unknown regime, '", header.regime, "'"));
  }
  if (!AccuracyFromName(header.accuracy)) {
    return Malformed(absl::StrCat("an unknown accuracy, '", header.accuracy, "'"));
  }
  header.search = json.at("search");
  if (!json.at("seed").is_number_unsigned()) return Malformed("a seed that is no whole number");
  header.seed = json.at("seed");
  header.space_digest = json.at("space_digest");
  header.transferred = json.at("transferred").get<std::vector<std::string>>();
  if (!absl::Base64Unescape(json.at("model").get<std::string>(), &header.model)) {
    return Malformed("the cost model is no base64");
  }
  header.options = json.at("options").dump();
  return header;
}

absl::StatusOr<JournalEvent> EventFrom(const Json& json) {
  const std::string name = json.at("event");
  for (const EventKind& kind : kEvents) {
    if (kind.name == name) return kind.parse(json);
  }
  return Malformed(absl::StrCat("an unknown event, '", name, "'"));
}

// What `from` reads of a line.
template <typename T>
absl::StatusOr<T> ParseLine(const std::string& line, absl::StatusOr<T> (*from)(const Json&)) {
  ASSIGN_OR_RETURN(Json json, Parse(line));
  try {
    return from(json);
  } catch (const Json::exception& error) {
    return Malformed(absl::StrCat("damaged: ", error.what()));
  }
}

}  // namespace

std::string LineOf(const JournalHeader& header) {
  const Json options = Json::parse(header.options, nullptr, false);
  const Json json = {{"event", "begin"},
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
  return json.dump();
}

std::string LineOf(const JournalEvent& event) {
  return std::visit([](const auto& one) { return ToJson(one); }, event).dump();
}

absl::StatusOr<JournalHeader> ParseJournalHeader(const std::string& line) {
  return ParseLine<JournalHeader>(line, HeaderFrom);
}

absl::StatusOr<JournalEvent> ParseJournalEvent(const std::string& line) {
  return ParseLine<JournalEvent>(line, EventFrom);
}

}  // namespace lathe
