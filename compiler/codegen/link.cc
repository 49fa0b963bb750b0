#include "compiler/codegen/link.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace lathe {
namespace {

absl::Status ToStatus(llvm::Error error) {
  return absl::InternalError(llvm::toString(std::move(error)));
}

// lld reads and writes files. This directory goes away with the object.
class ScratchDirectory {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchDirectory>> Make() {
    std::error_code error;
    std::string pattern = std::filesystem::temp_directory_path(error) / "lathe-link-XXXXXX";
    if (error || mkdtemp(pattern.data()) == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot make a temporary directory like ", pattern));
    }
    return std::unique_ptr<ScratchDirectory>(new ScratchDirectory(pattern));
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(const std::string& name) const { return path_ / name; }

 private:
  explicit ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path path_;
};

absl::Status WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return absl::ResourceExhaustedError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file) return absl::InternalError(absl::StrCat("cannot read ", path));
  return std::move(bytes).str();
}

// The libc that this process runs with. Linking against it gives references
// their symbol versions and the library its DT_NEEDED.
absl::StatusOr<std::string> LoadedLibc() {
  Dl_info info;
  void* symbol = dlsym(RTLD_DEFAULT, "pthread_create");
  if (symbol == nullptr || dladdr(symbol, &info) == 0) {
    return absl::InternalError("cannot find this system's libc to link against");
  }
  return info.dli_fname;
}

absl::StatusOr<std::string> LocalizeHidden(const std::string& object) {
  auto buffer = llvm::MemoryBuffer::getMemBuffer(object, "object", false);
  auto parsed = llvm::object::ObjectFile::createObjectFile(buffer->getMemBufferRef());
  if (!parsed) return ToStatus(parsed.takeError());
  llvm::objcopy::ConfigManager config;
  config.ELF.LocalizeHidden = true;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (llvm::Error error = llvm::objcopy::executeObjcopyOnBinary(config, **parsed, stream)) {
    return ToStatus(std::move(error));
  }
  return std::string(bytes.begin(), bytes.end());
}

absl::Status RunLinker(const std::vector<std::string>& arguments) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(argv, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0) {
    return absl::InternalError(absl::StrCat("linking failed: ", stream.str()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> Link(LinkKind kind, const std::vector<std::string>& objects) {
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchDirectory> scratch, ScratchDirectory::Make());
  const std::string output = scratch->File("output");
  std::vector<std::string> arguments = {"ld.lld", "--threads=1", "--build-id=none", "-o", output};
  auto add = [&](std::initializer_list<const char*> more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  switch (kind) {
    case LinkKind::kArtifact:
      add({"-shared", "-Bsymbolic", "--no-undefined", "--hash-style=sysv", "-z", "noexecstack",
           "--gc-sections"});
      break;
    case LinkKind::kSharedLibrary:
      add({"-shared", "-Bsymbolic", "--no-undefined", "-z", "noexecstack", "-z", "now",
           "--gc-sections"});
      break;
    case LinkKind::kRelocatable:
      add({"-r"});
      break;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    const std::string input = scratch->File(absl::StrCat(i, ".o"));
    RETURN_IF_ERROR(WriteFile(input, objects[i]));
    arguments.push_back(input);
  }
  if (kind == LinkKind::kSharedLibrary) {
    ASSIGN_OR_RETURN(std::string libc, LoadedLibc());
    arguments.push_back(libc);
  }
  RETURN_IF_ERROR(RunLinker(arguments));
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(output));
  if (kind == LinkKind::kRelocatable) return LocalizeHidden(bytes);
  return bytes;
}

absl::StatusOr<std::string> Archive(const std::string& object, const std::string& member_name) {
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(
      llvm::MemoryBufferRef(llvm::StringRef(object), llvm::StringRef(member_name)));
  auto buffer = llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab,
                                           llvm::object::Archive::K_GNU,
                                           /*Deterministic=*/true, /*Thin=*/false);
  if (!buffer) return ToStatus(buffer.takeError());
  return (*buffer)->getBuffer().str();
}

}  // namespace lathe
