#include "measurer/loader.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "compiler/runtime/serial_runtime.h"
#include "measurer/artifact_image.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

std::string Kernel(const std::string& name) {
  std::ifstream file(std::string(LATHE_TEST_KERNELS) + name + ".so", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Refusal(const std::string& bytes) {
  absl::StatusOr<ArtifactImage> image = ParseArtifact(bytes);
  return image.ok() ? "" : std::string(image.status().message());
}

TEST(Loader, RunsAKernel) {
  absl::StatusOr<LoadedKernel> kernel = LoadedKernel::Load(Kernel("good"));
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  std::vector<float> x(35, 2), w(45, 3), y(63, 0);
  void* arguments[] = {x.data(), w.data(), y.data()};
  lathe_serial_runtime rt;
  lathe_serial_runtime_init(&rt, nullptr, 0);
  EXPECT_EQ(kernel->function()(arguments, &rt.base), 0);
  for (float value : y) EXPECT_EQ(value, 30);
}

TEST(Loader, RefusesWhatIsNoArtifact) {
  EXPECT_THAT(Refusal(""), HasSubstr("shorter than an ELF header"));
  EXPECT_THAT(Refusal(std::string(4096, 'x')), HasSubstr("not an ELF file"));
  std::string bytes = Kernel("good");
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  auto with = [&](auto change) {
    Elf64_Ehdr changed = header;
    change(changed);
    std::string copy = bytes;
    std::memcpy(copy.data(), &changed, sizeof(changed));
    return Refusal(copy);
  };
  EXPECT_THAT(with([](auto& h) { h.e_type = ET_EXEC; }), HasSubstr("not a shared object"));
  EXPECT_THAT(with([](auto& h) { h.e_machine = EM_386; }), HasSubstr("another architecture"));
  EXPECT_THAT(with([](auto& h) { h.e_phoff = ~0ull; }), HasSubstr("outside the file"));
  EXPECT_THAT(with([](auto& h) { h.e_phnum = 0; }), HasSubstr("nothing to load"));
}

TEST(Loader, RefusesSegmentsThatAreWritableAndExecutable) {
  std::string bytes = Kernel("good");
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    char* at = bytes.data() + header.e_phoff + i * sizeof(segment);
    std::memcpy(&segment, at, sizeof(segment));
    if (segment.p_type == PT_LOAD) segment.p_flags = PF_R | PF_W | PF_X;
    std::memcpy(at, &segment, sizeof(segment));
  }
  EXPECT_THAT(Refusal(bytes), HasSubstr("both writable and executable"));
}

TEST(Loader, SurvivesDamagedArtifacts) {
  const std::string good = Kernel("good");
  for (size_t size = 0; size < good.size(); size += 61) {
    ParseArtifact(std::string_view(good).substr(0, size)).IgnoreError();
  }
  std::mt19937_64 random(97);  // the seed
  int refused = 0;
  for (int trial = 0; trial < 5000; ++trial) {
    std::string bytes = good;
    for (int change = 0; change < 8; ++change) {
      bytes[random() % std::min<size_t>(bytes.size(), 2048)] = static_cast<char>(random());
    }
    absl::StatusOr<ArtifactImage> image = ParseArtifact(bytes);
    refused += !image.ok();
    if (!image.ok()) continue;
    for (const ImageSegment& s : image->segments) {
      ASSERT_LE(s.file_offset + s.file_bytes, bytes.size());
      ASSERT_LE(s.address + s.memory_bytes, image->memory_bytes);
    }
    for (const ImageRelocation& r : image->relocations) {
      ASSERT_LE(r.address + 8, image->memory_bytes);
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace lathe
