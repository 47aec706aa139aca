#pragma once
// The forward pass, written once for every architecture and device.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/comm/device_group.hpp>
#include <wisk/device/device.hpp>
#include <wisk/model/architecture.hpp>
#include <wisk/model/weights.hpp>

namespace wisk::model {

/// Logits of some tokens of a step, f32, on the host; valid until the next forward pass.
struct Logits {
  std::span<const float> values;  // [rows, stride], V of each row
  std::span<const float> maxima;  // [rows, logit_blocks(V)]: the largest of each block; or empty
  std::int64_t vocabulary = 0, stride = 0;
  [[nodiscard]] std::span<const float> row(std::size_t index) const {
    return values.subspan(index * static_cast<std::size_t>(stride), static_cast<std::size_t>(vocabulary));
  }
  [[nodiscard]] std::span<const float> row_maxima(std::size_t index) const {
    if (maxima.empty()) return {};
    const auto blocks = static_cast<std::size_t>(device::logit_blocks(vocabulary));
    return maxima.subspan(index * blocks, blocks);
  }
};

/// A model held by the ranks of one replica. Not thread-safe; forward() is collective over the replica, whose
/// ranks must give it the same step.
class Transformer {
 public:
  /// `replica`: the ranks that hold the model together, this rank's shard being (replica.rank(),
  /// replica.size()). `group`: how their devices exchange data themselves; null: over the host.
  Transformer(device::Device& device, const Architecture& architecture, Weights& weights,
              device::Compute compute, comm::Communicator& replica, comm::DeviceGroup* group = nullptr);
  ~Transformer();

  /// An empty cache of `pages` pages for this rank's heads.
  [[nodiscard]] device::KvCache make_cache(int pages) const;
  /// Bytes of one page on a rank of `ranks`.
  static std::uint64_t page_bytes(const Architecture& architecture, device::Compute compute, int ranks);

  /// Computes the step's tokens, writes their keys and values into `cache`, and returns the logits of the
  /// tokens listed in `rows` (indices into the step).
  Logits forward(const device::StepTokens& step, device::KvCache& cache, std::span<const std::int32_t> rows);

  /// Takes the memory that steps of so many tokens and rows need, however their tokens are chosen, by
  /// computing some of nothing: for devices that choose tokens. Throws OutOfMemory when there is not enough.
  /// Exchanges nothing with other ranks.
  void reserve(std::int64_t tokens, std::int64_t rows, device::KvCache& cache);

  /// Whether the device chooses tokens: then begin() and choices() are there.
  [[nodiscard]] bool chooses() const { return device_.chooses(); }

  /// Begins a step as forward(), but chooses the next token of each row on the device instead of giving
  /// logits; may return before anything is computed. What it is given must stay until choices().
  void begin(const device::StepTokens& step, device::KvCache& cache, std::span<const std::int32_t> rows,
             const device::StepChoice& choice);
  /// Waits for the step that was begun. Of each of its rows; valid until the next.
  std::span<const device::RowChoice> choices();

  [[nodiscard]] const Architecture& architecture() const { return architecture_; }

 private:
  struct Workspace;
  void forget_workspace();
  void embed(const device::StepTokens& step, std::int64_t tokens);
  void attention(std::size_t layer, const device::StepTokens& step, device::KvCache& cache,
                 std::int64_t tokens);
  void feed_forward(std::size_t layer, std::int64_t tokens);
  void add_products(std::vector<device::Linear>& products, const device::ConstOperands& x, std::int64_t width,
                    const std::vector<device::PackedMatrix>& slices, const float* bias, float* out) const;
  void add_projection(const device::ConstOperands& y, std::int64_t width,
                      const std::vector<device::PackedMatrix>& slices, const device::Buffer& bias,
                      const device::Buffer& norm, const device::Buffer* next_norm, std::int64_t tokens);
  void gather(const float* mine, std::int64_t count, float* all);
  void or_over_ranks(float* x, std::int64_t count);
  void wait();
  device::Linear head_of(std::span<const std::int32_t> rows, std::int64_t count);
  void multiply_logits(std::span<const std::int32_t> rows, std::int64_t count);
  void choose(std::span<const std::int32_t> rows, std::int64_t count, const device::Choosing& choosing);
  void share_logits(device::Linear& head, std::int64_t count);
  template <class Last>
  void run(const device::StepTokens& step, device::KvCache& cache, const device::StepSize& size,
           const Last& last);
  [[nodiscard]] std::int64_t logit_stride() const;
  Logits logits(std::int64_t count);
  Logits gather_logits(std::int64_t count, std::int64_t local_vocabulary);
  [[nodiscard]] std::size_t layer_rope(std::size_t index) const;
  void extend_angles(const device::StepTokens& step);

  device::Device& device_;
  Architecture architecture_;
  Weights& weights_;
  device::Compute compute_;
  comm::Communicator& replica_;
  comm::DeviceGroup* group_;
  std::int64_t heads_, kv_heads_, feed_forward_;  // of this rank
  std::unique_ptr<Workspace> work_;
};

}  // namespace wisk::model
