#include "measurer/runner_protocol.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measurer/descriptor.h"

namespace lathe {
namespace {

RunnerJob SomeJob() {
  RunnerJob job;
  job.kind = JobKind::kTrial;
  job.arguments = {{"x", "f32", {2, 3}, false}, {"y", "i8", {}, true}};
  job.workspace_bytes = 99;
  job.prepare = {{{"p", "f32", {4}, false}}, 64, {0}, {0, 1}};
  job.seeds = {1, 2};
  job.rules = {{3, true, 4, 0.5}};
  job.timing.cpus = {5, 6};
  job.timing.max_samples = 77;
  job.timing.blocks = 4;
  job.contenders = {{7, {{{"q", "f32", {2}, false}}, 8, {1}, {}}}};
  job.canary_baseline = 0.5;
  job.seconds = 1.25;
  return job;
}

TEST(RunnerProtocol, JobsComeBackWhole) {
  absl::StatusOr<RunnerJob> job = DecodeJob(EncodeJob(SomeJob()));
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->arguments[0].name, "x");
  EXPECT_EQ(job->arguments[0].Bytes(), 24u);
  EXPECT_EQ(job->arguments[1].Bytes(), 1u);
  EXPECT_TRUE(job->arguments[1].output);
  EXPECT_EQ(job->prepare.packed[0].Bytes(), 16u);
  EXPECT_EQ(job->prepare.workspace_bytes, 64u);
  EXPECT_EQ(job->prepare.reads, (std::vector<uint32_t>{0}));
  EXPECT_EQ(job->prepare.replaces, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(job->rules[0].reference_error, 4u);
  EXPECT_EQ(job->timing.cpus, (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(job->timing.max_samples, 77u);
  EXPECT_EQ(job->timing.blocks, 4u);
  ASSERT_EQ(job->contenders.size(), 1u);
  EXPECT_EQ(job->contenders[0].workspace_bytes, 7u);
  EXPECT_EQ(job->contenders[0].prepare.packed[0].name, "q");
  EXPECT_EQ(job->canary_baseline, 0.5);
  EXPECT_EQ(job->seconds, 1.25);
}

TEST(RunnerProtocol, RepliesComeBackWhole) {
  RunnerReply reply;
  reply.samples = {1, 2};
  reply.conditions.drift = 1.5;
  reply.contenders = {{Verdict::kWrongOutput, "wrong", {}, 0}, {Verdict::kOk, "", {3, 4}, 9}};
  reply.rounds = 2;
  absl::StatusOr<RunnerReply> decoded = DecodeReply(EncodeReply(reply));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->samples, reply.samples);
  EXPECT_EQ(decoded->conditions.drift, 1.5);
  ASSERT_EQ(decoded->contenders.size(), 2u);
  EXPECT_EQ(decoded->contenders[0].error, "wrong");
  EXPECT_EQ(decoded->contenders[1].samples, (std::vector<double>{3, 4}));
  EXPECT_EQ(decoded->contenders[1].calls_per_sample, 9u);
  EXPECT_EQ(decoded->rounds, 2u);
}

TEST(RunnerProtocol, CutMessagesAreErrors) {
  const std::string bytes = EncodeJob(SomeJob());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeJob(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeJob(bytes + "x").ok());
  EXPECT_FALSE(DecodeReply(std::string(200, '\xff')).ok());
}

TEST(RunnerProtocol, FramesCarryDescriptors) {
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  absl::StatusOr<SharedMemory> memory = SharedMemory::Create(16);
  ASSERT_TRUE(memory.ok());
  ASSERT_TRUE(memory->Write("hello").ok());
  ASSERT_TRUE(SendFrame(sockets[0], "frame", {memory->read_only()}).ok());
  std::vector<int> descriptors;
  absl::StatusOr<std::string> frame = ReceiveFrame(sockets[1], &descriptors);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(*frame, "frame");
  ASSERT_EQ(descriptors.size(), 1u);
  char text[5];
  EXPECT_EQ(pread(descriptors[0], text, 5, 0), 5);
  EXPECT_EQ(std::string(text, 5), "hello");
  EXPECT_LT(pwrite(descriptors[0], "x", 1, 0), 0) << "read-only";
  close(descriptors[0]);
  close(sockets[0]);
  EXPECT_TRUE(absl::IsUnavailable(ReceiveFrame(sockets[1], &descriptors).status()));
  close(sockets[1]);
}

TEST(RunnerProtocol, ImpossibleBuffersAreRefused) {
  EXPECT_TRUE(CheckBufferSpec({"x", "f32", {4}, false}).ok());
  EXPECT_FALSE(CheckBufferSpec({"x", "f32", {0}, false}).ok());
  EXPECT_FALSE(CheckBufferSpec({"x", "f31", {4}, false}).ok());
  EXPECT_FALSE(CheckBufferSpec({"x", "f64", {1 << 30, 1 << 30, 1 << 30}, false}).ok());
}

TEST(RunnerProtocol, OutputsLieOnMultiplesOf64) {
  EXPECT_EQ(OutputOffsets({{"a", "f64", {9}, true}, {"b", "i8", {1}, true}}),
            (std::vector<uint64_t>{0, 128, 192}));
}

}  // namespace
}  // namespace lathe
