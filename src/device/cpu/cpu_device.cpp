// The operators on the CPU: each splits its work over the thread pool so that every output element is
// computed whole by one thread.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <vector>

#include <wisk/core/assert.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/device/device.hpp>

#include "cores.hpp"
#include "kernels.hpp"
#include "matrix_pack.hpp"
#include "product_lists.hpp"
#include "rows.hpp"
#include "thread_pool.hpp"
#include "work_list.hpp"

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

  std::vector<std::uint64_t> hash(std::span<const MemoryPart> parts) override {
    std::vector<std::uint64_t> hashes(parts.size());
    for_each(static_cast<std::int64_t>(parts.size()), [&](std::int64_t i, int) {
      const MemoryPart& part = parts[static_cast<std::size_t>(i)];
      hashes[static_cast<std::size_t>(i)] = xxh3(std::span(part.data, part.bytes));
    });
    return hashes;
  }

  void upload(std::byte* to, std::span<const std::byte> from) override {
    std::copy(from.begin(), from.end(), to);
  }
  void download(std::span<std::byte> to, const std::byte* from) override {
    std::copy_n(from, to.size(), to.begin());
  }
  std::span<const float> host_view(const float* data, std::int64_t count) override {
    return {data, static_cast<std::size_t>(count)};
  }
  bool is_host_memory() const override { return true; }
  std::int64_t operand_bytes(Compute) const override { return sizeof(float); }

  StepSize begin_step(const StepTokens& step, std::span<const std::int32_t> rows,
                      const StepChoice* choice) override {
    WISK_ASSERT(choice == nullptr);
    defer();
    return {step.size(), static_cast<std::int64_t>(rows.size())};
  }

  void defer() override {
    work_.clear();  // what an exception left behind
    products_.clear();
    deferring_ = true;
  }

  void wait() override {
    deferring_ = false;
    work_.run();
    products_.clear();
  }

  void embed(const StepTokens& step, const PackedMatrix& embedding, std::int64_t first_row, float scale,
             float* x) override {
    by_rows(step.size(),
            [ids = step.ids, matrix = &embedding, first_row, scale, x](std::int64_t begin, std::int64_t end) {
              for (std::int64_t t = begin; t < end; ++t) {
                float* row = x + t * matrix->columns;
                const std::int64_t index = ids[static_cast<std::size_t>(t)] - first_row;
                if (index < 0 || index >= matrix->rows) {
                  std::fill(row, row + matrix->columns, 0.0f);
                  continue;
                }
                unpack_row(*matrix, index, row);
                for (std::int64_t c = 0; c < matrix->columns; ++c) row[c] *= scale;
              }
            });
  }

  void take_rows(const float* x, std::int64_t width, std::span<const std::int32_t> rows,
                 float* out) override {
    // Reads rows that other members may have written.
    submit({}, [this, x, width, rows, out](int member, std::atomic<std::int64_t>&) {
      const auto [begin, end] = pool_.share(static_cast<std::int64_t>(rows.size()), member);
      for (std::int64_t r = begin; r < end; ++r)
        std::copy_n(x + rows[static_cast<std::size_t>(r)] * width, width, out + r * width);
    });
  }

  void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t width,
                Compute rounding, Operands out) override {
    by_rows(rows, [=, to = out.f32(), norm = kernels_.rms_norm](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        norm(x + r * width, weight, eps, width, rounding, to + r * width);
    });
  }

  void linear(std::span<const Linear> products, std::int64_t rows) override {
    if (rows == 0 || products.empty()) return;
    const bool at_once = !deferring_;
    deferring_ = true;  // its two parts share what is kept of the products
    const ProductLists::List list = products_.keep(products, rows);
    if (list.any_pairs) {
      by_rows(rows,
              [this, list](std::int64_t begin, std::int64_t end) { products_.make_pairs(list, begin, end); });
    }
    // Members take some panels at a time, as a core may be slower than another or busy with something else;
    // whole groups of four, which a single row is multiplied with at once.
    const std::int64_t panels = list.panels;
    const std::int64_t chunk =
        pool_.size() == 1 ? panels : std::max<std::int64_t>(4, panels / (8 * pool_.size()) / 4 * 4);
    submit({}, [this, list, panels, chunk](int, std::atomic<std::int64_t>& next) {
      take(next, panels, chunk,
           [&](std::int64_t begin) { products_.multiply(list, begin, std::min(begin + chunk, panels)); });
    });
    if (at_once) wait();
  }

  void add_parts(std::span<const float* const> parts, const float* bias, std::int64_t rows,
                 std::int64_t width, bool accumulate, float* x) override {
    WISK_ASSERT(parts.size() <= kMostParts && std::has_single_bit(parts.size()));
    std::array<const float*, kMostParts> kept{};
    std::copy(parts.begin(), parts.end(), kept.begin());
    by_rows(rows, [=, count = parts.size(), add = kernels_.add_parts](std::int64_t begin, std::int64_t end) {
      add(std::span(kept).first(count), bias, width, accumulate, x, begin, end);
    });
  }

  void rotate_and_store(const AttentionShape& shape, float* q, float* k, const float* v, const float* angles,
                        Compute rounding, int layer, const StepTokens& step, KvCache& cache,
                        Operands rotated) override {
    WISK_ASSERT(rotated.f32() == q);
    by_rows(step.size(), [=, to = &cache, rotate = kernels_.rope, store = kernels_.store_kv](
                             std::int64_t begin, std::int64_t end) {
      rotate(q, shape.heads, shape.head_dim, angles, step.positions, rounding, begin, end);
      rotate(k, shape.kv_heads, shape.head_dim, angles, step.positions, rounding, begin, end);
      store(k, v, layer, step, *to, begin, end);
    });
  }

  void attention(ConstOperands q, const AttentionShape& shape, int layer, const StepTokens& step,
                 const KvCache& cache, Compute rounding, Operands out) override {
    // A few neighbours at a time, so that they can share pages; few enough that every member has work.
    constexpr std::int64_t kMostTokens = 16;
    const std::int64_t tokens = step.size();
    const std::int64_t together =
        std::clamp<std::int64_t>(tokens * shape.kv_heads / (4 * pool_.size()), 1, kMostTokens);
    submit({}, [this, q, shape, layer, step, from = &cache, rounding, out, tokens, together](
                   int member, std::atomic<std::int64_t>& next) {
      const std::int64_t items = (tokens + together - 1) / together * shape.kv_heads;
      take(next, items, 1, [&](std::int64_t i) {
        const std::int64_t begin = i / shape.kv_heads * together;
        kernels_.attend(q.f32(), static_cast<int>(begin),
                        static_cast<int>(std::min(begin + together, tokens)),
                        static_cast<int>(i % shape.kv_heads), shape, layer, step, *from, rounding,
                        scratch_[static_cast<std::size_t>(member)], out.f32());
      });
    });
  }

  void gated(Activation activation, const float* gate, const float* up, std::int64_t count, Compute rounding,
             Operands out) override {
    by_units(count, [=, to = out.f32(), gate_range = kernels_.gated](std::int64_t begin, std::int64_t end) {
      gate_range(activation, gate + begin, up + begin, end - begin, rounding, to + begin);
    });
  }

  void softcap(float* x, std::int64_t count, float cap) override {
    by_units(count, [=, softcap_range = kernels_.softcap](std::int64_t begin, std::int64_t end) {
      softcap_range(x + begin, end - begin, cap);
    });
  }

  void for_each(std::int64_t count, const std::function<void(std::int64_t, int)>& task) override {
    std::atomic<std::int64_t> next{0};
    std::mutex lock;
    std::exception_ptr failure;
    const auto work = [&](int member) {
      try {
        take(next, count, 1, [&](std::int64_t i) { task(i, member); });
      } catch (...) {
        const std::lock_guard<std::mutex> guard(lock);
        if (failure == nullptr) failure = std::current_exception();
      }
    };
    pool_.run(work, false);
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  int members() const override { return pool_.size(); }
  [[nodiscard]] std::string kind() const override { return "cpu"; }

  double peak_rate() override {
    // Long enough to see what a step sees: other work on the machine, the clock under load.
    constexpr double kSeconds = 2e-3;
    constexpr int kTrials = 3;
    double best = 0;
    std::int64_t rounds = 1000;
    for (int trial = 0; trial < kTrials;) {
      std::atomic<double> done{0};
      const Stopwatch watch;
      pool_.run([&](int) { done.fetch_add(kernels_.multiply_adds(rounds)); });
      const double seconds = watch.seconds();
      if (seconds < kSeconds) {
        rounds *= 2;
        continue;
      }
      best = std::max(best, done.load() / seconds);
      ++trial;
    }
    return best;
  }

  void copy_page(KvCache& cache, int from, int to) override {
    std::memcpy(cache.keys(to, 0, 0), cache.keys(from, 0, 0), cache.page_bytes());
  }

 private:
  /// f(begin) for the chunks of [0, count) that this member is first to take; every member calls it.
  template <class F>
  static void take(std::atomic<std::int64_t>& next, std::int64_t count, std::int64_t chunk, const F& f) {
    for (std::int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed); begin < count;
         begin = next.fetch_add(chunk, std::memory_order_relaxed)) {
      f(begin);
    }
  }

  /// Does the task, now or with wait().
  template <class Task>
  void submit(Sharing sharing, const Task& task) {
    work_.add(sharing, task);
    if (!deferring_) wait();
  }

  /// task(begin, end) for each member's share of `rows`.
  template <class Task>
  void by_rows(std::int64_t rows, const Task& task) {
    submit({rows}, [this, rows, task](int member, std::atomic<std::int64_t>&) {
      const auto [begin, end] = pool_.share(rows, member);
      if (begin < end) task(begin, end);
    });
  }

  /// task(begin, end) for each member's share of `count` elements, cut at multiples of the widest vector.
  template <class Task>
  void by_units(std::int64_t count, const Task& task) {
    constexpr std::int64_t kUnit = 256;
    submit({}, [this, count, task](int member, std::atomic<std::int64_t>&) {
      const auto [begin, end] = pool_.share((count + kUnit - 1) / kUnit, member);
      if (begin < end) task(begin * kUnit, std::min(end * kUnit, count));
    });
  }

  const Kernels& kernels_;
  ThreadPool pool_;
  WorkList work_{pool_};
  bool deferring_ = false;
  std::vector<AttentionScratch> scratch_;  // [threads]
  ProductLists products_{kernels_};        // of the work that is deferred
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace wisk::device
