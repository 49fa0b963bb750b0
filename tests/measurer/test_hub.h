// A hub in the test's process, with the real daemon as its only measurer.
#ifndef LATHE_TESTS_MEASURER_TEST_HUB_H_
#define LATHE_TESTS_MEASURER_TEST_HUB_H_

#include <sys/types.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "lathe/v1/measurer.grpc.pb.h"

namespace lathe {

// The bytes of a kernel of tests/measurer/kernels by name ("good").
std::string KernelBytes(const std::string& name);

// A lease for matmul of f32[7, 5] and f32[5, 9] with artifact `digest` against the
// reference kernel: two threads, few samples.
v1::Lease MatmulLease(const std::string& id, const std::string& digest,
                      const std::string& reference_digest);

class TestHub : public v1::MeasurerHub::Service {
 public:
  TestHub();
  ~TestHub() override;

  const std::string& address() const { return address_; }
  const std::string& directory() const { return directory_; }

  // Makes an artifact available; returns its digest.
  std::string Add(const std::string& bytes);
  std::string AddKernel(const std::string& name) { return Add(KernelBytes(name)); }
  // Answers requests for `digest` with other bytes.
  void Corrupt(const std::string& digest);

  // What the attached measurer said; waits for it, at most a minute.
  v1::Hello AwaitHello();
  void Send(const v1::HubMessage& message);
  // The result of a lease; empty when none comes within a minute.
  std::optional<v1::MeasureResult> AwaitResult(const std::string& lease_id);
  // The result if it is there already.
  std::optional<v1::MeasureResult> FindResult(const std::string& lease_id) const;
  // Sends the lease and waits.
  v1::MeasureResult Measure(const v1::Lease& lease);
  // Waits until a heartbeat came.
  bool AwaitHeartbeat();
  int artifact_requests() const;
  void Shutdown();

  grpc::Status Attach(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::HubMessage, v1::MeasurerMessage>* stream) override;

 private:
  template <typename Condition>
  bool Await(std::unique_lock<std::mutex>& lock, Condition condition);

  std::string directory_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  grpc::ServerReaderWriter<v1::HubMessage, v1::MeasurerMessage>* stream_ = nullptr;
  std::optional<v1::Hello> hello_;
  std::map<std::string, std::string> artifacts_;
  std::map<std::string, v1::MeasureResult> results_;
  int heartbeats_ = 0;
  int artifact_requests_ = 0;
};

// A lathe-measurer process.
class MeasurerProcess {
 public:
  MeasurerProcess(const std::string& hub, const std::string& data_directory,
                  std::vector<std::string> more = {});
  ~MeasurerProcess();  // kills it

  pid_t pid() const { return pid_; }
  // Its runner; 0 when it has none within a minute.
  pid_t AwaitRunner() const;
  // The code it exits with, -signal when killed; -1000 when it lives on for a minute.
  int AwaitExit();

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

// Whether the process is gone (not even a zombie) within a minute.
bool AwaitGone(pid_t pid);

}  // namespace lathe

#endif  // LATHE_TESTS_MEASURER_TEST_HUB_H_
