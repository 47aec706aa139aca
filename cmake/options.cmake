# What a user may choose; everything else is decided by what the machine has.
option(WISK_TESTS "build the tests" ON)
option(WISK_BENCH "build tests/bench" OFF)
option(WISK_ENGINE_ONLY "only the modules that sampling needs, with their tests and programs of tests/bench: without HDF5 and \
others, and without MPI where there is none. For machines that are only a GPU and a toolkit" OFF)
option(WISK_TIDY "clang-tidy over src/ is one of the tests (many minutes the first time)" OFF)
option(WISK_WERROR "warnings are errors" ON)
set(WISK_CUDA AUTO CACHE STRING "GPU operators: AUTO (when a CUDA toolkit is found), ON (an error without one), OFF")
set_property(CACHE WISK_CUDA PROPERTY STRINGS AUTO ON OFF)
set(WISK_SANITIZE "" CACHE STRING "sanitizers for every target, e.g. address,undefined")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Assertions guard broken invariants in release builds too: a wrong table costs more than a compare.
# -O3 is for the kernels (src/device, src/sample): elsewhere it only costs build time.
set(CMAKE_CXX_FLAGS_RELEASE "-O2" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g" CACHE STRING "" FORCE)

find_program(WISK_CCACHE ccache)
if(WISK_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WISK_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${WISK_CCACHE})
endif()
