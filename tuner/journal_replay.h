// The decisions of a journal once more, without a device.
#ifndef LATHE_TUNER_JOURNAL_REPLAY_H_
#define LATHE_TUNER_JOURNAL_REPLAY_H_

#include <cstdint>
#include <string>

#include "compiler/space/space.h"
#include "tuner/search.h"
#include "tuner/search_journal.h"

namespace lathe {

struct ReplayReport {
  int64_t suggested = 0;   // candidates that were compared
  int64_t decisions = 0;   // all that was: candidates, stops, finalists and winners
  int line = 0;            // of the journal, where the first difference is
  std::string difference;  // "candidate 12 is ..., the journal has ..."; "" for none
};

// Makes the decisions of the journal on `search`, a new one of the journal's options over
// `space`, up to the first that differs: what is suggested, when and why the search stops,
// which finalists are compared, and which wins by the recorded samples. What the clock or
// a person decided (budget, cancellation) is taken as it is, and so is what builds.
ReplayReport Replay(const Journal& journal, Search& search, const Space& space);

}  // namespace lathe

#endif  // LATHE_TUNER_JOURNAL_REPLAY_H_
