// Routines of libraries that a nest of loops may become a call of.
#ifndef LATHE_COMPILER_INTRINSIC_LIBRARY_ROUTINE_H_
#define LATHE_COMPILER_INTRINSIC_LIBRARY_ROUTINE_H_

#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Computes c[i, j] = c[i, j] + sum(k) a[i, k] * b[k, j] in f32, of any extents.
// `c` has contiguous rows; `a` and `b` have contiguous rows or columns.
struct LibraryRoutine {
  std::string name;     // the symbol
  std::string library;  // what usually has it, as the dynamic loader names it
};

// Null if there is none of this name.
const LibraryRoutine* FindLibraryRoutine(std::string_view name);
std::vector<std::string> LibraryRoutineNames();

}  // namespace lathe

#endif  // LATHE_COMPILER_INTRINSIC_LIBRARY_ROUTINE_H_
