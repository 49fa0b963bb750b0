// The journal of a tuning run: what a search decided and what it was told, as JSON
// lines, so that the same decisions can be made again without a device.
#ifndef LATHE_TUNER_SEARCH_JOURNAL_H_
#define LATHE_TUNER_SEARCH_JOURNAL_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/space/space.h"
#include "tuner/search.h"

namespace lathe {

// All that decisions depend on, besides the outcomes.
struct JournalHeader {
  std::string lathe_version;
  std::string function;  // text
  std::string target;    // ToText(Target)
  int threads = 1;
  std::string regime, accuracy;
  std::string search;  // "model", "evolution", "random"
  uint64_t seed = 1;
  std::string space_digest;  // SpaceDigest
  std::vector<std::string> transferred;
  std::string model;    // bytes of the cost model it began with; "" without one
  std::string options;  // JSON of everything else, for people
};

// SHA-256 of the names of all sketches, knobs and values.
std::string SpaceDigest(const Space& space);

// Appends and flushes line by line. Not thread-safe.
class JournalWriter {
 public:
  // Creates the file; AlreadyExists rather than mixing two runs in one.
  static absl::StatusOr<std::unique_ptr<JournalWriter>> Create(const std::string& path,
                                                               const JournalHeader& header);
  void Suggested(int wanted, absl::Span<const Candidate> candidates);
  void Learned(absl::Span<const Outcome> outcomes);
  // `result` is a JSON object, kept as it is.
  void Ended(std::string_view result);
  absl::Status status() const;  // Unavailable once a line could not be written

 private:
  explicit JournalWriter(std::string path);
  void Write(const std::string& line);

  const std::string path_;
  std::ofstream file_;
};

// `search`, with its calls written to `writer`, which must outlive it.
std::unique_ptr<Search> NewJournalledSearch(std::unique_ptr<Search> search, JournalWriter* writer);

struct JournalEvent {
  bool is_suggestion = false;
  int wanted = 0;
  std::vector<Candidate> suggested;  // without settings; traces of those without decisions
  std::vector<Outcome> outcomes;     // the same
};
struct Journal {
  JournalHeader header;
  std::vector<JournalEvent> events;
  std::string result;  // JSON as given to Ended; "" for a run that was killed
};
// A torn last line is ignored. NotFound, or InvalidArgument naming the line.
absl::StatusOr<Journal> ReadJournal(const std::string& path);

struct ReplayReport {
  int64_t suggested = 0, differing = 0;
  std::string first_difference;  // "suggestion 12 is ..., the journal has ..."
};
// Makes the calls of the journal on `search`, a new one of the journal's options,
// and compares what it suggests.
ReplayReport Replay(const Journal& journal, Search& search);

}  // namespace lathe

#endif  // LATHE_TUNER_SEARCH_JOURNAL_H_
