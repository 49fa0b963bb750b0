// A stand-in for lathe-measurer: attaches and answers each lease at once. The
// candidate's bytes say how: "ok" or "die".
#include <unistd.h>

#include <string>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "lathe/v1/measurer.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc < 3 || std::string(argv[1]) != "--hub") return 2;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  auto stub = lathe::v1::MeasurerHub::NewStub(
      grpc::CreateCustomChannel(argv[2], grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  auto stream = stub->Attach(&context);
  lathe::v1::MeasurerMessage hello;
  hello.mutable_hello()->set_protocol_version(1);
  hello.mutable_hello()->mutable_device()->set_uuid("test-device");
  hello.mutable_hello()->mutable_device()->mutable_kind()->set_text("test-kind");
  stream->Write(hello);
  lathe::v1::HubMessage message;
  std::string artifact;
  while (stream->Read(&message)) {
    if (message.has_drain()) return 0;
    if (message.has_artifact()) artifact = message.artifact().bytes();
    if (!message.has_lease()) continue;
    if (artifact.find("die") != std::string::npos) _exit(9);
    lathe::v1::MeasurerMessage answer;
    answer.mutable_result()->set_lease_id(message.lease().lease_id());
    answer.mutable_result()->set_fencing_token(message.lease().fencing_token());
    answer.mutable_result()->set_trial_id(message.lease().trial_id());
    answer.mutable_result()->set_status(lathe::v1::TRIAL_STATUS_OK);
    answer.mutable_result()->mutable_timing()->set_median_seconds(getpid());
    stream->Write(answer);
  }
}
