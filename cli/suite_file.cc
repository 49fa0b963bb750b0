#include "cli/suite_file.h"

#include <filesystem>

namespace lathe::cli {

std::string SuitePath(const std::string& name) {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "share/lathe/bench/suites" / (name + ".suite"))
      .string();
}

}  // namespace lathe::cli
