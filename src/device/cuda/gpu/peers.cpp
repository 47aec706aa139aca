// Which GPUs of a host read each other's memory.

#include <cuda_runtime_api.h>

#include "../cuda.hpp"

namespace wisk::device::cuda {

std::vector<int> peers_of(const GpuInfo& gpu) {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
  std::vector<int> peers;
  for (int other = 0; other < count; ++other) {
    int can = 0;
    if (other != gpu.index && cudaDeviceCanAccessPeer(&can, gpu.index, other) == cudaSuccess && can != 0)
      peers.push_back(other);
  }
  cudaGetLastError();  // or a later call would give it
  return peers;
}

}  // namespace wisk::device::cuda
