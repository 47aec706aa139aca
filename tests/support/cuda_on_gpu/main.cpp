// Tests on a GPU; without one a line that ctest takes for "skipped".

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include <cuda_runtime_api.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // Tests look at results where a kernel was started, not where it ends. Read when CUDA starts.
  setenv("CUDA_LAUNCH_BLOCKING", "1", 0);
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess || devices == 0) {
    std::printf("SKIPPED: no GPU: %s\n",
                status == cudaSuccess ? "CUDA sees none" : cudaGetErrorString(status));
    return 0;
  }
  return RUN_ALL_TESTS();
}
