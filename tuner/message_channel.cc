#include "tuner/message_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

constexpr int kMaxVarint32Bytes = 5;

std::string Varint32(uint32_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

struct Header {
  uint32_t length = 0;
  int bytes = 0;  // of the header itself
};
// The length at the front of `buffer`, if it is all there.
std::optional<Header> ParseHeader(const std::string& buffer) {
  Header header;
  for (char byte : buffer) {
    if (header.bytes == kMaxVarint32Bytes) break;
    header.length |= static_cast<uint32_t>(byte & 0x7f) << (7 * header.bytes++);
    if ((byte & 0x80) == 0) return header;
  }
  return std::nullopt;
}

}  // namespace

absl::Status MessageChannel::Await(short events, absl::Time deadline) {
  while (true) {
    absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    struct pollfd fds[] = {{fd_, events, 0}, {interrupt_fd_, POLLIN, 0}};
    int64_t milliseconds = std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1000000);
    int ready = poll(fds, 2, static_cast<int>(milliseconds));
    if (ready < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("poll: ", std::string(std::strerror(errno))));
    }
    if (ready > 0 && fds[1].revents != 0) return absl::CancelledError("interrupted");
    if (ready > 0 && fds[0].revents != 0) return absl::OkStatus();
    if (absl::Now() >= deadline) return absl::DeadlineExceededError("no answer in time");
  }
}

absl::Status MessageChannel::Send(const google::protobuf::MessageLite& message,
                                  absl::Time deadline) {
  std::string body = message.SerializeAsString();
  std::string bytes = Varint32(static_cast<uint32_t>(body.size())) + body;
  for (size_t sent = 0; sent < bytes.size();) {
    RETURN_IF_ERROR(Await(POLLOUT, deadline));
    ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return absl::UnavailableError("the peer closed the channel");
    sent += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status MessageChannel::Fill(absl::Time deadline) {
  char chunk[1 << 16];
  while (true) {
    RETURN_IF_ERROR(Await(POLLIN, deadline));
    ssize_t n = recv(fd_, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return absl::UnavailableError("the peer closed the channel");
    buffer_.append(chunk, static_cast<size_t>(n));
    return absl::OkStatus();
  }
}

absl::Status MessageChannel::Receive(google::protobuf::MessageLite* message, size_t max_bytes,
                                     absl::Time deadline) {
  std::optional<Header> header;
  while (!(header = ParseHeader(buffer_))) {
    if (buffer_.size() >= kMaxVarint32Bytes) return absl::DataLossError("no length prefix");
    RETURN_IF_ERROR(Fill(deadline));
  }
  if (header->length > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a message of ", header->length, " bytes is over the limit of ", max_bytes));
  }
  size_t total = static_cast<size_t>(header->bytes) + header->length;
  while (buffer_.size() < total) RETURN_IF_ERROR(Fill(deadline));
  bool parsed =
      message->ParseFromArray(buffer_.data() + header->bytes, static_cast<int>(header->length));
  buffer_.erase(0, total);
  return parsed ? absl::OkStatus() : absl::DataLossError("malformed message");
}

}  // namespace lathe
