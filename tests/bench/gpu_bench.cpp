// Kernels that move memory, on a GPU, against a copy of device memory in the same run: rows of a table.
//   gpu_bench [MIB]     MiB of each tensor (1024: far beyond the caches)
// The first line is the copy's bytes a second, read and written, for step_bench --bandwidth.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <wisk/core/dtype.hpp>
#include <wisk/device/blend.hpp>
#include <wisk/device/packed_matrix.hpp>

#include "blend_pack.hpp"
#include "memory_hash.hpp"

namespace {

using namespace wisk;
using device::BlendInput;
using device::cuda::check;

struct Memory {
  std::byte* data = nullptr;
  explicit Memory(std::size_t bytes) {
    void* memory = nullptr;
    check(cudaMalloc(&memory, bytes), "memory of the bench");
    data = static_cast<std::byte*>(memory);
  }
  Memory(Memory&& other) noexcept : data(std::exchange(other.data, nullptr)) {}
  Memory(const Memory&) = delete;
  ~Memory() { static_cast<void>(cudaFree(data)); }
};

/// Numbers of magnitude 2^-8 to 2^-7, of random sign and mantissa: arithmetic on zeros can be faster.
Memory random_tensor(DType type, std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> block(std::size_t{1} << 17);
  for (std::uint64_t& word : block) {
    const std::uint64_t bits = random();
    const std::uint64_t exponent = type == DType::kFloat16 ? 0x1c001c001c001c00u : 0x3b803b803b803b80u;
    const std::uint64_t free = type == DType::kFloat16 ? 0x83ff83ff83ff83ffu : 0x807f807f807f807fu;
    word = type == DType::kFloat32 ? (0x3b8000003b800000u | (bits & 0x807fffff807fffffu))
                                   : (exponent | (bits & free));
  }
  const std::size_t bytes = count * size_of(type), part = block.size() * sizeof(std::uint64_t);
  Memory tensor(bytes);
  for (std::size_t i = 0; i < bytes; i += part) {
    check(cudaMemcpy(tensor.data + i, block.data(), std::min(part, bytes - i), cudaMemcpyHostToDevice),
          "filling of a tensor");
  }
  return tensor;
}

struct Work {
  std::string name;
  double bytes;  ///< read and written
  std::function<void()> run;
  std::vector<double> seconds;
};

/// Every piece of work by turns, so that all see the same clocks; the first turns are not counted.
void time_all(std::vector<Work>& all) {
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin), "an event");
  check(cudaEventCreate(&end), "an event");
  for (int turn = 0; turn < 23; ++turn) {
    for (Work& work : all) {
      check(cudaEventRecord(begin, nullptr), "an event");
      work.run();
      check(cudaEventRecord(end, nullptr), "an event");
      check(cudaEventSynchronize(end), "work of the bench");
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, begin, end), "an event");
      if (turn >= 3) work.seconds.push_back(milliseconds * 1e-3);
    }
  }
  for (Work& work : all) std::sort(work.seconds.begin(), work.seconds.end());
}

/// The first `terms` of `tensors`, of `type`, blended into the layout of the products: what a change of delta
/// does.
Work blend_work(DType type, std::size_t terms, DType into, std::size_t count,
                const std::vector<Memory>& tensors, const Memory& out) {
  constexpr std::int64_t kColumns = 4096;
  const auto rows = static_cast<std::int64_t>(count) / kColumns;
  std::vector<BlendInput> inputs;
  for (std::size_t j = 0; j < terms; ++j)
    inputs.push_back({tensors[j].data, type, 0.3 + static_cast<double>(j)});
  const auto run = [inputs, rows, type, into, data = out.data] {
    const std::size_t bytes = device::PackedMatrix::bytes_for(into, rows, kColumns);
    device::PackedMatrix matrix{into, rows, kColumns,
                                device::Buffer(data, bytes, [](std::byte*, std::size_t) {})};
    device::cuda::blend_pack(matrix, inputs, {0, 0, kColumns}, type, 0, matrix.panels(), {});
  };
  return {"blend of " + std::to_string(terms) + " x " + std::string(name_of(type)) + " into packed " +
              std::string(name_of(into)),
          static_cast<double>(rows * kColumns) * static_cast<double>(terms * size_of(type) + size_of(into)),
          run,
          {}};
}

/// The hash that every arm's weights get, of matrices of 8 MiB.
Work hash_work(device::cuda::MemoryHash& hash, const Memory& tensor, std::size_t bytes) {
  constexpr std::size_t kEach = std::size_t{8} << 20;
  std::vector<device::MemoryPart> parts;
  for (std::size_t i = 0; i + kEach <= bytes; i += kEach) parts.push_back({tensor.data + i, kEach});
  return {"hash of resident weights (reads)",
          static_cast<double>(parts.size() * kEach),
          [&hash, parts] { static_cast<void>(hash.hash(parts, {})); },
          {}};
}

int run(std::size_t mebibytes) {
  const std::size_t count = (mebibytes << 20) / 2;  // elements of 16 bits in a tensor
  std::vector<Memory> bf16, f32, f16;
  for (unsigned j = 0; j < 3; ++j) bf16.push_back(random_tensor(DType::kBFloat16, count, j));
  for (unsigned j = 0; j < 2; ++j) f32.push_back(random_tensor(DType::kFloat32, count / 2, 10 + j));
  for (unsigned j = 0; j < 2; ++j) f16.push_back(random_tensor(DType::kFloat16, count, 20 + j));
  const Memory out(count * 2);
  std::vector<Work> all;
  all.push_back({"copy, device to device",
                 4.0 * static_cast<double>(count),
                 [&] { device::cuda::copy_bytes(out.data, bf16[0].data, count * 2, {}); },
                 {}});
  constexpr DType kB = DType::kBFloat16, kH = DType::kFloat16, kF = DType::kFloat32;
  all.push_back(blend_work(kB, 2, kB, count, bf16, out));
  all.push_back(blend_work(kB, 3, kB, count, bf16, out));
  all.push_back(blend_work(kH, 2, kH, count, f16, out));
  all.push_back(blend_work(kF, 2, kB, count / 2, f32, out));
  device::cuda::MemoryHash hash;
  all.push_back(hash_work(hash, bf16[0], count * 2));
  time_all(all);
  const auto rate = [](const Work& work, std::size_t i) { return work.bytes / work.seconds[i]; };
  const std::size_t middle = all[0].seconds.size() / 2, last = all[0].seconds.size() - 1;
  std::printf("%.4e\n", rate(all[0], middle));
  for (const Work& work : all) {
    std::printf("| %s, %zu MiB each | %.2f TB/s (%.2f to %.2f), %.2f of the copy |\n", work.name.c_str(),
                mebibytes, rate(work, middle) * 1e-12, rate(work, last) * 1e-12, rate(work, 0) * 1e-12,
                rate(work, middle) / rate(all[0], middle));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? std::stoul(argv[1]) : 1024);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_bench: %s\n", error.what());
    return 2;
  }
}
