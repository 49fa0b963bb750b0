#include "compiler/intrinsic/library_routine.h"

namespace lathe {
namespace {

// The arguments of each name stand in compiler/codegen/library_call.cc.
const std::vector<LibraryRoutine>& Routines() {
  static const auto* routines =
      new std::vector<LibraryRoutine>{{"cblas_sgemm", "libopenblas.so.0"}};
  return *routines;
}

}  // namespace

const LibraryRoutine* FindLibraryRoutine(std::string_view name) {
  for (const LibraryRoutine& routine : Routines()) {
    if (routine.name == name) return &routine;
  }
  return nullptr;
}

std::vector<std::string> LibraryRoutineNames() {
  std::vector<std::string> names;
  for (const LibraryRoutine& routine : Routines()) names.push_back(routine.name);
  return names;
}

}  // namespace lathe
