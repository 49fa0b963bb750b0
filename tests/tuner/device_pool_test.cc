#include "tuner/device_pool.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using testing::HasSubstr;

// Keeps what the pool sends.
struct FakeLink : MeasurerLink {
  void Send(v1::HubMessage message) override { sent.push_back(std::move(message)); }
  void Close() override { closed = true; }

  int Count(v1::HubMessage::MessageCase kind) const {
    int n = 0;
    for (const v1::HubMessage& message : sent) n += message.message_case() == kind;
    return n;
  }
  const v1::Lease& LastLease() const {
    for (auto it = sent.rbegin(); it != sent.rend(); ++it) {
      if (it->has_lease()) return it->lease();
    }
    ADD_FAILURE() << "no lease was sent";
    return v1::Lease::default_instance();
  }

  std::vector<v1::HubMessage> sent;
  bool closed = false;
};

class DevicePoolTest : public testing::Test {
 protected:
  DevicePoolTest() : pool_(Options()) {}
  ~DevicePoolTest() override {
    for (DevicePool::MeasurerId id : attached_) pool_.Detach(id);
  }

  DevicePoolOptions Options() {
    DevicePoolOptions options;
    options.heartbeat_timeout = absl::Seconds(30);
    options.lease_grace = absl::Seconds(10);
    options.max_attempts = 3;
    options.clock = [this] { return now_; };
    return options;
  }

  DevicePool::MeasurerId Attach(const std::shared_ptr<FakeLink>& link, std::string uuid = "uuid-1",
                                std::string kind = "kind", int slots = 1) {
    v1::Hello hello;
    hello.set_protocol_version(kMeasurerProtocolVersion);
    hello.mutable_device()->set_uuid(uuid);
    hello.mutable_device()->mutable_kind()->set_text(kind);
    hello.set_slots(slots);
    auto id = pool_.Attach(hello, link);
    EXPECT_TRUE(id.ok()) << id.status();
    attached_.push_back(*id);
    return *id;
  }

  // The outcome appears in outcomes_ under the trial's id.
  void Measure(std::string trial, std::string digest = "d1", std::string kind = "") {
    MeasureJob job;
    job.lease.set_trial_id(trial);
    job.lease.set_digest(digest);
    job.lease.set_timeout_seconds(60);
    job.lease.mutable_reference()->set_digest("ref");
    job.artifact = std::make_shared<std::string>("bytes of " + digest);
    job.reference = std::make_shared<std::string>("bytes of ref");
    job.device_kind = kind;
    pool_.Measure(std::move(job), [this, trial](MeasureOutcome outcome) {
      EXPECT_EQ(outcomes_.count(trial), 0u) << "two outcomes of " << trial;
      outcomes_[trial] = std::move(outcome);
    });
  }

  void Answer(DevicePool::MeasurerId id, const v1::Lease& lease, double median = 1) {
    v1::MeasurerMessage message;
    v1::MeasureResult* result = message.mutable_result();
    result->set_lease_id(lease.lease_id());
    result->set_fencing_token(lease.fencing_token());
    result->set_trial_id(lease.trial_id());
    result->set_status(v1::TRIAL_STATUS_OK);
    result->mutable_timing()->set_median_seconds(median);
    pool_.Receive(id, message);
  }

  void Beat(DevicePool::MeasurerId id) {
    v1::MeasurerMessage message;
    message.mutable_heartbeat();
    pool_.Receive(id, message);
  }

  absl::Time now_ = absl::UnixEpoch();
  std::vector<DevicePool::MeasurerId> attached_;
  std::map<std::string, MeasureOutcome> outcomes_;
  DevicePool pool_;  // goes first: it ends open jobs, which write outcomes
};

TEST_F(DevicePoolTest, ALeaseThatIsGivenBackIsHandedOutAgain) {
  auto link = std::make_shared<FakeLink>();
  auto id = Attach(link);
  Measure("a");
  v1::Lease first = link->LastLease();
  v1::MeasurerMessage message;
  message.mutable_result()->set_trial_id("a");
  message.mutable_result()->set_fencing_token(first.fencing_token());
  message.mutable_result()->set_status(v1::TRIAL_STATUS_CANCELLED);
  pool_.Receive(id, message);
  EXPECT_TRUE(outcomes_.empty());
  EXPECT_GT(link->LastLease().fencing_token(), first.fencing_token());
  Answer(id, link->LastLease());
  EXPECT_EQ(outcomes_["a"].result.status(), v1::TRIAL_STATUS_OK);
}

TEST_F(DevicePoolTest, AWaitingLeaseHasItsTimeAfterTheOneBeforeIt) {
  auto link = std::make_shared<FakeLink>();
  auto id = Attach(link, "uuid-1", "kind", /*slots=*/2);
  Measure("a");
  Measure("b", "d2");
  v1::Lease b = link->LastLease();
  ASSERT_EQ(b.trial_id(), "b");
  // 75 s: the first is late, the second may only have started after 60 s.
  for (int i = 0; i < 5; ++i) {
    now_ += absl::Seconds(15);
    Beat(id);
  }
  pool_.Tick();
  EXPECT_EQ(link->Count(v1::HubMessage::kCancel), 1);
  Answer(id, b);
  EXPECT_EQ(outcomes_["b"].result.status(), v1::TRIAL_STATUS_OK);
}

TEST_F(DevicePoolTest, LeasesInOrderAndReportsResults) {
  auto link = std::make_shared<FakeLink>();
  Measure("a");
  Measure("b", "d2");
  auto id = Attach(link);
  EXPECT_EQ(link->Count(v1::HubMessage::kWelcome), 1);
  EXPECT_EQ(link->Count(v1::HubMessage::kLease), 1);
  EXPECT_EQ(link->LastLease().trial_id(), "a");
  Answer(id, link->LastLease(), 0.5);
  ASSERT_EQ(outcomes_.count("a"), 1u);
  EXPECT_TRUE(outcomes_["a"].status.ok());
  EXPECT_EQ(outcomes_["a"].result.timing().median_seconds(), 0.5);
  EXPECT_EQ(outcomes_["a"].device_uuid, "uuid-1");
  EXPECT_EQ(link->LastLease().trial_id(), "b");
}

TEST_F(DevicePoolTest, SendsEachArtifactOncePerMeasurerBeforeItsLease) {
  auto link = std::make_shared<FakeLink>();
  auto id = Attach(link);
  Measure("a", "d1");
  Answer(id, link->LastLease());
  Measure("b", "d1");
  Answer(id, link->LastLease());
  Measure("c", "d2");
  EXPECT_EQ(link->Count(v1::HubMessage::kArtifact), 3);  // ref, d1, d2
  EXPECT_TRUE(link->sent.back().has_lease());
  // A measurer that lost one asks again.
  v1::MeasurerMessage ask;
  ask.mutable_artifact_request()->set_digest("d2");
  pool_.Receive(id, ask);
  EXPECT_EQ(link->Count(v1::HubMessage::kArtifact), 4);
  EXPECT_EQ(link->sent.back().artifact().bytes(), "bytes of d2");
}

TEST_F(DevicePoolTest, WorkOfALostMeasurerGoesToAnother) {
  auto first = std::make_shared<FakeLink>(), second = std::make_shared<FakeLink>();
  auto lost = Attach(first, "uuid-1");
  Measure("a");
  uint64_t old_token = first->LastLease().fencing_token();
  pool_.Detach(lost);
  auto other = Attach(second, "uuid-2");
  EXPECT_EQ(second->LastLease().trial_id(), "a");
  EXPECT_GT(second->LastLease().fencing_token(), old_token);
  Answer(other, second->LastLease());
  EXPECT_EQ(outcomes_["a"].device_uuid, "uuid-2");
}

TEST_F(DevicePoolTest, BoundedAttemptsThenCrash) {
  Measure("a");
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_TRUE(outcomes_.empty());
    pool_.Detach(Attach(std::make_shared<FakeLink>()));
  }
  ASSERT_EQ(outcomes_.count("a"), 1u);
  EXPECT_EQ(outcomes_["a"].result.status(), v1::TRIAL_STATUS_CRASH);
  EXPECT_THAT(outcomes_["a"].result.error(), HasSubstr("lost 3 times"));
}

TEST_F(DevicePoolTest, AnExpiredLeaseIsCancelledAndFenced) {
  auto link = std::make_shared<FakeLink>();
  auto id = Attach(link, "uuid-1", "kind", 2);
  Measure("a");
  v1::Lease stale = link->LastLease();
  for (int i = 0; i < 7; ++i) {
    now_ += absl::Seconds(10);
    Beat(id);
    pool_.Tick();
  }
  EXPECT_EQ(link->LastLease().fencing_token(), stale.fencing_token());  // 70 s: at the limit
  now_ += absl::Seconds(1);
  pool_.Tick();
  EXPECT_EQ(link->Count(v1::HubMessage::kCancel), 1);
  v1::Lease fresh = link->LastLease();
  EXPECT_GT(fresh.fencing_token(), stale.fencing_token());
  Answer(id, stale, 99);
  EXPECT_TRUE(outcomes_.empty());
  Answer(id, fresh, 1);
  EXPECT_EQ(outcomes_["a"].result.timing().median_seconds(), 1);
}

TEST_F(DevicePoolTest, DuplicateResultsCountOnce) {
  auto link = std::make_shared<FakeLink>();
  auto id = Attach(link);
  Measure("a");
  v1::Lease lease = link->LastLease();
  Answer(id, lease, 1);
  Answer(id, lease, 2);  // the fixture fails on a second outcome
  EXPECT_EQ(outcomes_["a"].result.timing().median_seconds(), 1);
}

TEST_F(DevicePoolTest, ASilentMeasurerIsLost) {
  auto link = std::make_shared<FakeLink>();
  Attach(link);
  Measure("a");
  now_ += absl::Seconds(31);
  pool_.Tick();
  EXPECT_TRUE(link->closed);
  EXPECT_EQ(pool_.num_measurers(), 0);
  auto next = std::make_shared<FakeLink>();
  auto id = Attach(next);
  Answer(id, next->LastLease());
  EXPECT_EQ(outcomes_.count("a"), 1u);
}

TEST_F(DevicePoolTest, AMeasurerThatAttachesAgainReplacesItself) {
  auto first = std::make_shared<FakeLink>(), second = std::make_shared<FakeLink>();
  auto old_id = Attach(first);
  Measure("a");
  v1::Lease stale = first->LastLease();
  Attach(second);
  EXPECT_TRUE(first->closed);
  EXPECT_EQ(pool_.num_measurers(), 1);
  Answer(old_id, stale);
  EXPECT_TRUE(outcomes_.empty());
  EXPECT_EQ(second->LastLease().trial_id(), "a");
}

TEST_F(DevicePoolTest, MeasuresOnTheRightKindOnly) {
  auto link = std::make_shared<FakeLink>();
  Attach(link, "uuid-1", "kind A");
  Measure("b", "d", "kind B");
  Measure("a", "d", "kind A");
  EXPECT_EQ(link->LastLease().trial_id(), "a");
  EXPECT_EQ(link->Count(v1::HubMessage::kLease), 1);
}

TEST_F(DevicePoolTest, CancelEndsQueuedAndLeasedWork) {
  auto link = std::make_shared<FakeLink>();
  Attach(link);
  Measure("a");
  Measure("b");
  pool_.Cancel("b");
  pool_.Cancel("a");
  EXPECT_TRUE(absl::IsCancelled(outcomes_["a"].status));
  EXPECT_TRUE(absl::IsCancelled(outcomes_["b"].status));
  EXPECT_EQ(link->Count(v1::HubMessage::kCancel), 1);
}

TEST_F(DevicePoolTest, GivingUpEndsEverything) {
  Measure("a");
  pool_.GiveUp(absl::UnavailableError("it is gone"));
  Measure("b");
  EXPECT_TRUE(absl::IsUnavailable(outcomes_["a"].status));
  EXPECT_TRUE(absl::IsUnavailable(outcomes_["b"].status));
  EXPECT_TRUE(absl::IsUnavailable(pool_.AwaitDevice(absl::InfiniteFuture()).status()));
}

TEST_F(DevicePoolTest, RefusesOtherProtocolsAndUnknownDevices) {
  v1::Hello hello;
  hello.set_protocol_version(kMeasurerProtocolVersion + 1);
  EXPECT_TRUE(absl::IsInvalidArgument(pool_.Attach(hello, std::make_shared<FakeLink>()).status()));
  hello.set_protocol_version(kMeasurerProtocolVersion);
  EXPECT_TRUE(absl::IsInvalidArgument(pool_.Attach(hello, std::make_shared<FakeLink>()).status()));
}

TEST(DevicePoolToken, IsChecked) {
  DevicePoolOptions options;
  options.token = "secret";
  DevicePool pool(options);
  v1::Hello hello;
  hello.set_protocol_version(kMeasurerProtocolVersion);
  hello.mutable_device()->set_uuid("u");
  hello.mutable_device()->mutable_kind()->set_text("k");
  EXPECT_TRUE(absl::IsPermissionDenied(pool.Attach(hello, std::make_shared<FakeLink>()).status()));
}

}  // namespace
}  // namespace lathe
