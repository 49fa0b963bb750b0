# Every library the project uses, all from Debian 12's packages.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl CONFIG REQUIRED)           # Status, strings, containers
pkg_check_modules(ABSL REQUIRED absl_statusor absl_str_format absl_strings)  # for static links
find_package(OpenSSL REQUIRED)               # SHA-256; gRPC brings it anyway
find_package(SQLite3 REQUIRED)               # the schedule database
find_package(Protobuf REQUIRED)              # messages
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)  # measurer protocol
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)  # runner sandbox
find_library(LATHE_SECCOMP libseccomp.a REQUIRED)  # the runner is linked statically
find_package(spdlog REQUIRED)                # the daemons' logs
find_package(nlohmann_json REQUIRED)         # --json, kernel metadata
find_package(CLI11 REQUIRED)                 # command line
# Boosted trees of the cost model. Not by xgboost-config.cmake, which wants a
# program that Debian does not ship.
pkg_check_modules(XGBOOST REQUIRED IMPORTED_TARGET xgboost)
find_package(LLVM 19.1 REQUIRED CONFIG HINTS /usr/lib/llvm-19)
find_package(LLD 19.1 REQUIRED CONFIG HINTS /usr/lib/llvm-19)
find_program(LATHE_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

set(LATHE_ABSL absl::status absl::statusor absl::strings absl::str_format
  absl::flat_hash_map absl::flat_hash_set absl::span)
set(LATHE_GRPC protobuf::libprotobuf PkgConfig::GRPC)

# LLVM is reached through this target only, which only lathe_codegen links.
add_library(lathe_llvm INTERFACE)
target_include_directories(lathe_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${LLD_INCLUDE_DIRS})
target_link_libraries(lathe_llvm INTERFACE lldELF lldCommon LLVM)

if(LATHE_TESTS)
  find_package(GTest REQUIRED)
endif()
if(LATHE_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
