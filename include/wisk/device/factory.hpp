#pragma once
// Which hardware there is, and a device on it. A wisk that was built without CUDA has the same functions and
// finds no GPU.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <wisk/device/device.hpp>

namespace wisk::device {

/// A GPU that CUDA shows to this process.
struct GpuInfo {
  int index = 0;             ///< as CUDA counts the visible ones
  std::string name;          ///< "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  std::uint64_t memory_bytes = 0;
  double memory_bytes_per_second = 0;  ///< by its data sheet; 0 where the driver does not say
  std::string bus_id;                  ///< "0000:1B:00.0": the same in every process of a host
  std::string uuid;                    ///< so is it, and the instances of a divided GPU have their own
};

/// All visible GPUs; makes no context on any. Where there are none `why_none` says why in some words ("no
/// NVIDIA driver was found (libcuda.so.1)"), else it is "". Never throws.
std::vector<GpuInfo> list_gpus(std::string& why_none);

/// Whether there are kernels for it: compute capability 8.0 (A100) or newer.
bool can_compute(const GpuInfo& gpu);
/// Device::kind of a device on it: "cuda sm_90".
std::string kind_of(const GpuInfo& gpu);

/// Bytes that are free now. Makes a context on the GPU. Throws EnvironmentError.
std::uint64_t free_gpu_memory(const GpuInfo& gpu);
/// Visible GPUs whose memory it reads without the host: their indices.
std::vector<int> peers_of(const GpuInfo& gpu);

struct CpuInfo {
  std::string name;     ///< "AMD EPYC 9654"; "" where the system does not say
  int threads = 0;      ///< of a device with these options
  std::string kernels;  ///< "avx512-bf16": the instruction set of the products
};
CpuInfo cpu_info(const CpuOptions& options);

struct DeviceOptions {
  CpuOptions cpu;              ///< host threads; also for host work beside a GPU
  std::optional<GpuInfo> gpu;  ///< to compute on; none: on the CPU
  bool graphs = true;          ///< a GPU records steps and repeats them
};

/// Throws EnvironmentError when it cannot be had.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace wisk::device
