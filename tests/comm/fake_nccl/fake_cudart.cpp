// The functions of CUDA's run time that wisk::comm calls, without a GPU. Linked into a test they come before
// those of libcudart_static.

#include <cuda_runtime_api.h>

#include "fake_stream.hpp"

using wisk::comm::fake::Stream;

extern "C" {

cudaError_t cudaSetDevice(int device) {
  constexpr int kDevices = 8;
  return device >= 0 && device < kDevices ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const auto* fake = reinterpret_cast<const Stream*>(stream);
  if (fake->error != 0) return static_cast<cudaError_t>(fake->error.load());
  return fake->pending > 0 ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  ++wisk::comm::fake::times_asked_for_capture;
  *status = reinterpret_cast<const Stream*>(stream)->capturing ? cudaStreamCaptureStatusActive
                                                               : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorInvalidDevice ? "no such fake device" : "a fake error of CUDA";
}
}
