#include "tuner/search_journal.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

class JournalledSearch : public Search {
 public:
  JournalledSearch(std::unique_ptr<Search> search, JournalWriter* writer)
      : search_(std::move(search)), writer_(*writer) {}
  std::string name() const override { return search_->name(); }
  std::vector<Candidate> Suggest(int n) override {
    std::vector<Candidate> candidates = search_->Suggest(n);
    writer_.Add(SuggestEvent{n, candidates});
    return candidates;
  }
  void Update(absl::Span<const Outcome> outcomes) override {
    writer_.Add(UpdateEvent{{outcomes.begin(), outcomes.end()}});
    search_->Update(outcomes);
  }
  std::optional<double> ForecastGain(int trials) const override {
    return search_->ForecastGain(trials);
  }

 private:
  const std::unique_ptr<Search> search_;
  JournalWriter& writer_;
};

template <typename T>
bool Is(const JournalEvent& event) {
  return std::holds_alternative<T>(event);
}

// What may not come after what came before.
class Order {
 public:
  absl::Status Next(const JournalEvent& event) {
    if (ended_) return absl::InvalidArgumentError("the journal goes on after its end");
    const bool of_session = Is<TrialEvent>(event) || Is<StopEvent>(event) ||
                            Is<FinalistsEvent>(event) || Is<ComparisonEvent>(event);
    if (of_session && !began_) return absl::InvalidArgumentError("no session began before");
    if (Is<SessionEvent>(event) && std::exchange(began_, true)) {
      return absl::InvalidArgumentError("a second session in one journal");
    }
    if (stopped_ && (Is<SuggestEvent>(event) || Is<TrialEvent>(event))) {
      return absl::InvalidArgumentError("the search goes on after it stopped");
    }
    if (!stopped_ && (Is<FinalistsEvent>(event) || Is<EndEvent>(event))) {
      return absl::InvalidArgumentError("an end without a decision to stop");
    }
    if (Is<FinalistsEvent>(event) && std::exchange(has_finalists_, true)) {
      return absl::InvalidArgumentError("finalists are chosen twice");
    }
    if (Is<ComparisonEvent>(event) && !has_finalists_) {
      return absl::InvalidArgumentError("a comparison without finalists");
    }
    stopped_ = stopped_ || Is<StopEvent>(event);
    ended_ = Is<EndEvent>(event);
    return absl::OkStatus();
  }

 private:
  bool began_ = false, stopped_ = false, has_finalists_ = false, ended_ = false;
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
  writer->file_ << LineOf(header) << '\n' << std::flush;
  RETURN_IF_ERROR(writer->status());
  return writer;
}

void JournalWriter::Add(const JournalEvent& event) { file_ << LineOf(event) << '\n' << std::flush; }

absl::Status JournalWriter::status() const {
  if (file_.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write the journal ", path_));
}

std::unique_ptr<Search> NewJournalledSearch(std::unique_ptr<Search> search, JournalWriter* writer) {
  return std::make_unique<JournalledSearch>(std::move(search), writer);
}

ComparisonEvent EventOf(const Comparison& comparison) {
  ComparisonEvent event{comparison.times.rounds, comparison.times.samples, std::nullopt,
                        comparison.again};
  if (comparison.winner < event.samples.size()) event.winner = comparison.winner;
  return event;
}

absl::StatusOr<Journal> ReadJournal(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the journal ", path));
  Journal journal;
  Order order;
  std::string line;
  int number = 0;
  while (std::getline(file, line)) {
    const bool torn = file.eof();
    ++number;
    absl::Status status = absl::OkStatus();
    if (number == 1) {
      absl::StatusOr<JournalHeader> header = ParseJournalHeader(line);
      status = header.status();
      if (header.ok()) journal.header = *std::move(header);
    } else {
      absl::StatusOr<JournalEvent> event = ParseJournalEvent(line);
      status = event.ok() ? order.Next(*event) : event.status();
      if (absl::IsDataLoss(status) && torn) break;
      if (status.ok() && Is<EndEvent>(*event)) journal.result = std::get<EndEvent>(*event).result;
      if (status.ok()) journal.entries.push_back({number, *std::move(event)});
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", status.message()));
    }
  }
  if (number == 0) return absl::InvalidArgumentError(absl::StrCat(path, ": an empty journal"));
  return journal;
}

}  // namespace lathe
