// The journal of a tuning run: what was decided and what it rested on, line by line, so
// that the same decisions can be made again without a device.
#ifndef LATHE_TUNER_SEARCH_JOURNAL_H_
#define LATHE_TUNER_SEARCH_JOURNAL_H_

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/space/space.h"
#include "tuner/journal_lines.h"
#include "tuner/promotion.h"
#include "tuner/search.h"

namespace lathe {

// SHA-256 of the names of all sketches, knobs and values.
std::string SpaceDigest(const Space& space);

// Appends and flushes line by line. Not thread-safe.
class JournalWriter {
 public:
  // Creates the file; AlreadyExists rather than mixing two runs in one.
  static absl::StatusOr<std::unique_ptr<JournalWriter>> Create(const std::string& path,
                                                               const JournalHeader& header);
  void Add(const JournalEvent& event);
  absl::Status status() const;  // Unavailable once a line could not be written

 private:
  explicit JournalWriter(std::string path);

  const std::string path_;
  std::ofstream file_;
};

// `search`, with its calls written to `writer`, which must outlive it.
std::unique_ptr<Search> NewJournalledSearch(std::unique_ptr<Search> search, JournalWriter* writer);

ComparisonEvent EventOf(const Comparison& comparison);

struct JournalEntry {
  int line = 0;
  JournalEvent event;
};
struct Journal {
  JournalHeader header;
  std::vector<JournalEntry> entries;
  std::string result;  // JSON of the EndEvent; "" for a run that was killed
};
// A last line without its end is ignored, as a process that is killed leaves it. NotFound, or
// InvalidArgument naming the line: nothing unknown, incomplete or out of order is read.
absl::StatusOr<Journal> ReadJournal(const std::string& path);

}  // namespace lathe

#endif  // LATHE_TUNER_SEARCH_JOURNAL_H_
