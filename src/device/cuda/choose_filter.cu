// The filters top_k, top_p and min_p as one cut for each row of logits, found by digits: no sorting. Compiled
// with denormals kept, as the CPU's chooser.

#include <bit>
#include <cstdint>
#include <limits>

#include <wisk/core/assert.hpp>
#include <wisk/core/math.hpp>

#include "choose.hpp"
#include "choose_block.cuh"
#include "vectors.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 512, kWarps = kThreads / kLanes;
constexpr int kDigitBits = 8, kDigits = 1 << kDigitBits, kLevels = 64 / kDigitBits;
constexpr int kIdBits = 24;
/// Levels 0 to kKeyLevel fix the logit, those after it the id.
constexpr int kKeyLevel = kLevels - 1 - kIdBits / kDigitBits;
constexpr float kUnit = 0x1p44f;  // of weights: sums of 2^19 of them fit 64 bits

using Rank = std::uint64_t;
using Amount = unsigned long long;  // ids or weights

/// What filters do, in numbers of the kernel.
struct Filtering {
  std::int32_t top_k;  // 0: off
  double top_p;        // 1: off
  double reach;        // T log(min_p): how far below the largest a logit may be; -inf: off
  float scale;         // 1 / T
};

/// Amounts by digit, of the ids that have the digits found before. As words of 32 bits: to those a block adds
/// in one instruction, to 64 bits it takes a loop of attempts. Sums are the same in any order.
struct Histogram {
  std::uint32_t low[kDigits], high[kDigits];

  __device__ void clear(unsigned digit) { low[digit] = high[digit] = 0; }
  __device__ void add(unsigned digit, Amount amount) {
    const auto of_low = static_cast<std::uint32_t>(amount);
    const std::uint32_t before = atomicAdd(&low[digit], of_low);
    const std::uint32_t carry = before + of_low < before ? 1 : 0;
    const std::uint32_t of_high = static_cast<std::uint32_t>(amount >> 32) + carry;
    if (of_high != 0) atomicAdd(&high[digit], of_high);
  }
  /// After a barrier.
  [[nodiscard]] __device__ Amount operator[](int digit) const {
    return static_cast<Amount>(high[digit]) << 32 | low[digit];
  }
};

struct Shared {
  Histogram amounts;
  // The cut so far: its leading digits; what lies above it; what it has to reach.
  Rank found;
  Amount above, target;
  bool done;
  float largest[kWarps];
  std::int32_t numbers[kWarps];
};

/// A row of logits, all its threads' view.
struct Row {
  const WholeLogits& logits;
  std::int64_t index;  // of the row
  std::int64_t rows;   // R
  bool vectors;        // each part of a row is aligned to 16 bytes
  float largest;
  float scale;  // 1 / T

  /// The place of an id in the order (logit falling, id rising), as a number that falls. The first digit is
  /// a coarse logit, eighths of T below the largest: the first digits of floats would crowd in few values.
  __device__ Rank rank(float logit, std::int32_t id) const {
    const auto bits = std::bit_cast<std::uint32_t>(logit + 0.0f);  // both zeros are one number
    const std::uint32_t key = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    const float below = (largest - logit) * scale * 8.0f;
    const auto coarse = static_cast<std::uint32_t>(below < kDigits - 1 ? below : kDigits - 1);
    return (static_cast<Rank>(kDigits - 1 - coarse) << 56) | (static_cast<Rank>(key) << kIdBits) |
           (~static_cast<std::uint32_t>(id) & ((1u << kIdBits) - 1));
  }
  __device__ Amount weight(float logit) const {
    return static_cast<Amount>(math::exp_of_negative((logit - largest) * scale) * kUnit);
  }
  /// Calls take(logit, id) for the ids of this thread, NaN left out.
  template <class F>
  __device__ void each(const F& take) const {
    for (int part = 0; part < logits.parts; ++part) {
      const std::int32_t first = logits.edges[part], count = logits.edges[part + 1] - first;
      each_of_part(logits.data + (part * rows + index) * logits.stride, first, count, take);
    }
  }
  template <class F>
  __device__ void each_of_part(const float* values /* [count] */, std::int32_t first, std::int32_t count,
                               const F& take) const {
    const std::int32_t whole = vectors ? count / 4 : 0;
    const auto thread = static_cast<std::int32_t>(threadIdx.x);
    for (std::int32_t i = thread; i < whole; i += kThreads) {
      const Floats four = reinterpret_cast<const Floats*>(values)[i];
      for (int e = 0; e < 4; ++e) {
        if (four.value[e] >= kMinusInfinity) take(four.value[e], first + 4 * i + e);
      }
    }
    for (std::int32_t i = 4 * whole + thread; i < count; i += kThreads) {
      if (values[i] >= kMinusInfinity) take(values[i], first + i);
    }
  }
};

__device__ float logit_of(Rank rank) {
  const auto key = static_cast<std::uint32_t>(rank >> kIdBits);
  return std::bit_cast<float>((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}
__device__ std::int32_t id_of(Rank rank) {
  return static_cast<std::int32_t>(~static_cast<std::uint32_t>(rank) & ((1u << kIdBits) - 1));
}

/// The largest logit and how many are numbers, to all threads. kThreads threads.
__device__ void survey(Row& row, Shared& shared, std::int32_t& numbers) {
  float largest = kMinusInfinity;
  std::int32_t count = 0;
  row.each([&](float logit, std::int32_t) {
    largest = logit > largest ? logit : largest;
    ++count;
  });
  largest = largest_of_warp(largest);
  count = tree_sum_of_warp(count);
  if (threadIdx.x % kLanes == 0) {
    shared.largest[threadIdx.x / kLanes] = largest;
    shared.numbers[threadIdx.x / kLanes] = count;
  }
  __syncthreads();
  numbers = 0;
  for (unsigned w = 0; w < kWarps; ++w) {
    largest = shared.largest[w] > largest ? shared.largest[w] : largest;
    numbers += shared.numbers[w];
  }
  row.largest = largest;
}

/// By one warp: the digit at which the target is reached, from the largest digit down. Lane l looks at the
/// eight below kDigits - 8 l. `share`: the target is that share of all there is (level 0).
__device__ void find_digit(int level, double share, Shared& shared) {
  constexpr int kOfLane = kDigits / kLanes;
  const auto lane = static_cast<int>(threadIdx.x % kLanes);
  Amount own = 0;
  for (int j = 0; j < kOfLane; ++j) own += shared.amounts[kDigits - 1 - kOfLane * lane - j];
  Amount until = own;  // of this lane's digits and all above
  for (int apart = 1; apart < kLanes; apart *= 2) {
    const Amount other = __shfl_up_sync(kWholeWarp, until, apart);
    if (lane >= apart) until += other;
  }
  Amount target = shared.target;
  if (share >= 0 && level == 0) {
    const Amount all = __shfl_sync(kWholeWarp, until, kLanes - 1);
    const double wanted = share * static_cast<double>(all);
    target = static_cast<Amount>(wanted);
    if (static_cast<double>(target) < wanted) ++target;
    target = target < 1 ? 1 : (target > all ? all : target);
  }
  Amount above = shared.above + until - own;
  __syncwarp();  // all have read what one is about to write
  const unsigned reached = __ballot_sync(kWholeWarp, own > 0 && above + own >= target ? 1 : 0);
  if (lane == __ffs(static_cast<int>(reached)) - 1) {
    int digit = kDigits - 1 - kOfLane * lane;
    while (above + shared.amounts[digit] < target) above += shared.amounts[digit--];
    shared.found |= static_cast<Rank>(digit) << (56 - kDigitBits * level);
    shared.above = above;
    shared.target = target;
  }
}

/// The last id of the shortest prefix of those from rank `within` on that reaches the target: `count` ids, or
/// `share` of their weight where that is not negative. All threads get it. The ids below it in rank that the
/// search leaves undecided have its logit or are kept all.
__device__ Rank select(const Row& row, Rank within, Amount count, double share, Shared& shared) {
  if (threadIdx.x == 0) {
    shared.found = 0;
    shared.above = 0;
    shared.target = count;
    shared.done = false;
  }
  for (int level = 0; level < kLevels; ++level) {
    for (unsigned digit = threadIdx.x; digit < kDigits; digit += kThreads) shared.amounts.clear(digit);
    __syncthreads();
    const Rank found = shared.found;
    const int shift = 56 - kDigitBits * level;
    if (shared.done) break;
    row.each([&](float logit, std::int32_t id) {
      const Rank rank = row.rank(logit, id);
      if (rank < within || (level > 0 && (rank ^ found) >> (shift + kDigitBits) != 0)) return;
      const Amount amount = share < 0 ? 1 : row.weight(logit);
      if (amount != 0) shared.amounts.add(static_cast<unsigned>(rank >> shift) & (kDigits - 1), amount);
    });
    __syncthreads();
    if (threadIdx.x < kLanes) {
      find_digit(level, share, shared);
      __syncwarp();
      // Equal logits that are all needed: their ids need not be looked at.
      if (threadIdx.x == 0 && level >= kKeyLevel) {
        const Amount one = share < 0 ? 1 : row.weight(logit_of(shared.found));
        shared.done = shared.above + shared.amounts[static_cast<int>(shared.found >> shift) & (kDigits - 1)] -
                          shared.target <
                      one;
      }
    }
    __syncthreads();
  }
  return shared.found;
}

/// The smallest float that is not below `value`.
__device__ float rounded_up(double value) {
  const auto nearest = static_cast<float>(value);
  if (!(static_cast<double>(nearest) < value)) return nearest;
  const auto bits = std::bit_cast<std::uint32_t>(nearest + 0.0f);
  if (bits == 0) return std::bit_cast<float>(1u);
  return std::bit_cast<float>((bits & 0x80000000u) != 0 ? bits - 1 : bits + 1);
}

/// Thread block r finds the cut of row r. kThreads threads.
__global__ void __launch_bounds__(kThreads, 2)
    cuts_kernel(const __grid_constant__ WholeLogits logits /* R = gridDim.x */, bool vectors,
                const RowDraw* draws /* [R] */, const Filtering filtering, Cut* cuts /* [R] */) {
  auto& shared = block_shared<Shared>();
  Row row{logits, blockIdx.x, gridDim.x, vectors, 0, filtering.scale};
  Cut cut{kMinusInfinity, kNoToken};
  if (draws[blockIdx.x].active != 0) {
    std::int32_t numbers = 0;
    survey(row, shared, numbers);
    const bool sound = row.largest > kMinusInfinity && row.largest < -kMinusInfinity;
    Rank last = 0;
    if (sound && filtering.top_k > 0 && filtering.top_k <= numbers) {
      last = select(row, last, static_cast<Amount>(filtering.top_k), -1, shared);
    }
    if (sound && filtering.top_p < 1) {
      __syncthreads();
      last = select(row, last, 0, filtering.top_p, shared);
    }
    if (last != 0) cut = {logit_of(last), id_of(last)};
    const float lowest = rounded_up(static_cast<double>(row.largest) + filtering.reach);
    if (sound && lowest > cut.logit) cut = {lowest, kNoToken};
  }
  if (threadIdx.x == 0) cuts[blockIdx.x] = cut;
}

}  // namespace

void find_cuts(const WholeLogits& logits, const ChoiceRows& rows, const Choosing& choosing, Cut* cuts,
               Stream stream) {
  WISK_ASSERT(logits.parts >= 1 && logits.parts <= kMostVocabularyParts && logits.edges[0] == 0);
  const std::int32_t vocabulary = logits.edges[logits.parts];
  WISK_ASSERT(choosing.filters(vocabulary) && vocabulary < (1 << kIdBits) && rows.draws != nullptr);
  const double min_p = choosing.min_p > 1e-300 ? choosing.min_p : 1e-300;
  const Filtering filtering{choosing.top_k < vocabulary ? choosing.top_k : 0, choosing.top_p,
                            choosing.min_p > 0 ? choosing.temperature * math::log(min_p) : kLowestScore,
                            static_cast<float>(1.0 / choosing.temperature)};
  const bool vectors = takes_vectors(logits.data) && logits.stride % 4 == 0;
  launch_with_denormals<Shared>(cuts_kernel, static_cast<unsigned>(rows.count), kThreads, stream, logits,
                                vectors, rows.draws, filtering, cuts);
}

}  // namespace wisk::device::cuda
