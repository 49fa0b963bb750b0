#include "measurer/runner_protocol.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

constexpr uint64_t kMaxFrame = uint64_t{1} << 26;
constexpr size_t kMaxDescriptors = 16;

// Both ends are the same build on the same machine: values go in host order.
// One Visit function per message serves both directions.
class Writer {
 public:
  template <typename T>
  void Value(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void String(const std::string& text) {
    Value(uint64_t{text.size()});
    bytes_ += text;
  }
  template <typename T, typename F>
  void List(const std::vector<T>& list, F element) {
    Value(uint64_t{list.size()});
    for (const T& item : list) element(item);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  void Value(T& value) {
    if (bytes_.size() < sizeof(T)) return Fail();
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
  }
  void String(std::string& text) {
    uint64_t size = 0;
    Value(size);
    if (size > bytes_.size()) return Fail();
    text = std::string(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  template <typename T, typename F>
  void List(std::vector<T>& list, F element) {
    uint64_t size = 0;
    Value(size);
    if (size > bytes_.size()) return Fail();  // an element has at least one byte
    list.resize(size);
    for (T& item : list) element(item);
  }
  bool done() const { return !failed_ && bytes_.empty(); }

 private:
  void Fail() {
    failed_ = true;
    bytes_ = {};
  }
  std::string_view bytes_;
  bool failed_ = false;
};

template <typename Stream, typename Spec>
void VisitSpec(Stream& s, Spec& spec) {
  s.String(spec.name);
  s.String(spec.type);
  s.List(spec.shape, [&](auto& extent) { s.Value(extent); });
  s.Value(spec.output);
}

template <typename Stream, typename Plan>
void VisitPrepare(Stream& s, Plan& prepare) {
  s.List(prepare.packed, [&](auto& spec) { VisitSpec(s, spec); });
  s.Value(prepare.workspace_bytes);
  s.List(prepare.reads, [&](auto& position) { s.Value(position); });
  s.List(prepare.replaces, [&](auto& position) { s.Value(position); });
}

template <typename Stream, typename Job>
void VisitJob(Stream& s, Job& job) {
  s.Value(job.kind);
  s.List(job.arguments, [&](auto& spec) { VisitSpec(s, spec); });
  s.Value(job.workspace_bytes);
  VisitPrepare(s, job.prepare);
  s.List(job.seeds, [&](auto& seed) { s.Value(seed); });
  s.List(job.reference_outputs, [&](auto& spec) { VisitSpec(s, spec); });
  s.List(job.rules, [&](auto& rule) { s.Value(rule); });
  s.Value(job.tolerance_factor);
  s.Value(job.timing.cold);
  s.Value(job.timing.threads);
  s.List(job.timing.cpus, [&](auto& cpu) { s.Value(cpu); });
  s.Value(job.timing.min_sample_seconds);
  s.Value(job.timing.min_samples);
  s.Value(job.timing.max_samples);
  s.Value(job.timing.budget_seconds);
  s.Value(job.timing.target_relative_interval);
  s.Value(job.timing.abandon_above_seconds);
  s.Value(job.timing.blocks);
  s.Value(job.check_only);
  s.List(job.contenders, [&](auto& contender) {
    s.Value(contender.workspace_bytes);
    VisitPrepare(s, contender.prepare);
  });
  s.Value(job.canary_baseline);
  s.Value(job.seconds);
}

template <typename Stream, typename Reply>
void VisitReply(Stream& s, Reply& reply) {
  s.Value(reply.verdict);
  s.String(reply.error);
  s.Value(reply.check_seconds);
  s.List(reply.samples, [&](auto& sample) { s.Value(sample); });
  s.Value(reply.calls_per_sample);
  s.Value(reply.conditions);
  s.List(reply.contenders, [&](auto& contender) {
    s.Value(contender.verdict);
    s.String(contender.error);
    s.List(contender.samples, [&](auto& sample) { s.Value(sample); });
    s.Value(contender.calls_per_sample);
  });
  s.Value(reply.rounds);
}

absl::Status ReadAll(int socket, char* out, size_t size) {
  while (size > 0) {
    ssize_t n = read(socket, out, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return absl::DataLossError("frame cut short");
    out += n;
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace

int64_t BufferSpec::Elements() const {
  int64_t elements = 1;
  for (int64_t extent : shape) elements *= extent;
  return elements;
}

uint64_t BufferSpec::Bytes() const {
  return static_cast<uint64_t>(Elements()) * ElementBytes(type);
}

uint64_t ElementBytes(std::string_view type) {
  if (type == "f64" || type == "i64") return 8;
  if (type == "f32" || type == "i32") return 4;
  if (type == "f16" || type == "bf16") return 2;
  if (type == "i8" || type == "u8" || type == "bool") return 1;
  return 0;
}

absl::Status CheckBufferSpec(const BufferSpec& spec) {
  constexpr int64_t kMaxElements = int64_t{1} << 37;
  if (ElementBytes(spec.type) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("argument '", spec.name, "' has the unknown type '", spec.type, "'"));
  }
  int64_t elements = 1;
  for (int64_t extent : spec.shape) {
    if (extent < 1 || extent > kMaxElements / elements) {
      return absl::InvalidArgumentError(
          absl::StrCat("argument '", spec.name, "' has an impossible shape"));
    }
    elements *= extent;
  }
  return absl::OkStatus();
}

std::vector<uint64_t> OutputOffsets(const std::vector<BufferSpec>& outputs) {
  std::vector<uint64_t> offsets = {0};
  for (const BufferSpec& output : outputs) {
    offsets.push_back((offsets.back() + output.Bytes() + 63) / 64 * 64);
  }
  return offsets;
}

std::string EncodeJob(const RunnerJob& job) {
  Writer writer;
  VisitJob(writer, job);
  return writer.Take();
}

absl::StatusOr<RunnerJob> DecodeJob(std::string_view bytes) {
  RunnerJob job;
  Reader reader(bytes);
  VisitJob(reader, job);
  if (!reader.done()) return absl::DataLossError("malformed job");
  return job;
}

std::string EncodeReply(const RunnerReply& reply) {
  Writer writer;
  VisitReply(writer, reply);
  return writer.Take();
}

absl::StatusOr<RunnerReply> DecodeReply(std::string_view bytes) {
  RunnerReply reply;
  Reader reader(bytes);
  VisitReply(reader, reply);
  if (!reader.done()) return absl::DataLossError("malformed reply");
  return reply;
}

absl::Status SendFrame(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  if (bytes.size() > kMaxFrame || descriptors.size() > kMaxDescriptors) {
    return absl::InvalidArgumentError("frame too large");
  }
  uint64_t size = bytes.size();
  iovec part = {&size, sizeof(size)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(int) * descriptors.size());
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent != sizeof(size)) return absl::UnavailableError("the peer has gone");
  while (!bytes.empty()) {
    ssize_t n = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return absl::UnavailableError("the peer has gone");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReceiveFrame(int socket, std::vector<int>* descriptors) {
  uint64_t size = 0;
  iovec part = {&size, sizeof(size)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received == 0) return absl::UnavailableError("the peer has closed");
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor;
      std::memcpy(&descriptor, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
      if (descriptors != nullptr) {
        descriptors->push_back(descriptor);
      } else {
        close(descriptor);
      }
    }
  }
  if (received != sizeof(size) || size > kMaxFrame) return absl::DataLossError("malformed frame");
  std::string bytes(size, '\0');
  RETURN_IF_ERROR(ReadAll(socket, bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace lathe
