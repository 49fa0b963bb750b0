// A builder and a device that do what a test says, and remember what they were
// asked.
#ifndef LATHE_TESTS_TUNER_FAKE_SERVICES_H_
#define LATHE_TESTS_TUNER_FAKE_SERVICES_H_

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tuner/builder.h"
#include "tuner/measure_service.h"
#include "tuner/problem.h"
#include "tuner/search.h"

namespace lathe {

// A small matrix product for a plain x86-64 target.
Problem FakeProblem();

// A trace that nothing replays; its text is ToText of it.
Trace FakeTrace(int number);
std::string FakeTraceText(int number);

// Metadata as codegen writes it.
std::string FakeMetadata();

// Suggests FakeTrace(first) to FakeTrace(last) in order, then nothing.
class FakeSearch : public Search {
 public:
  FakeSearch(int first, int last) : next_(first), last_(last) {}
  std::string name() const override { return "fake seed=1"; }
  std::vector<Candidate> Suggest(int n) override;
  void Update(absl::Span<const Outcome> outcomes) override;

  std::vector<Outcome> updates;

 private:
  int next_;
  const int last_;
};

// Builds at once, on the caller's thread: the artifact's bytes are the trace,
// and so is what the program's hash is made of, unless `programs` says otherwise.
class FakeBuilder : public Builder {
 public:
  void Submit(v1::BuildRequest request, BuildCallback done) override;
  int parallelism() const override { return parallel; }

  int parallel = 1;
  std::map<std::string, v1::BuildStatus> failures;  // by trace text
  std::map<std::string, std::string> programs;      // by trace text: same name, same program
  v1::BuildStatus reference_status = v1::BUILD_STATUS_OK;
  std::function<void(const std::string& trace)> on_build;  // first of all
  bool hang = false;                                       // never done, until destroyed
  std::vector<std::string> built;                          // trace texts, without the reference
  int references_built = 0;

 private:
  std::vector<BuildCallback> hanging_;
};

// What measuring an artifact leads to.
struct FakeBehaviour {
  v1::TrialStatus status = v1::TRIAL_STATUS_OK;
  double seconds = 1;
  double spread = 0.01;  // relative half-width of the interval
  // What `seconds` is multiplied with in the blocks of a paired lease, again and again.
  std::vector<double> blocks = {1};
};

// Measures at once, on the caller's thread. Reference samples are interpreted.
class FakeDevice : public MeasureService {
 public:
  absl::StatusOr<v1::Device> AwaitDevice(absl::Time deadline) override;
  void Measure(MeasureJob job, MeasureCallback done) override;
  void Cancel(const std::string& trial_id) override;

  // By artifact bytes (trace text); the n-th measurement of one takes the n-th
  // entry, and the last one again and again.
  std::map<std::string, std::vector<FakeBehaviour>> behaviour;
  FakeBehaviour otherwise;
  absl::Status device_status;  // of AwaitDevice
  absl::Status broken;         // of every measurement once `break_after` were made
  int break_after = -1;        // never
  bool wrong_reference = false;
  std::set<std::string> hang;  // traces that are measured until they are cancelled
  std::function<void(const std::string& trace)> on_measure;
  std::vector<std::string> measured;  // trace texts
  std::vector<v1::Lease> leases;

 private:
  v1::MeasureResult ResultOf(const MeasureJob& job, const std::string& trace);
  v1::MeasureResult PairedResultOf(const MeasureJob& job);

  std::map<std::string, int> times_;
  std::map<std::string, MeasureCallback> hanging_;  // by trial id
};

}  // namespace lathe

#endif  // LATHE_TESTS_TUNER_FAKE_SERVICES_H_
