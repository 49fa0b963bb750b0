// Artifacts as bytes: an ELF shared object that is checked whole before any of
// it is mapped. Only what the kernel ABI needs is understood; the rest is refused.
#ifndef LATHE_MEASURER_ARTIFACT_IMAGE_H_
#define LATHE_MEASURER_ARTIFACT_IMAGE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

struct ImageSegment {
  uint64_t address = 0;  // of the image, page alignment not required
  uint64_t memory_bytes = 0;
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;
  bool writable = false;
  bool executable = false;
};

struct ImageRelocation {
  uint64_t address = 0;  // where base + addend is stored, 8 bytes
  uint64_t addend = 0;
};

// A checked artifact: every range lies inside the bytes or inside a segment.
struct ArtifactImage {
  std::vector<ImageSegment> segments;  // by address, on disjoint pages
  std::vector<ImageRelocation> relocations;
  uint64_t memory_bytes = 0;  // span of the image from address 0
  uint64_t kernel = 0;        // address of `lathe_kernel`, in an executable segment
  uint64_t prepare = 0;       // that of `lathe_prepare`; 0: there is none
};

// Parses the artifact in `bytes` for the architecture this runs on. Refuses
// (InvalidArgument, saying what) dependencies, undefined symbols, thread-local
// storage, constructors, relocations other than relative ones, segments both
// writable and executable, and any range outside its container. Never reads
// outside `bytes`.
absl::StatusOr<ArtifactImage> ParseArtifact(std::string_view bytes);

}  // namespace lathe

#endif  // LATHE_MEASURER_ARTIFACT_IMAGE_H_
