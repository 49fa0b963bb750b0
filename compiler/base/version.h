// The version of Lathe, part of every record's provenance.
#ifndef LATHE_COMPILER_BASE_VERSION_H_
#define LATHE_COMPILER_BASE_VERSION_H_

namespace lathe {

const char* LatheVersion();  // "0.1.0", as in the root CMakeLists.txt

}  // namespace lathe

#endif  // LATHE_COMPILER_BASE_VERSION_H_
