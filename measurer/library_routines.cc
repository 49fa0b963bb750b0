#include "measurer/library_routines.h"

#include <dlfcn.h>

#include "absl/strings/str_cat.h"

namespace lathe {

absl::StatusOr<RoutineFinder> OpenLibraries(const std::vector<std::string>& libraries) {
  std::vector<void*> handles;
  for (const std::string& library : libraries) {
    // At once: nothing is left to be resolved when a kernel calls it.
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("cannot open ", library, ", named by --library: ", dlerror()));
    }
    handles.push_back(handle);
  }
  return [handles](const char* name) -> void* {
    for (void* handle : handles) {
      if (void* routine = dlsym(handle, name)) return routine;
    }
    return nullptr;
  };
}

}  // namespace lathe
