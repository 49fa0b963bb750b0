#include "tuner/socket_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "lathe-hub-";
constexpr std::string_view kLockName = "lock";

// Removes the directories of dead processes of this user: those whose lock is
// free. One without a lock file may be about to get it and is left alone.
void RemoveStale(const fs::path& parent) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    struct stat info;
    if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
    if (lstat(entry.path().c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    if (info.st_uid != geteuid()) continue;
    fs::path lock_path = entry.path() / kLockName;
    UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (lock.get() < 0 || flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketDirectory>> SocketDirectory::Create(const fs::path& parent) {
  RemoveStale(parent);
  std::string path = (parent / absl::StrCat(std::string(kPrefix), "XXXXXX")).string();
  if (path.size() + sizeof("/hub") > sizeof(sockaddr_un::sun_path)) {
    return absl::UnavailableError(absl::StrCat(
        parent.string(), " is too long a path for a socket; set TMPDIR to a shorter one"));
  }
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot create a directory in ", parent.string(),
                                               ": ", std::string(std::strerror(errno))));
  }
  UniqueFd lock(
      open((fs::path(path) / kLockName).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (lock.get() < 0 || flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    std::string reason = std::strerror(errno);
    rmdir(path.c_str());
    return absl::UnavailableError(absl::StrCat("cannot lock ", path, ": ", reason));
  }
  return std::unique_ptr<SocketDirectory>(new SocketDirectory(path, std::move(lock)));
}

SocketDirectory::SocketDirectory(fs::path path, UniqueFd lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

SocketDirectory::~SocketDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace lathe
