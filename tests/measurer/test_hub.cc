#include "tests/measurer/test_hub.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "compiler/base/digest.h"

namespace lathe {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

// Polls until `condition` holds; false when it never does.
template <typename Condition>
bool Poll(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// The parent of a process; 0 when it is gone.
pid_t ParentOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);  // fails, and does not throw, when the process ends meanwhile
  size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string state;
  pid_t parent = 0;
  fields >> state >> parent;
  return state == "Z" ? 0 : parent;
}

pid_t ChildOf(pid_t parent) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && ParentOf(pid) == parent) return pid;
  }
  return 0;
}

v1::ArgumentSpec Argument(const std::string& name, const std::string& type,
                          std::initializer_list<int64_t> shape, bool output) {
  v1::ArgumentSpec argument;
  argument.set_name(name);
  argument.set_type(type);
  for (int64_t extent : shape) argument.add_shape(extent);
  argument.set_output(output);
  return argument;
}

}  // namespace

std::string KernelBytes(const std::string& name) {
  std::ifstream file(std::string(LATHE_TEST_KERNELS) + name + ".so", std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

v1::Lease MatmulLease(const std::string& id, const std::string& digest,
                      const std::string& reference_digest) {
  v1::Lease lease;
  lease.set_lease_id(id);
  lease.set_trial_id("trial-" + id);
  lease.set_fencing_token(7);
  lease.set_function_key("matmul-7-9-5");
  lease.set_digest(digest);
  *lease.add_arguments() = Argument("x", "f32", {7, 5}, false);
  *lease.add_arguments() = Argument("w", "f32", {5, 9}, false);
  *lease.add_arguments() = Argument("y", "f32", {7, 9}, true);
  v1::Reference* reference = lease.mutable_reference();
  reference->set_digest(reference_digest);
  *reference->add_arguments() = lease.arguments(0);
  *reference->add_arguments() = lease.arguments(1);
  *reference->add_arguments() = Argument("y", "f64", {7, 9}, true);
  *reference->add_arguments() = Argument("y_err", "f64", {7, 9}, true);
  v1::OutputCheck* check = reference->add_checks();
  check->set_reference_value(0);
  check->set_reference_error(1);
  check->set_unit_roundoff(0x1p-24);
  reference->set_tolerance_factor(2);
  lease.add_input_seeds(11);
  lease.add_input_seeds(12);
  lease.mutable_timing()->set_threads(2);
  lease.mutable_timing()->set_min_sample_seconds(1e-5);
  lease.mutable_timing()->set_min_samples(5);
  lease.mutable_timing()->set_max_samples(8);
  lease.mutable_timing()->set_budget_seconds(0.2);
  lease.set_timeout_seconds(60);
  return lease;
}

TestHub::TestHub() {
  char directory[] = "/tmp/lathe-test-XXXXXX";
  directory_ = mkdtemp(directory);
  address_ = "unix:" + directory_ + "/hub";
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

TestHub::~TestHub() {
  Shutdown();
  std::filesystem::remove_all(directory_);
}

void TestHub::Shutdown() { server_->Shutdown(std::chrono::system_clock::now()); }

std::string TestHub::Add(const std::string& bytes) {
  std::string digest = Sha256Hex(bytes);
  std::lock_guard lock(mutex_);
  artifacts_[digest] = bytes;
  return digest;
}

void TestHub::Corrupt(const std::string& digest) {
  std::lock_guard lock(mutex_);
  artifacts_[digest] += "!";
}

template <typename Condition>
bool TestHub::Await(std::unique_lock<std::mutex>& lock, Condition condition) {
  return changed_.wait_for(lock, kPatience, condition);
}

v1::Hello TestHub::AwaitHello() {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(Await(lock, [this] { return hello_.has_value(); }));
  return hello_.value_or(v1::Hello());
}

void TestHub::Send(const v1::HubMessage& message) {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(Await(lock, [this] { return stream_ != nullptr; }));
  if (stream_ != nullptr) stream_->Write(message);
}

std::optional<v1::MeasureResult> TestHub::AwaitResult(const std::string& lease_id) {
  std::unique_lock lock(mutex_);
  if (!Await(lock, [&] { return results_.contains(lease_id); })) return std::nullopt;
  return results_[lease_id];
}

std::optional<v1::MeasureResult> TestHub::FindResult(const std::string& lease_id) const {
  std::lock_guard lock(mutex_);
  auto found = results_.find(lease_id);
  if (found == results_.end()) return std::nullopt;
  return found->second;
}

v1::MeasureResult TestHub::Measure(const v1::Lease& lease) {
  v1::HubMessage message;
  *message.mutable_lease() = lease;
  Send(message);
  std::optional<v1::MeasureResult> result = AwaitResult(lease.lease_id());
  EXPECT_TRUE(result.has_value()) << "no result of " << lease.lease_id();
  return result.value_or(v1::MeasureResult());
}

bool TestHub::AwaitHeartbeat() {
  std::unique_lock lock(mutex_);
  return Await(lock, [this] { return heartbeats_ > 0; });
}

int TestHub::artifact_requests() const {
  std::lock_guard lock(mutex_);
  return artifact_requests_;
}

grpc::Status TestHub::Attach(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::HubMessage, v1::MeasurerMessage>* stream) {
  v1::MeasurerMessage message;
  while (stream->Read(&message)) {
    std::lock_guard lock(mutex_);
    if (message.has_hello()) {
      hello_ = message.hello();
      v1::HubMessage welcome;
      welcome.mutable_welcome()->set_protocol_version(1);
      welcome.mutable_welcome()->set_heartbeat_seconds(1);
      stream->Write(welcome);
      stream_ = stream;
    } else if (message.has_artifact_request()) {
      ++artifact_requests_;
      v1::HubMessage answer;
      answer.mutable_artifact()->set_digest(message.artifact_request().digest());
      answer.mutable_artifact()->set_bytes(artifacts_[message.artifact_request().digest()]);
      stream->Write(answer);
    } else if (message.has_result()) {
      results_[message.result().lease_id()] = message.result();
    } else {
      ++heartbeats_;
    }
    changed_.notify_all();
  }
  std::lock_guard lock(mutex_);
  stream_ = nullptr;
  return grpc::Status::OK;
}

MeasurerProcess::MeasurerProcess(const std::string& hub, const std::string& data_directory,
                                 std::vector<std::string> more) {
  std::vector<std::string> arguments = {LATHE_MEASURER_PROGRAM, "--hub", hub, "--data-dir",
                                        data_directory};
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  EXPECT_EQ(posix_spawn(&pid_, LATHE_MEASURER_PROGRAM, nullptr, nullptr, argv.data(), environ), 0);
}

MeasurerProcess::~MeasurerProcess() {
  if (reaped_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

pid_t MeasurerProcess::AwaitRunner() const {
  pid_t runner = 0;
  Poll([&] { return (runner = ChildOf(pid_)) != 0; });
  return runner;
}

int MeasurerProcess::AwaitExit() {
  int status = 0;
  if (!Poll([&] { return waitpid(pid_, &status, WNOHANG) == pid_; })) return -1000;
  reaped_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool AwaitGone(pid_t pid) {
  return Poll([&] { return ParentOf(pid) == 0; });
}

}  // namespace lathe
