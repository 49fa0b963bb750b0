// Any bytes are either refused, or an image whose every range lies inside of its
// container. Nothing is mapped or run.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "compiler/base/check.h"
#include "measurer/artifact_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto image = lathe::ParseArtifact({reinterpret_cast<const char*>(data), size});
  if (!image.ok()) {
    CHECK(image.status().code() == absl::StatusCode::kInvalidArgument);
    return 0;
  }
  uint64_t end = 0;
  bool kernel_in_code = false;
  for (const lathe::ImageSegment& s : image->segments) {
    CHECK_LE(s.file_offset, size);
    CHECK_LE(s.file_bytes, size - s.file_offset);
    CHECK_LE(s.file_bytes, s.memory_bytes);
    CHECK_GE(s.address, end);
    CHECK(!(s.writable && s.executable));
    end = s.address + s.memory_bytes;
    CHECK_LE(end, image->memory_bytes);
    kernel_in_code |= s.executable && image->kernel >= s.address && image->kernel < end;
  }
  CHECK(kernel_in_code);
  for (const lathe::ImageRelocation& r : image->relocations) {
    CHECK_LE(r.address, image->memory_bytes - 8);
  }
  return 0;
}
