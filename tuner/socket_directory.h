// A private place for a local socket.
#ifndef LATHE_TUNER_SOCKET_DIRECTORY_H_
#define LATHE_TUNER_SOCKET_DIRECTORY_H_

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tuner/process.h"

namespace lathe {

// A fresh directory of mode 0700, removed with its contents on destruction.
// It is locked while in use, so that what a killed process left behind can be
// told from what is alive; creating one clears away the dead ones beside it.
class SocketDirectory {
 public:
  // Below `parent`; Unavailable when it cannot be made, or when its path is too
  // long for a socket.
  static absl::StatusOr<std::unique_ptr<SocketDirectory>> Create(
      const std::filesystem::path& parent);
  ~SocketDirectory();

  std::string socket_path() const { return (path_ / "hub").string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  SocketDirectory(std::filesystem::path path, UniqueFd lock);

  const std::filesystem::path path_;
  UniqueFd lock_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_SOCKET_DIRECTORY_H_
