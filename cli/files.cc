#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "cli/options.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/operators.h"

namespace lathe::cli {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;

absl::Status FileError(std::string_view what, const std::string& path, int error) {
  return absl::InvalidArgumentError(
      absl::StrCat(ToAbsl(what), " ", path, ": ", std::strerror(error)));
}

absl::StatusOr<std::string> ReadStream(std::FILE* stream, const std::string& name) {
  std::string contents;
  char buffer[1 << 16];
  while (size_t n = std::fread(buffer, 1, sizeof(buffer), stream)) {
    contents.append(buffer, n);
    if (contents.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is larger than 256 MiB"));
    }
  }
  if (std::ferror(stream)) return FileError("cannot read", name, errno);
  return contents;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (!file) return FileError("cannot open", path, errno);
  absl::StatusOr<std::string> contents = ReadStream(file, path);
  std::fclose(file);
  return contents;
}

std::string StagingPath(const std::string& path) {
  std::error_code error;
  const auto type = std::filesystem::symlink_status(path, error).type();
  const bool replaceable =
      type == std::filesystem::file_type::not_found || type == std::filesystem::file_type::regular;
  return replaceable ? absl::StrCat(path, ".tmp", getpid()) : path;
}

absl::Status Unstage(const std::string& staged, const std::string& path, bool whole) {
  if (staged == path) {
    return whole ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path));
  }
  if (whole && std::rename(staged.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  std::remove(staged.c_str());
  return FileError("cannot write", path, error);
}

absl::Status WriteFile(const std::string& path, std::string_view contents) {
  std::string temporary = StagingPath(path);
  std::FILE* file = std::fopen(temporary.c_str(), "wbe");
  if (!file) return FileError("cannot write", path, errno);
  bool written = std::fwrite(contents.data(), 1, contents.size(), file) == contents.size();
  written = std::fclose(file) == 0 && written;
  return Unstage(temporary, path, written);
}

absl::StatusOr<Function> LoadFunction(const std::string& argument) {
  constexpr std::string_view kOperator = "op:";
  if (argument.starts_with(kOperator)) return BuildOperator(argument.substr(kOperator.size()));
  if (argument == "-") {
    ASSIGN_OR_RETURN(std::string text, ReadStream(stdin, "standard input"));
    return ParseFunction(text, "<stdin>");
  }
  size_t hash = argument.rfind('#');
  std::string path = argument.substr(0, hash);
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(std::vector<Function> functions, ParseFunctions(text, path));
  std::string names;
  for (Function& function : functions) {
    bool wanted = hash == std::string::npos ? functions.size() == 1
                                            : function.name == argument.substr(hash + 1);
    if (wanted) return std::move(function);
    absl::StrAppend(&names, names.empty() ? "" : ", ", function.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      hash == std::string::npos ? "pick one function of the file as " : "no such function in ",
      path, hash == std::string::npos ? "#NAME" : "", ": it has ", names));
}

absl::StatusOr<std::string> DefaultDatabasePath() {
  std::string base;
  if (const char* xdg = std::getenv("XDG_DATA_HOME"); xdg && *xdg == '/') {
    base = xdg;
  } else if (const char* home = std::getenv("HOME"); home && *home) {
    base = absl::StrCat(home, "/.local/share");
  } else {
    return absl::InvalidArgumentError(
        "no place for the default database: set HOME or XDG_DATA_HOME, or pass --db FILE");
  }
  return base + "/lathe/lathe.db";
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenForReading(const std::string& path) {
  if (!path.empty()) return OpenSqliteStore(path, {.read_only = true});
  ASSIGN_OR_RETURN(std::string fallback, DefaultDatabasePath());
  std::error_code error;
  if (!std::filesystem::exists(fallback, error)) return NewMemoryStore();
  return OpenSqliteStore(fallback, {.read_only = true});
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenForWriting(const std::string& path) {
  if (!path.empty()) return OpenSqliteStore(path);
  ASSIGN_OR_RETURN(std::string fallback, DefaultDatabasePath());
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(fallback).parent_path(), error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("cannot create the directory of ", fallback,
                                                   ": ", error.message(), "; pass --db FILE"));
  }
  return OpenSqliteStore(fallback);
}

}  // namespace lathe::cli
