# Installation: programs, libraries, headers and find_package(Lathe).
#
# Programs install themselves in their folders. What other projects may link is
# the part that queries: functions, traces, targets and the database. Code
# generation and tuning stay behind the programs.
include(CMakePackageConfigHelpers)

set(lathe_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Lathe)

install(TARGETS lathe_base lathe_runtime lathe_ir lathe_store EXPORT LatheTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY compiler database
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lathe
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN codegen EXCLUDE)
install(EXPORT LatheTargets NAMESPACE Lathe:: DESTINATION ${lathe_config_dir})

configure_package_config_file(cmake/LatheConfig.cmake.in
  ${PROJECT_BINARY_DIR}/LatheConfig.cmake INSTALL_DESTINATION ${lathe_config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/LatheConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/LatheConfig.cmake ${PROJECT_BINARY_DIR}/LatheConfigVersion.cmake
  DESTINATION ${lathe_config_dir})
