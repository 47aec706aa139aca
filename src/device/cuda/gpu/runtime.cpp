// The runtime layer over cudart, which is linked statically: a program with it starts on machines without a
// driver.

#include "../runtime.hpp"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>

namespace wisk::device::cuda {
namespace {

/// A version as CUDA numbers them: 13000 is "13.0".
std::string version_words(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Why the runtime, which looks for the driver's library by its name, has none. `status`: what it gave.
std::string words_for_no_driver(cudaError_t status) {
  const std::string name = "libcuda.so.1", absent = name + ": cannot open shared object file: No such file";
  const auto broken = [&](const std::string& file, const std::string& why) {
    return "the NVIDIA driver's library " + file + " is there but cannot be used: " + why;
  };
  void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* words = ::dlerror();
    const std::string why = words == nullptr ? "no reason given" : words;
    if (!why.starts_with(absent)) return broken(name, why);
    std::error_code ignored;
    const bool loaded = std::filesystem::exists("/proc/driver/nvidia/version", ignored);
    return loaded ? "the kernel has an NVIDIA driver, but its library libcuda.so.1 was not found (a "
                    "container has to be "
                    "started with its GPUs: --nv or --gpus all)"
                  : "no NVIDIA driver was found (libcuda.so.1)";
  }
  // It stays loaded, as the runtime leaves it.
  struct link_map* loaded = nullptr;
  const bool known = ::dlinfo(library, RTLD_DI_LINKMAP, &loaded) == 0 && loaded != nullptr;
  const std::string file = known ? loaded->l_name : name;
  for (const char* function : {"cuInit", "cuDriverGetVersion", "cuGetProcAddress"}) {
    if (::dlsym(library, function) == nullptr)
      return broken(file, "it has no function " + std::string(function));
  }
  return broken(file, cudaGetErrorString(status));
}

/// Why cudaGetDeviceCount gave `status` and no devices.
std::string words_for_none(cudaError_t status) {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return words_for_no_driver(status);
  if (status == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver is for CUDA " + version_words(driver) + ", expected one for CUDA " +
           version_words(runtime / 1000 * 1000) + " or later";
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string setting =
      visible == nullptr ? "" : " (CUDA_VISIBLE_DEVICES=" + std::string(visible) + ")";
  if (status == cudaSuccess || status == cudaErrorNoDevice) {
    return "the NVIDIA driver (for CUDA " + version_words(driver) + ") shows no GPU" + setting;
  }
  return "the NVIDIA driver (for CUDA " + version_words(driver) +
         ") does not work: " + cudaGetErrorString(status) + setting;
}

/// 0 where the driver does not say.
int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, which, device) != cudaSuccess) return 0;
  return value;
}

/// "4d5e8f01-...": 16 bytes in hexadecimal, in groups of 4, 2, 2, 2 and 6.
std::string words_of(const cudaUUID_t& uuid) {
  std::string words = hex_of(std::as_bytes(std::span(uuid.bytes)));
  for (const std::size_t dash : {8, 13, 18, 23}) words.insert(dash, 1, '-');
  return words;
}

DeviceInfo device_info(int index) {
  DeviceInfo info;
  info.index = index;
  info.name = "GPU " + std::to_string(index);
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, index) == cudaSuccess) {
    info.name = properties.name;
    info.memory_bytes = properties.totalGlobalMem;
    info.cache_bytes = static_cast<std::size_t>(properties.l2CacheSize);
    info.uuid = words_of(properties.uuid);
  }
  info.major = attribute(cudaDevAttrComputeCapabilityMajor, index);
  info.minor = attribute(cudaDevAttrComputeCapabilityMinor, index);
  info.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, index);
  // Clocks are in kHz, the bus in bits; two transfers a clock.
  info.clock_hertz = 1e3 * attribute(cudaDevAttrClockRate, index);
  info.memory_bytes_per_second = 2e3 * attribute(cudaDevAttrMemoryClockRate, index) *
                                 attribute(cudaDevAttrGlobalMemoryBusWidth, index) / 8;
  char bus_id[32] = "";
  if (cudaDeviceGetPCIBusId(bus_id, sizeof bus_id, index) == cudaSuccess) info.bus_id = bus_id;
  return info;
}

std::string mebibytes(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

/// "GPU 0 (NVIDIA H100)": the one that this thread works on.
std::string current_device() {
  int index = 0;
  cudaGetDevice(&index);
  cudaDeviceProp properties;
  const bool known = cudaGetDeviceProperties(&properties, index) == cudaSuccess;
  return "GPU " + std::to_string(index) + (known ? " (" + std::string(properties.name) + ")" : "");
}

}  // namespace

std::vector<DeviceInfo> list_devices(std::string& why_none) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();  // or a later call would give it
    why_none = words_for_none(status);
    return {};
  }
  why_none.clear();
  std::vector<DeviceInfo> devices;
  for (int index = 0; index < count; ++index) devices.push_back(device_info(index));
  cudaGetLastError();
  return devices;
}

void use_device(int index) {
  check(cudaSetDevice(index), "choice of a GPU");
}

MemoryInfo memory_info() {
  MemoryInfo info;
  check(cudaMemGetInfo(&info.free, &info.total), "query of GPU memory");
  return info;
}

std::byte* allocate_device(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    constexpr std::size_t kAlmostOne = (std::size_t{1} << 20) - 1;
    throw OutOfMemory("GPU memory: expected " + mebibytes(bytes + kAlmostOne) + " more, found " +
                      mebibytes(memory_info().free) + " free on " + current_device());
  }
  check(status, "allocation of GPU memory");
  // The default stream does not wait for ours, nor they for it.
  cudaError_t zeroed = cudaMemsetAsync(data, 0, bytes, nullptr);
  if (zeroed == cudaSuccess) zeroed = cudaStreamSynchronize(nullptr);
  if (zeroed != cudaSuccess) cudaFree(data);
  check(zeroed, "zeroing of GPU memory");
  return static_cast<std::byte*>(data);
}

void free_device(std::byte* data) noexcept {
  cudaFree(data);
}

PinnedBuffer::PinnedBuffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* data = nullptr;
  check(cudaMallocHost(&data, bytes),
        ("allocation of " + mebibytes(bytes) + " of pinned host memory").c_str());
  data_ = static_cast<std::byte*>(data);
  std::memset(data_, 0, bytes);
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

void copy_to_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "copy to the GPU");
}

void copy_to_host(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "copy from the GPU");
}

void synchronize(Stream stream) {
  check(cudaStreamSynchronize(stream), "work of the GPU");
}

StreamOwner::StreamOwner() {
  Stream stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making of a stream");
  stream_.reset(stream);
}

void StreamOwner::Destroy::operator()(Stream stream) const noexcept {
  cudaStreamDestroy(stream);
}

struct Event::State {
  cudaEvent_t event = nullptr;
  ~State() {
    if (event != nullptr) cudaEventDestroy(event);
  }
};

Event::Event() : state_(std::make_unique<State>()) {
  check(cudaEventCreateWithFlags(&state_->event, cudaEventDisableTiming), "making of an event");
}
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
Event::~Event() = default;

void Event::record(Stream stream) {
  check(cudaEventRecord(state_->event, stream), "recording of an event");
}

void Event::wait() const {
  check(cudaEventSynchronize(state_->event), "work of the GPU");
}

struct Graph::State {
  cudaGraphExec_t graph = nullptr;
  ~State() {
    if (graph != nullptr) cudaGraphExecDestroy(graph);
  }
};

Graph::Graph() noexcept = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;

void Graph::capture(Stream stream, const std::function<void()>& work) {
  state_ = nullptr;
  // Of this thread: others may allocate meanwhile.
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin of a graph");
  cudaGraph_t recorded = nullptr;
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream, &recorded);
    if (recorded != nullptr) cudaGraphDestroy(recorded);
    cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(stream, &recorded), "end of a graph");
  auto state = std::make_unique<State>();
  const cudaError_t made = cudaGraphInstantiate(&state->graph, recorded, 0);
  cudaGraphDestroy(recorded);
  check(made, "making of a graph");
  state_ = std::move(state);
}

void Graph::launch(Stream stream) const {
  check(cudaGraphLaunch(state_->graph, stream), "start of a graph");
}

}  // namespace wisk::device::cuda
