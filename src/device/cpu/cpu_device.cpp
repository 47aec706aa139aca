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
      : kernels_(kernels_named(options.kernels)),
        pool_(cores_of(options)),
        scratch_(static_cast<std::size_t>(pool_.size())) {}

  std::string description() const override {
    return "CPU, " + std::to_string(pool_.size()) + (pool_.size() == 1 ? " thread, " : " threads, ") +
           kernels_.name;
  }

  Buffer allocate(std::size_t bytes) override { return map_memory(bytes); }

  void blend_matrix(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                    DType storage) override {
    pool_.split(
        matrix.panels(),
        [&](std::int64_t begin, std::int64_t end) {
          pack_panels(matrix, inputs, window, storage, begin, end);
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

  void linear(std::span<const Linear> products, std::int64_t rows) override {
    if (rows == 0) return;
    pack_inputs(products, rows);
    std::int64_t panels = 0;
    for (const Linear& x : products) panels += x.w->panels();
    // Members take some panels at a time, as a core may be slower than another or busy with something else;
    // whole groups of four, which a single row is multiplied with at once.
    const std::int64_t chunk =
        pool_.size() == 1 ? panels : std::max<std::int64_t>(4, panels / (8 * pool_.size()) / 4 * 4);
    std::atomic<std::int64_t> next{0};
    pool_.run([&](int) {
      for (std::int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed); begin < panels;
           begin = next.fetch_add(chunk, std::memory_order_relaxed)) {
        multiply_panels(products, rows, begin, std::min(begin + chunk, panels));
      }
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
    // A few neighbours at a time, so that they can share pages; few enough that every member has work.
    constexpr std::int64_t kMostTokens = 16;
    const std::int64_t tokens = step.size();
    const std::int64_t together =
        std::clamp<std::int64_t>(tokens * shape.kv_heads / (4 * pool_.size()), 1, kMostTokens);
    const std::int64_t items = (tokens + together - 1) / together * shape.kv_heads;
    for_each_item(items, [&](std::int64_t i, int member) {
      const std::int64_t begin = i / shape.kv_heads * together;
      kernels_.attend(q, static_cast<int>(begin), static_cast<int>(std::min(begin + together, tokens)),
                      static_cast<int>(i % shape.kv_heads), shape, layer, step, cache, rounding,
                      scratch_[static_cast<std::size_t>(member)], out);
    });
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
  /// Where the operands of products are bf16 and the kernels multiply pairs: makes them.
  void pack_inputs(std::span<const Linear> products, std::int64_t rows) {
    pairs_of_.assign(products.size(), -1);
    if (!kernels_.multiplies_pairs) return;
    std::int64_t count = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
      const Linear& x = products[i];
      const std::int64_t k = x.w->columns;
      if (x.inputs != Compute::kBFloat16 || x.w->dtype != DType::kBFloat16 || k % 2 != 0) continue;
      const bool again = i > 0 && pairs_of_[i - 1] >= 0 && products[i - 1].a == x.a &&
                         products[i - 1].lda == x.lda && products[i - 1].w->columns == k;
      pairs_of_[i] = again ? pairs_of_[i - 1] : count;
      if (!again) count += rows * (k / 2);
    }
    if (static_cast<std::size_t>(count) > pairs_.size()) pairs_.resize(static_cast<std::size_t>(count));
    pool_.split(rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::size_t i = 0; i < products.size(); ++i) {
        const Linear& x = products[i];
        const std::int64_t k = x.w->columns;
        if (pairs_of_[i] < 0 || (i > 0 && pairs_of_[i] == pairs_of_[i - 1])) continue;
        for (std::int64_t r = begin; r < end; ++r) {
          pack_pairs(x.a + r * x.lda, k / 2, pairs_.data() + pairs_of_[i] + r * (k / 2));
        }
      }
    });
  }

  /// Panels [begin, end) of all products, counted through.
  void multiply_panels(std::span<const Linear> products, std::int64_t rows, std::int64_t begin,
                       std::int64_t end) const {
    std::int64_t first = 0;  // of this product
    for (std::size_t i = 0; i < products.size() && first < end; ++i) {
      const std::int64_t panels = products[i].w->panels();
      const std::int64_t from = std::max(begin - first, std::int64_t{0}), to = std::min(end - first, panels);
      const std::uint32_t* pairs = pairs_of_[i] < 0 ? nullptr : pairs_.data() + pairs_of_[i];
      if (from < to) kernels_.linear(products[i], pairs, rows, from, to);
      first += panels;
    }
  }

  /// task(index, member) for every index; items differ in length, so members take them one by one.
  template <class Task>
  void for_each_item(std::int64_t items, const Task& task) {
    std::atomic<std::int64_t> next{0};
    pool_.run([&](int member) {
      for (std::int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < items;
           i = next.fetch_add(1, std::memory_order_relaxed)) {
        task(i, member);
      }
    });
  }

  static void store_token(const float* k /* [G, D] */, const float* v /* [G, D] */, int layer,
                          const StepTokens& step, std::int64_t t, KvCache& cache) {
    const std::int32_t position = step.positions[static_cast<std::size_t>(t)];
    const std::int32_t page = step.pages[static_cast<std::size_t>(
        step.page_rows[static_cast<std::size_t>(t)] + position / kPageTokens)];
    constexpr std::int64_t kPanel = PackedMatrix::kPanel;
    const std::int64_t slot = position % kPageTokens, dim = cache.head_dim;
    for (int head = 0; head < cache.kv_heads; ++head, k += dim, v += dim) {
      std::byte* keys = cache.keys(page, layer, head);
      std::byte* values = keys + cache.half_bytes();
      // The token is row `slot` of the keys and column `slot` of the values.
      if (cache.dtype == DType::kFloat32) {
        auto* key = reinterpret_cast<float*>(keys) + slot / kPanel * dim * kPanel + slot % kPanel;
        auto* value = reinterpret_cast<float*>(values) + slot * kPanel;
        for (std::int64_t d = 0; d < dim; ++d) {
          key[d * kPanel] = k[d];
          value[d / kPanel * kPageTokens * kPanel + d % kPanel] = v[d];
        }
      } else {
        auto* key = reinterpret_cast<std::uint16_t*>(keys) + slot / kPanel * dim * kPanel + slot % kPanel * 2;
        auto* value = reinterpret_cast<std::uint16_t*>(values) + slot / 2 * 2 * kPanel + slot % 2;
        for (std::int64_t d = 0; d < dim; ++d) {
          key[d / 2 * 2 * kPanel + d % 2] = float_to_bf16(k[d]);
          value[d / kPanel * kPageTokens * kPanel + d % kPanel * 2] = float_to_bf16(v[d]);
        }
      }
    }
  }

  const Kernels& kernels_;
  ThreadPool pool_;
  std::vector<AttentionScratch> scratch_;  // [threads]
  std::vector<std::uint32_t> pairs_;       // operands of the current products, [rows, K/2] each
  std::vector<std::int64_t> pairs_of_;     // [products] where in pairs_, or -1
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace wisk::device
