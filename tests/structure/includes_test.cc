// The one direction of dependency, checked on the sources themselves: which
// folders each folder may include, and who may include LLVM.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Folder -> folders of ours it may include, besides itself.
const std::map<std::string, std::set<std::string>>& Allowed() {
  static const auto* allowed = new std::map<std::string, std::set<std::string>>{
      {"compiler/base", {}},
      {"compiler/runtime", {}},
      {"compiler/tensor", {"compiler/base"}},
      {"compiler/loop", {"compiler/base", "compiler/tensor", "compiler/intrinsic"}},
      {"compiler/schedule",
       {"compiler/base", "compiler/tensor", "compiler/loop", "compiler/intrinsic"}},
      {"compiler/target", {"compiler/base", "compiler/runtime"}},
      {"compiler/intrinsic", {"compiler/base", "compiler/tensor"}},
      {"compiler/space",
       {"compiler/base", "compiler/tensor", "compiler/loop", "compiler/schedule", "compiler/target",
        "compiler/analysis", "compiler/intrinsic"}},
      {"compiler/analysis", {"compiler/base", "compiler/tensor", "compiler/target"}},
      {"compiler/codegen",
       {"compiler/base", "compiler/tensor", "compiler/loop", "compiler/schedule", "compiler/target",
        "compiler/runtime", "compiler/intrinsic", "lathe/v1"}},
      {"database", {"compiler/base", "compiler/tensor", "compiler/target", "lathe/v1"}},
      {"measurer", {"compiler/base", "compiler/runtime", "lathe/v1"}},
      {"tuner",
       {"compiler/base", "compiler/tensor", "compiler/loop", "compiler/schedule", "compiler/target",
        "compiler/space", "compiler/analysis", "compiler/runtime", "database", "measurer",
        "lathe/v1"}},
      // Plug-ins (bench/peers) include only bench/peer.h of ours.
      {"bench",
       {"compiler/base", "compiler/tensor", "compiler/loop", "compiler/schedule", "compiler/target",
        "compiler/space", "compiler/analysis", "compiler/runtime", "database", "measurer", "tuner",
        "lathe/v1"}},
      {"bench/peers", {"bench"}},
      {"report",
       {"compiler/base", "compiler/tensor", "compiler/schedule", "compiler/analysis", "database"}},
      {"cli",
       {"bench", "report", "compiler/base", "compiler/tensor", "compiler/loop", "compiler/schedule",
        "compiler/target", "compiler/space", "compiler/analysis", "compiler/runtime", "database",
        "measurer", "tuner", "lathe/v1"}},
  };
  return *allowed;
}

// The entry of Allowed() that a path belongs to; "" for none.
std::string FolderOf(const std::string& path) {
  std::string best;
  for (const auto& [folder, _] : Allowed()) {
    if (path.starts_with(folder + "/") && folder.size() > best.size()) best = folder;
  }
  if (best.empty() && path.starts_with("lathe/v1/")) return "lathe/v1";
  return best;
}

std::vector<std::string> IncludesOf(const fs::path& file) {
  std::vector<std::string> includes;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    constexpr std::string_view kStart = "#include ";
    if (!line.starts_with(kStart) || line.size() < kStart.size() + 2) continue;
    size_t end = line.find_first_of("\">", kStart.size() + 1);
    includes.push_back(line.substr(kStart.size() + 1, end - kStart.size() - 1));
  }
  return includes;
}

bool IsSource(const fs::path& path) {
  static const std::set<std::string> kExtensions{".h", ".cc", ".c", ".def", ".inc"};
  return kExtensions.contains(path.extension());
}

TEST(IncludesTest, FollowTheDependencyDirection) {
  const fs::path root(LATHE_SOURCE_DIR);
  int files = 0;
  for (const char* top : {"bench", "compiler", "database", "measurer", "report", "tuner", "cli"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      if (!entry.is_regular_file() || !IsSource(entry.path())) continue;
      ++files;
      std::string path = fs::relative(entry.path(), root).string();
      std::string folder = FolderOf(path);
      ASSERT_NE(folder, "") << path << " lies in a folder that this test does not know";
      const std::set<std::string>& allowed = Allowed().at(folder);
      for (const std::string& include : IncludesOf(entry.path())) {
        if (include.starts_with("llvm/") || include.starts_with("llvm-c/") ||
            include.starts_with("lld/")) {
          EXPECT_EQ(folder, "compiler/codegen") << path << " includes " << include;
        }
        std::string included = FolderOf(include);
        EXPECT_TRUE(included.empty() || included == folder || allowed.contains(included))
            << path << " includes " << include;
      }
    }
  }
  EXPECT_GT(files, 50) << "the sources were not found below " << root;
}

}  // namespace
}  // namespace lathe
