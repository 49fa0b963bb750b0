# Compiler options shared by every target of the project.
function(lathe_set_options target)
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_compile_options(${target} INTERFACE -Wall -Wextra -Wno-unused-parameter
    $<$<BOOL:${LATHE_WERROR}>:-Werror>)
  if(LATHE_SANITIZE)
    set(flags -fsanitize=${LATHE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_compile_options(${target} INTERFACE ${flags})
    target_link_options(${target} INTERFACE ${flags})
  endif()
  if(LATHE_FUZZ)
    # Coverage for libFuzzer in every library; only fuzz targets link its main.
    target_compile_options(${target} INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(${target} INTERFACE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# Sanitizers must cover everything, including the targets that do not link
# lathe_options (generated code, for one).
if(LATHE_SANITIZE)
  add_link_options(-fsanitize=${LATHE_SANITIZE})
endif()

find_program(LATHE_CCACHE ccache)
if(LATHE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${LATHE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LATHE_CCACHE})
endif()
