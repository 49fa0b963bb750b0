#include "measurer/device_probe.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace lathe {
namespace {

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/lathe-probe-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void Write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + file).parent_path());
    std::ofstream(path_ + "/" + file) << text << "\n";
  }

 private:
  std::string path_;
};

TEST(DeviceProbe, ReadsCoresAndCachesFromSysfs) {
  Directory root;
  const std::string cpus = "sys/devices/system/cpu/";
  root.Write(cpus + "online", "0-2");
  for (int cpu : {0, 1, 2}) {
    const std::string here = cpus + "cpu" + std::to_string(cpu) + "/";
    root.Write(here + "cpu_capacity", cpu == 2 ? "400" : "1024");
    root.Write(here + "topology/thread_siblings_list", cpu == 2 ? "2" : "0-1");
  }
  root.Write(cpus + "cpu0/cache/index0/type", "Data");
  root.Write(cpus + "cpu0/cache/index0/level", "1");
  root.Write(cpus + "cpu0/cache/index0/size", "32K");
  root.Write(cpus + "cpu0/cache/index0/shared_cpu_list", "0-1");
  root.Write(cpus + "cpu0/cache/index1/type", "Instruction");
  v1::Device device = ProbeDevice("board", "", root.path() + "/");
  EXPECT_EQ(device.name(), "board");
  ASSERT_EQ(device.cores_size(), 2);
  EXPECT_EQ(device.cores(0).physical_cores(), 1u);
  EXPECT_EQ(device.cores(0).threads_per_core(), 2u);
  EXPECT_EQ(device.cores(1).name(), "capacity400");
  ASSERT_EQ(device.caches_size(), 1);
  EXPECT_EQ(device.caches(0).bytes(), 32768u);
  EXPECT_EQ(device.caches(0).shared_by(), 2u);
  EXPECT_NE(device.kind().text().find("l1=32768/2"), std::string::npos);
  EXPECT_EQ(LargestCacheBytes(device), 32768u);
  EXPECT_EQ(ProbeDevice("", "our-boards").kind().text(), "our-boards");
}

TEST(DeviceProbe, TheKindIsStable) {
  EXPECT_EQ(ProbeDevice("a", "").kind().text(), ProbeDevice("b", "").kind().text());
}

TEST(DeviceProbe, TheUuidPersists) {
  Directory data;
  absl::StatusOr<std::string> first = PersistentUuid(data.path() + "/new/place");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*PersistentUuid(data.path() + "/new/place"), *first);
  data.Write("device-uuid", "no uuid");
  EXPECT_FALSE(PersistentUuid(data.path()).ok());
}

TEST(DeviceProbe, CpuLists) {
  EXPECT_EQ(*ParseCpuList("0-2,5"), (std::vector<int32_t>{0, 1, 2, 5}));
  for (const char* bad : {"", "a", "3-1", "-1", "1,,2", "99999"}) {
    EXPECT_FALSE(ParseCpuList(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace lathe
