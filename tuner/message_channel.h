// Length-delimited protocol buffers over a stream socket: a varint32 length,
// then the message (the framing of protobuf's delimited_message_util).
#ifndef LATHE_TUNER_MESSAGE_CHANNEL_H_
#define LATHE_TUNER_MESSAGE_CHANNEL_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message_lite.h"

namespace lathe {

// Both calls return OK, DeadlineExceeded, Cancelled when `interrupt_fd` became
// readable, Unavailable when the peer closed, or DataLoss/ResourceExhausted for
// bytes that are no message of at most `max_bytes`. After any error the
// channel is of no more use. Does not own the descriptors.
class MessageChannel {
 public:
  MessageChannel(int fd, int interrupt_fd) : fd_(fd), interrupt_fd_(interrupt_fd) {}

  absl::Status Send(const google::protobuf::MessageLite& message, absl::Time deadline);
  absl::Status Receive(google::protobuf::MessageLite* message, size_t max_bytes,
                       absl::Time deadline);

 private:
  // Waits until `fd_` is ready for `events` (POLLIN or POLLOUT).
  absl::Status Await(short events, absl::Time deadline);
  // Appends at least one byte to `buffer_`.
  absl::Status Fill(absl::Time deadline);

  const int fd_;
  const int interrupt_fd_;  // -1: none
  std::string buffer_;      // received, not consumed
};

}  // namespace lathe

#endif  // LATHE_TUNER_MESSAGE_CHANNEL_H_
