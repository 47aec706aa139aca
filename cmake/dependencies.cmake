# Every library comes from the distribution; cmake/install-dependencies.sh installs them.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

find_package(MPI REQUIRED COMPONENTS CXX)
# The C++ bindings of MPI are gone from the standard; without this their header is pulled in.
target_compile_definitions(MPI::MPI_CXX INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C HL)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "wisk needs the parallel flavour of HDF5; found the serial one in ${HDF5_INCLUDE_DIRS}. "
                      "On Debian: apt-get install libhdf5-openmpi-dev")
endif()

find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(GMP REQUIRED IMPORTED_TARGET gmp)

# CUDA is looked for and not required.
set(WISK_CUDA_FOUND OFF)
if(NOT WISK_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit QUIET)
  set(WISK_CUDA_FOUND ${CUDAToolkit_FOUND})
  if(NOT WISK_CUDA_FOUND AND WISK_CUDA STREQUAL "ON")
    message(FATAL_ERROR "WISK_CUDA=ON but no CUDA toolkit was found: set CUDAToolkit_ROOT, or use the preset cpu-only")
  endif()
endif()
if(WISK_CUDA_FOUND)
  message(STATUS "CUDA toolkit ${CUDAToolkit_VERSION} found; this version of wisk has CPU operators only")
else()
  message(STATUS "CUDA: not used; this build is CPU-only")
endif()
