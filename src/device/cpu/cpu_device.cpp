// The operators on the CPU: each splits its work over the thread pool so that every output element is
// computed whole by one thread.
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <vector>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/device/device.hpp>

#include "cores.hpp"
#include "kernels.hpp"
#include "matrix_pack.hpp"
#include "thread_pool.hpp"

namespace wisk::device {

namespace {

/// Huge pages where the system has them: weights and cache are walked in long strides.
Buffer map_memory(std::size_t bytes) {
  if (bytes == 0) return {};
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) {
    throw EnvironmentError("memory: expected " + std::to_string(bytes >> 20) + " MiB more, found " +
                           std::strerror(errno));
  }
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  if (bytes >= kHugePage) ::madvise(address, bytes, MADV_HUGEPAGE);
  return Buffer(static_cast<std::byte*>(address), bytes,
                [](std::byte* data, std::size_t size) { ::munmap(data, size); });
}

const Kernels& choose_kernels(const std::string& name) {
  const Kernels* avx2 = avx2_kernels();
  if (name == "portable") return portable_kernels();
  if (name == "auto") return avx2 != nullptr ? *avx2 : portable_kernels();
  if (name == "avx2" && avx2 != nullptr) return *avx2;
  throw EnvironmentError(
      "kernels: expected a name of auto, avx2, portable that this processor can run, found \"" + name + '"');
}

std::vector<int> cores_of(const CpuOptions& options) {
  std::vector<int> cores = bound_cores();
  const std::size_t most = 16 * std::max<std::size_t>(cores.size(), std::thread::hardware_concurrency());
  if (options.threads < 0 || static_cast<std::size_t>(options.threads) > most) {
    throw EnvironmentError("threads: expected at most " + std::to_string(most) + " on this machine, found " +
                           std::to_string(options.threads));
  }
  const auto share = static_cast<std::size_t>(std::max(1, options.share));
  if (options.threads > 0) {  // as many as asked for; pinned only where each has a core of its own
    const auto wanted = static_cast<std::size_t>(options.threads);
    const std::size_t first = static_cast<std::size_t>(options.share_rank) * wanted;
    if (first + wanted > cores.size()) return std::vector<int>(wanted, -1);
    return {cores.begin() + static_cast<std::ptrdiff_t>(first),
            cores.begin() + static_cast<std::ptrdiff_t>(first + wanted)};
  }
  if (share >= cores.size()) return {-1};
  const std::size_t each = cores.size() / share, first = each * static_cast<std::size_t>(options.share_rank);
  return {cores.begin() + static_cast<std::ptrdiff_t>(first),
          cores.begin() + static_cast<std::ptrdiff_t>(first + each)};
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : kernels_(choose_kernels(options.kernels)),
        pool_(cores_of(options)),
        scratch_(static_cast<std::size_t>(pool_.size())) {}

  std::string description() const override {
    return "CPU, " + std::to_string(pool_.size()) + (pool_.size() == 1 ? " thread, " : " threads, ") +
           kernels_.name;
  }

  Buffer allocate(std::size_t bytes) override { return map_memory(bytes); }

  void blend_matrix(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                    DType storage) override {
    constexpr std::int64_t kStep = PackedMatrix::kPanelStep;
    pool_.split((matrix.rows + kStep - 1) / kStep,
                [&](std::int64_t begin, std::int64_t end) {
                  pack_rows(matrix, inputs, window, storage, begin * kStep, end * kStep);
                },
                false);
  }

  void blend_vector(float* out, std::span<const BlendInput> inputs, std::int64_t first, std::int64_t count,
                    DType storage, float offset) override {
    std::vector<BlendInput> sources(inputs.begin(), inputs.end());
    for (BlendInput& source : sources) source.data += static_cast<std::size_t>(first) * size_of(source.dtype);
    std::vector<std::byte> stored(static_cast<std::size_t>(count) * size_of(storage));
    blend(sources, static_cast<std::size_t>(count), storage, stored.data());
    widen(stored.data(), storage, count, out);
    for (std::int64_t i = 0; i < count; ++i) out[i] += offset;
  }

  std::uint64_t hash(const std::byte* data, std::size_t bytes) const override {
    return xxh3(std::span<const std::byte>(data, bytes));
  }

  void embed(std::span<const std::int32_t> ids, const PackedMatrix& embedding, std::int64_t first_row,
             float scale, float* x) override {
    pool_.split(static_cast<std::int64_t>(ids.size()), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        float* row = x + t * embedding.columns;
        const std::int64_t index = ids[static_cast<std::size_t>(t)] - first_row;
        if (index < 0 || index >= embedding.rows) {
          std::fill(row, row + embedding.columns, 0.0f);
          continue;
        }
        unpack_row(embedding, index, row);
        for (std::int64_t c = 0; c < embedding.columns; ++c) row[c] *= scale;
      }
    });
  }

  void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t width,
                Compute rounding, float* out) override {
    pool_.split(rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        kernels_.rms_norm(x + r * width, weight, eps, width, rounding, out + r * width);
    });
  }

  void linear(const float* a, std::int64_t lda, const PackedMatrix& w, const float* bias, std::int64_t rows,
              float* out, std::int64_t ldo) override {
    if (rows == 0) return;
    constexpr std::int64_t kStep = PackedMatrix::kPanelStep;
    // Whole panels a thread, where there are enough: a single row is read 64 columns at a time.
    const std::int64_t unit = w.panels() >= 4 * pool_.size() ? PackedMatrix::kPanel : kStep;
    pool_.split((w.rows + unit - 1) / unit, [&](std::int64_t begin, std::int64_t end) {
      kernels_.linear(a, lda, w, bias, rows, begin * unit, std::min(end * unit, w.rows), out, ldo);
    });
  }

  void add_parts(std::span<const float* const> parts, const float* bias, std::int64_t rows,
                 std::int64_t width, bool accumulate, float* x) override {
    constexpr std::size_t kMostParts = 8;
    WISK_ASSERT(parts.size() <= kMostParts && (parts.size() & (parts.size() - 1)) == 0 && !parts.empty());
    pool_.split(rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        for (std::int64_t c = 0; c < width; ++c) {
          float part[kMostParts];
          for (std::size_t s = 0; s < parts.size(); ++s) part[s] = parts[s][r * width + c];
          for (std::size_t count = parts.size(); count > 1; count /= 2) {
            for (std::size_t s = 0; s < count / 2; ++s) part[s] = part[2 * s] + part[2 * s + 1];
          }
          const float sum = bias == nullptr ? part[0] : part[0] + bias[c];
          x[r * width + c] = accumulate ? x[r * width + c] + sum : sum;
        }
      }
    });
  }

  void add(float* x, const float* y, std::int64_t count) override {
    pool_.split((count + 4095) / 4096, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin * 4096; i < std::min(end * 4096, count); ++i) x[i] += y[i];
    });
  }

  void rope(float* x, std::int64_t heads, std::int64_t head_dim, std::span<const float> angles,
            Compute rounding) override {
    const std::int64_t half = head_dim / 2, rows = static_cast<std::int64_t>(angles.size()) / head_dim;
    pool_.split(rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const float* angle = angles.data() + t * head_dim;
        for (std::int64_t h = 0; h < heads; ++h) {
          float* first = x + (t * heads + h) * head_dim;
          float* second = first + half;
          for (std::int64_t d = 0; d < half; ++d) {
            const float cosine = angle[2 * d], sine = angle[2 * d + 1], a = first[d], b = second[d];
            first[d] = a * cosine - b * sine;
            second[d] = b * cosine + a * sine;
          }
          if (rounding == Compute::kBFloat16) {
            for (std::int64_t d = 0; d < head_dim; ++d) first[d] = round_to_bf16(first[d]);
          }
        }
      }
    });
  }

  void store_kv(const float* k, const float* v, int layer, const StepTokens& step, KvCache& cache) override {
    const std::int64_t row = std::int64_t{cache.kv_heads} * cache.head_dim;
    pool_.split(step.size(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) store_token(k + t * row, v + t * row, layer, step, t, cache);
    });
  }

  void attention(const float* q, const AttentionShape& shape, int layer, const StepTokens& step,
                 const KvCache& cache, Compute rounding, float* out) override {
    const int group = shape.heads / shape.kv_heads;
    const std::int64_t items = std::int64_t{step.size()} * shape.kv_heads;
    std::atomic<std::int64_t> next{0};  // items differ in length: members take them one by one
    const auto work = [&](int member) {
      AttentionScratch& scratch = scratch_[static_cast<std::size_t>(member)];
      for (std::int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < items;
           i = next.fetch_add(1, std::memory_order_relaxed)) {
        const auto t = static_cast<std::size_t>(i / shape.kv_heads);
        const int head = static_cast<int>(i % shape.kv_heads);
        const std::int64_t offset =
            (static_cast<std::int64_t>(t) * shape.heads + std::int64_t{head} * group) * shape.head_dim;
        kernels_.attend(q + offset, group, head, step.positions[t], step.pages.data() + step.page_rows[t],
                        layer, shape, cache, rounding, scratch, out + offset);
      }
    };
    pool_.run(work);
  }

  void gated(Activation activation, const float* gate, const float* up, std::int64_t count, Compute rounding,
             float* out) override {
    constexpr std::int64_t kUnit = 1024;
    pool_.split((count + kUnit - 1) / kUnit, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t from = begin * kUnit, to = std::min(end * kUnit, count);
      kernels_.gated(activation, gate + from, up + from, to - from, rounding, out + from);
    });
  }

  void softcap(float* x, std::int64_t count, float cap) override {
    constexpr std::int64_t kUnit = 1024;
    pool_.split((count + kUnit - 1) / kUnit, [&](std::int64_t begin, std::int64_t end) {
      kernels_.softcap(x + begin * kUnit, std::min(end * kUnit, count) - begin * kUnit, cap);
    });
  }

  void for_each(std::int64_t count, const std::function<void(std::int64_t, int)>& task) override {
    std::atomic<std::int64_t> next{0};
    std::mutex lock;
    std::exception_ptr failure;
    const auto work = [&](int member) {
      try {
        for (std::int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) task(i, member);
      } catch (...) {
        const std::lock_guard<std::mutex> guard(lock);
        if (failure == nullptr) failure = std::current_exception();
      }
    };
    pool_.run(work, false);
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  int members() const override { return pool_.size(); }

  void copy_page(KvCache& cache, int from, int to) override {
    std::memcpy(cache.keys(to, 0, 0), cache.keys(from, 0, 0), cache.page_bytes());
  }

 private:
  static void store_token(const float* k /* [G, D] */, const float* v /* [G, D] */, int layer,
                          const StepTokens& step, std::int64_t t, KvCache& cache) {
    const std::int32_t position = step.positions[static_cast<std::size_t>(t)];
    const std::int32_t page = step.pages[static_cast<std::size_t>(
        step.page_rows[static_cast<std::size_t>(t)] + position / kPageTokens)];
    const std::int64_t slot = position % kPageTokens, dim = cache.head_dim, padded = cache.padded_dim();
    for (int head = 0; head < cache.kv_heads; ++head, k += dim, v += dim) {
      std::byte* keys = cache.keys(page, layer, head);
      std::byte* values = keys + cache.half_bytes();
      if (cache.dtype == DType::kFloat32) {
        for (std::int64_t d = 0; d < dim; ++d) {
          reinterpret_cast<float*>(keys)[d * kPageTokens + slot] = k[d];
          reinterpret_cast<float*>(values)[slot * padded + d] = v[d];
        }
      } else {
        for (std::int64_t d = 0; d < dim; ++d) {
          reinterpret_cast<std::uint16_t*>(keys)[(d / 2 * kPageTokens + slot) * 2 + d % 2] =
              float_to_bf16(k[d]);
          reinterpret_cast<std::uint16_t*>(values)[(slot / 2 * padded + d) * 2 + slot % 2] =
              float_to_bf16(v[d]);
        }
      }
    }
  }

  const Kernels& kernels_;
  ThreadPool pool_;
  std::vector<AttentionScratch> scratch_;  // [threads]
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace wisk::device
