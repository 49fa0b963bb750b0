# Installation: programs, libraries, headers and find_package(Lathe).
include(CMakePackageConfigHelpers)

install(TARGETS lathe_runtime EXPORT LatheTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES compiler/runtime/lathe_kernel.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lathe)
