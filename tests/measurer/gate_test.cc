// The correctness gate, tested with the real daemon and runner on wrong kernels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/measurer/test_hub.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

struct Wrong {
  const char* kernel;
  v1::TrialStatus status;
  const char* message;  // part of the error
  double timeout = 60;
};

std::ostream& operator<<(std::ostream& out, const Wrong& wrong) { return out << wrong.kernel; }

// One daemon for all: each wrong kernel must leave it fit for the next one.
class Gate : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    hub_ = new TestHub;
    measurer_ = new MeasurerProcess(hub_->address(), hub_->directory(), {"--once"});
    hub_->AwaitHello();
  }
  static void TearDownTestSuite() {
    delete measurer_;
    delete hub_;
  }
  static v1::MeasureResult Measure(const std::string& kernel, double timeout = 60) {
    v1::Lease lease = NewLease(kernel);
    lease.set_timeout_seconds(timeout);
    return hub_->Measure(lease);
  }
  static v1::Lease NewLease(const std::string& kernel) {
    return MatmulLease(kernel + std::to_string(++leases_), hub_->AddKernel(kernel),
                       hub_->AddKernel("reference"));
  }

  static TestHub* hub_;
  static MeasurerProcess* measurer_;
  static int leases_;
};
TestHub* Gate::hub_ = nullptr;
MeasurerProcess* Gate::measurer_ = nullptr;
int Gate::leases_ = 0;

class GateRefuses : public Gate, public ::testing::WithParamInterface<Wrong> {};

TEST_P(GateRefuses, AndServesTheNext) {
  const Wrong& wrong = GetParam();
  v1::MeasureResult result = Measure(wrong.kernel, wrong.timeout);
  EXPECT_EQ(result.status(), wrong.status) << result.ShortDebugString();
  EXPECT_THAT(result.error(), HasSubstr(wrong.message));
  EXPECT_EQ(result.timing().samples_seconds_size(), 0) << "a wrong kernel is not timed";
  v1::MeasureResult good = Measure("good");
  EXPECT_EQ(good.status(), v1::TRIAL_STATUS_OK) << good.error();
}

INSTANTIATE_TEST_SUITE_P(
    Mutants, GateRefuses,
    ::testing::Values(
        Wrong{"tail", v1::TRIAL_STATUS_WRONG_OUTPUT, "y[6, 0] is -nan, expected"},
        Wrong{"uninitialised", v1::TRIAL_STATUS_WRONG_OUTPUT, "(63 of 63 elements differ)"},
        Wrong{"past_end", v1::TRIAL_STATUS_CRASH, "access past the end of 'y', at byte 252 of 252"},
        Wrong{"before", v1::TRIAL_STATUS_WRONG_OUTPUT, "writes before the start of 'y'"},
        Wrong{"swapped", v1::TRIAL_STATUS_WRONG_OUTPUT, "expected"},
        Wrong{"input", v1::TRIAL_STATUS_WRONG_OUTPUT, "modifies its input 'x', first at [1, 2]"},
        Wrong{"race", v1::TRIAL_STATUS_WRONG_OUTPUT, "race: two iterations of a parallel loop"},
        Wrong{"error", v1::TRIAL_STATUS_KERNEL_ERROR, "the kernel returned 4"},
        Wrong{"feature", v1::TRIAL_STATUS_REFUSED, "lacks a required feature"},
        Wrong{"library", v1::TRIAL_STATUS_REFUSED, "it calls cblas_sgemm, which no library named"},
        Wrong{"workspace", v1::TRIAL_STATUS_KERNEL_ERROR, "asking for 1048576 bytes of workspace"},
        Wrong{"loop", v1::TRIAL_STATUS_TIMEOUT, "while checking", 2},
        Wrong{"crash", v1::TRIAL_STATUS_CRASH, "signal 11 (Segmentation fault) while checking"},
        Wrong{"illegal", v1::TRIAL_STATUS_CRASH, "instruction refused by this CPU, bytes 0f 0b"},
        Wrong{"syscall", v1::TRIAL_STATUS_CRASH, "forbidden system call"}),
    [](const auto& info) { return info.param.kernel; });

// The lease of a kernel that packs w, which only lathe_prepare may read.
v1::Lease WithPrepare(v1::Lease lease) {
  v1::Prepare* prepare = lease.mutable_prepare();
  v1::ArgumentSpec* packed = prepare->add_packed();
  packed->set_name("p");
  packed->set_type("f32");
  packed->add_shape(9);
  packed->add_shape(5);
  prepare->add_reads(1);
  prepare->add_replaces(1);
  return lease;
}

class PackedGateRefuses : public Gate, public ::testing::WithParamInterface<Wrong> {};

TEST_P(PackedGateRefuses, AndSaysWhere) {
  v1::Lease lease = WithPrepare(NewLease(GetParam().kernel));
  lease.set_timeout_seconds(GetParam().timeout);
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), GetParam().status) << result.ShortDebugString();
  EXPECT_THAT(result.error(), HasSubstr(GetParam().message));
  EXPECT_EQ(result.timing().samples_seconds_size(), 0) << "a wrong kernel is not timed";
}

INSTANTIATE_TEST_SUITE_P(
    Mutants, PackedGateRefuses,
    ::testing::Values(
        Wrong{"prepare_error", v1::TRIAL_STATUS_KERNEL_ERROR, "in prepare: the kernel returned 4"},
        Wrong{"prepare_race", v1::TRIAL_STATUS_WRONG_OUTPUT,
              "in prepare: race: two iterations of a parallel loop write p[1, 0]"},
        Wrong{"prepare_past_end", v1::TRIAL_STATUS_CRASH,
              "while in prepare: access past the end of 'p', at byte 720 of 180"},
        Wrong{"prepare_reads_input", v1::TRIAL_STATUS_CRASH,
              "signal 11 (Segmentation fault) while "
              "in prepare"},
        Wrong{"prepare_input", v1::TRIAL_STATUS_WRONG_OUTPUT,
              "in prepare: modifies its input 'w', first at [0, 3]"},
        Wrong{"prepare_workspace", v1::TRIAL_STATUS_KERNEL_ERROR,
              "in prepare: the kernel returned 1 after asking for 64 bytes of workspace"},
        Wrong{"prepare_loop", v1::TRIAL_STATUS_TIMEOUT, "while in prepare", 2},
        Wrong{"prepare_tail", v1::TRIAL_STATUS_WRONG_OUTPUT, "y[0, 8] is"},
        Wrong{"reads_replaced", v1::TRIAL_STATUS_CRASH, "while checking"},
        Wrong{"writes_packed", v1::TRIAL_STATUS_WRONG_OUTPUT,
              "modifies its packed argument 'p', first at [1, 2]"}),
    [](const auto& info) { return info.param.kernel; });

TEST_F(Gate, PackedKernelsArePreparedAndTimed) {
  v1::MeasureResult result = hub_->Measure(WithPrepare(NewLease("packed")));
  ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  EXPECT_GE(result.timing().samples_seconds_size(), 3);
}

TEST_F(Gate, LeaseAndKernelAgreeOnPreparing) {
  v1::MeasureResult result = Measure("packed");
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFUSED);
  EXPECT_THAT(result.error(), HasSubstr("exports lathe_prepare, but the lease names nothing"));
  result = hub_->Measure(WithPrepare(NewLease("good")));
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFUSED);
  EXPECT_THAT(result.error(), HasSubstr("exports no lathe_prepare"));
  v1::Lease lease = WithPrepare(NewLease("packed"));
  lease.mutable_prepare()->add_reads(2);  // an output
  result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFUSED);
  EXPECT_THAT(result.error(), HasSubstr("prepare names input 2"));
}

TEST_F(Gate, GoodKernelsAreTimed) {
  for (const char* kernel : {"good", "good_again"}) {
    v1::MeasureResult result = Measure(kernel);
    ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
    EXPECT_EQ(result.fencing_token(), 7u);
    EXPECT_THAT(result.trial_id(), HasSubstr("trial-good"));
    const v1::Timing& timing = result.timing();
    EXPECT_GE(timing.samples_seconds_size(), 3);
    EXPECT_LE(timing.samples_seconds_size(), 8);
    EXPECT_GT(timing.calls_per_sample(), 0u);
    EXPECT_LE(timing.min_seconds(), timing.ci_low_seconds());
    EXPECT_LE(timing.ci_low_seconds(), timing.median_seconds());
    EXPECT_LE(timing.median_seconds(), timing.ci_high_seconds());
  }
}

TEST_F(Gate, ScratchOfThreadsIsNoRace) {
  v1::Lease lease = NewLease("scratch");
  lease.set_workspace_bytes_per_thread(64);
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
}

TEST_F(Gate, ColdCachesAndCheckOnly) {
  v1::Lease cold = NewLease("good");
  cold.mutable_timing()->set_regime(v1::REGIME_COLD);
  cold.mutable_timing()->set_threads(1);
  v1::MeasureResult result = hub_->Measure(cold);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  EXPECT_GE(result.timing().calls_per_sample(), 1u);
  EXPECT_LE(result.timing().calls_per_sample(), 100u);
  cold.set_lease_id("cold-threads");
  cold.mutable_timing()->set_threads(2);
  EXPECT_EQ(hub_->Measure(cold).status(), v1::TRIAL_STATUS_OK);
  v1::Lease check = NewLease("good");
  check.set_check_only(true);
  result = hub_->Measure(check);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  EXPECT_FALSE(result.has_timing());
}

TEST_F(Gate, ClearlySlowerIsAbandoned) {
  v1::Lease lease = NewLease("good");
  lease.mutable_timing()->set_abandon_above_seconds(1e-12);
  lease.mutable_timing()->set_budget_seconds(5);
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_ABANDONED) << result.error();
  EXPECT_EQ(result.timing().samples_seconds_size(), 2);
}

// That there are samples of whole blocks of the three asked for: of two at least, since a
// disturbed one is left out where most are clean, and all count where they are not.
void ExpectWholeBlocks(const v1::MeasureResult& result) {
  ASSERT_GE(result.rounds(), 1u);
  ASSERT_LE(result.rounds(), 2u);
  const auto rounds = static_cast<int>(result.rounds());
  EXPECT_EQ(result.timing().samples_seconds_size() % rounds, 0);
  EXPECT_GE(result.timing().samples_seconds_size(), 2 * rounds);
  EXPECT_LE(result.timing().samples_seconds_size(), 3 * rounds);
}

// A lease of `kernels`, the first its own, the others contenders.
v1::Lease InTurn(v1::Lease lease, const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) lease.add_contenders()->set_digest(digest);
  lease.mutable_timing()->set_blocks(3);
  lease.mutable_timing()->set_min_samples(2);
  return lease;
}

TEST_F(Gate, ContendersAreTimedInTurn) {
  v1::Lease lease =
      InTurn(NewLease("good"), {hub_->AddKernel("good_again"), hub_->AddKernel("good")});
  v1::MeasureResult result = hub_->Measure(lease);
  ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  ASSERT_EQ(result.contenders_size(), 2);
  ExpectWholeBlocks(result);
  for (const v1::ContenderResult& contender : result.contenders()) {
    EXPECT_EQ(contender.status(), v1::TRIAL_STATUS_OK) << contender.error();
    EXPECT_EQ(contender.timing().samples_seconds_size(), result.timing().samples_seconds_size())
        << "they pair";
    EXPECT_GT(contender.timing().median_seconds(), 0);
  }
}

// Contenders share memory: an output that one leaves right does not make up for another
// one, and wrong outputs of another one are not its own.
TEST_F(Gate, AContenderThatWearsOutIsFoundAlone) {
  v1::Lease lease =
      InTurn(NewLease("good"), {hub_->AddKernel("wears_out"), hub_->AddKernel("good_again")});
  lease.mutable_timing()->set_min_sample_seconds(1e-4);  // many calls,
  lease.mutable_timing()->set_min_samples(30);           // and often
  lease.mutable_timing()->set_budget_seconds(5);
  v1::MeasureResult result = hub_->Measure(lease);
  ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  EXPECT_TRUE(result.has_timing());
  EXPECT_EQ(result.contenders(0).status(), v1::TRIAL_STATUS_WRONG_OUTPUT);
  EXPECT_THAT(result.contenders(0).error(), HasSubstr("changes when the kernel is called again"));
  EXPECT_EQ(result.contenders(1).status(), v1::TRIAL_STATUS_OK) << result.contenders(1).error();
  EXPECT_TRUE(result.contenders(1).has_timing());
  lease = NewLease("wears_out");
  lease.mutable_timing()->set_min_sample_seconds(1e-4);
  lease.mutable_timing()->set_min_samples(30);
  result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_WRONG_OUTPUT) << "alone too";
}

TEST_F(Gate, AContenderThatPacksHasItsOwnPreparing) {
  v1::Lease lease = InTurn(NewLease("good"), {hub_->AddKernel("packed")});
  *lease.mutable_contenders(0)->mutable_prepare() = WithPrepare(NewLease("packed")).prepare();
  v1::MeasureResult result = hub_->Measure(lease);
  ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  EXPECT_EQ(result.contenders(0).status(), v1::TRIAL_STATUS_OK) << result.contenders(0).error();
  EXPECT_TRUE(result.contenders(0).has_timing());
}

TEST_F(Gate, AWrongContenderIsNotTimed) {
  v1::Lease lease = InTurn(NewLease("good"), {hub_->AddKernel("swapped"), hub_->AddKernel("good")});
  v1::MeasureResult result = hub_->Measure(lease);
  ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  EXPECT_TRUE(result.has_timing());
  EXPECT_EQ(result.contenders(0).status(), v1::TRIAL_STATUS_WRONG_OUTPUT);
  EXPECT_FALSE(result.contenders(0).has_timing());
  EXPECT_TRUE(result.contenders(1).has_timing());
  // And the other way round.
  result = hub_->Measure(InTurn(NewLease("swapped"), {hub_->AddKernel("good")}));
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_WRONG_OUTPUT);
  EXPECT_TRUE(result.contenders(0).has_timing());
}

TEST_F(Gate, AContenderThatCrashesIsNamed) {
  v1::Lease lease = InTurn(NewLease("good"), {hub_->AddKernel("good"), hub_->AddKernel("crash")});
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_OK);
  EXPECT_FALSE(result.has_timing());
  ASSERT_EQ(result.contenders_size(), 2);
  EXPECT_EQ(result.contenders(0).status(), v1::TRIAL_STATUS_UNSPECIFIED);
  EXPECT_EQ(result.contenders(1).status(), v1::TRIAL_STATUS_CRASH);
  EXPECT_THAT(result.contenders(1).error(), HasSubstr("while checking"));
  // The lease's own is blamed for its own crash only.
  result = hub_->Measure(InTurn(NewLease("crash"), {hub_->AddKernel("good")}));
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_CRASH);
  EXPECT_EQ(result.contenders(0).status(), v1::TRIAL_STATUS_UNSPECIFIED);
}

TEST_F(Gate, BlocksOfOneKernel) {
  v1::MeasureResult result = hub_->Measure(InTurn(NewLease("scratch"), {}));
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_KERNEL_ERROR) << "no workspace was named";
  result = hub_->Measure(InTurn(NewLease("good"), {}));
  ASSERT_EQ(result.status(), v1::TRIAL_STATUS_OK) << result.error();
  ExpectWholeBlocks(result);
}

TEST_F(Gate, TheDriftIsToldOnceTheCanaryIsKnown) {
  double drift = -1;
  for (int lease = 0; lease < 20 && drift <= 0; ++lease) {
    drift = Measure("good").conditions().drift();
  }
  EXPECT_GT(drift, 0);
}

TEST_F(Gate, SamplesOfTheReferenceComeBack) {
  v1::Lease lease = NewLease("good");
  for (uint32_t set : {0u, 1u}) {
    v1::SampledElement* sample = lease.mutable_reference()->add_samples();
    sample->set_output(1);
    sample->set_index(62);
    sample->set_input_set(set);
  }
  v1::MeasureResult result = hub_->Measure(lease);
  ASSERT_EQ(result.samples_size(), 2);
  EXPECT_GT(result.samples(0).value(), 0);
  EXPECT_NE(result.samples(0).value(), result.samples(1).value());
  lease.set_lease_id("bad-sample");
  lease.mutable_reference()->mutable_samples(0)->set_index(63);
  EXPECT_EQ(hub_->Measure(lease).status(), v1::TRIAL_STATUS_REFERENCE_FAILED);
}

TEST_F(Gate, ABrokenReferenceIsNotTheCandidatesFault) {
  v1::Lease lease =
      MatmulLease("broken-reference", hub_->AddKernel("good"), hub_->AddKernel("crash"));
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFERENCE_FAILED);
  EXPECT_THAT(result.error(), HasSubstr("while running the reference"));
}

TEST_F(Gate, ArtifactsAreVerifiedAndFetchedOnce) {
  v1::Lease lease = NewLease("good");
  lease.set_digest(hub_->Add("no ELF at all"));
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFUSED);
  EXPECT_THAT(result.error(), HasSubstr("artifact refused"));

  lease.set_lease_id("corrupt");
  lease.set_digest(hub_->Add("something"));
  hub_->Corrupt(lease.digest());
  result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFUSED);
  EXPECT_THAT(result.error(), HasSubstr("has another digest"));

  Measure("good");
  const int before = hub_->artifact_requests();
  Measure("good");
  EXPECT_EQ(hub_->artifact_requests(), before);
}

TEST_F(Gate, LeasesWithoutSenseAreRefused) {
  v1::Lease lease = NewLease("good");
  lease.mutable_arguments(0)->set_type("f31");
  v1::MeasureResult result = hub_->Measure(lease);
  EXPECT_EQ(result.status(), v1::TRIAL_STATUS_REFUSED);
  EXPECT_THAT(result.error(), HasSubstr("unknown type 'f31'"));
  lease = NewLease("good");
  lease.mutable_reference()->mutable_checks(0)->set_reference_error(9);
  EXPECT_EQ(hub_->Measure(lease).status(), v1::TRIAL_STATUS_REFUSED);
}

}  // namespace
}  // namespace lathe
