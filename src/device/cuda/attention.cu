// Attention in bf16. A block has the rows of one item a warp, of one key/value head, an item being a few
// neighbouring tokens, or a part of one token's group; attention_tile.cuh is what a warp does with a page.
//
// Pages that all tokens of a block of threads share (a problem's prompt, the tokens of a prefill) come
// first: each is read once for all warps, where a block has several. From the first block of keys on where
// they differ, each warp reads its own. Both ways only move bytes, so results do not depend on the way, nor
// on what else is in the step. Compiled with denormals as zero.

#include <algorithm>

#include <wisk/core/assert.hpp>

#include "attention.hpp"
#include "attention_tile.cuh"
#include "layer_cache.cuh"

namespace wisk::device::cuda {
namespace {

struct Work {
  const std::uint32_t* q;  // [T, H, D/2], pairs
  AttentionShape shape;
  LayerCache cache;
  Step step;
  std::uint32_t* out;  // [T, H, D/2], pairs
  int parts;           // items of a token
  int rows_of_token;   // of an item
  int tokens_of_item;  // 1 where there are parts
};

/// Pages of a block of threads, or of its warps: kStages pages of keys and values each. Where a block is one
/// warp, there are few of them, so each has more pages on their way.
template <int kMost, int kWarps>
struct Shared {
  static constexpr int kStages = (kMost <= 64 ? 2 : 1) * (kWarps == 1 ? 2 : 1), kPages = kWarps * kStages;
  static constexpr int kBlocksOfProcessor = kMost <= 128 && kWarps > 1 ? 3 : 1;  // at once, by registers
  HalfPage<kMost> keys[kPages], values[kPages];
  Scores scores[kWarps];
  std::uint32_t differ[kWarps];
};

/// What a row of a warp is. position < 0: padding, or no row at all, which has no place.
struct Row {
  std::int32_t position = -1, page_row = 0;
  std::int64_t place = -1;  // (token, head) in [T, H]

  __device__ Row(const Work& work, int item, int kv_head, int row) {
    const int group = work.shape.heads / work.shape.kv_heads;
    const int token = item / work.parts * work.tokens_of_item + row / work.rows_of_token;
    const int head = item % work.parts * kRows + row % work.rows_of_token;
    if (row >= work.tokens_of_item * work.rows_of_token || token >= work.step.tokens || head >= group) return;
    position = work.step.positions[token];
    page_row = work.step.page_rows[token];
    place = static_cast<std::int64_t>(token) * work.shape.heads + kv_head * group + head;
  }
};

/// The tokens of a block of kWarps warps, one a lane; every warp has them.
template <int kWarps>
struct Tokens {
  int count;
  std::int32_t position = -1, page_row = 0;

  __device__ Tokens(const Work& work, int first_item, const Lane& lane) {
    const int begin = first_item / work.parts * work.tokens_of_item;
    const int end = ((first_item + kWarps - 1) / work.parts + 1) * work.tokens_of_item;
    count = (end < work.step.tokens ? end : work.step.tokens) - begin;
    if (lane.index >= count) return;
    position = work.step.positions[begin + lane.index];
    page_row = work.step.page_rows[begin + lane.index];
  }
};

/// The place of the lowest bit that is set, of at least one. (nvcc makes a constant of std::countr_zero.)
__device__ int lowest_bit(std::uint32_t bits) {
  return __ffs(static_cast<int>(bits)) - 1;
}

/// The blocks that some lane's token sees.
__device__ Blocks blocks_of_warp(std::int32_t position, int window) {
  Blocks blocks = seen_blocks(position, window);
  if (blocks.end == 0) blocks.begin = std::numeric_limits<int>::max();
  for (int apart = kLanes / 2; apart > 0; apart /= 2) {
    const int begin = __shfl_xor_sync(kWholeWarp, blocks.begin, apart);
    const int end = __shfl_xor_sync(kWholeWarp, blocks.end, apart);
    blocks.begin = begin < blocks.begin ? begin : blocks.begin;
    blocks.end = end > blocks.end ? end : blocks.end;
  }
  return blocks.end == 0 ? Blocks{0, 0} : blocks;
}

/// The first block of `blocks` that no token sees (it lies between their windows), or whose page is not the
/// same for all tokens that see it. All threads.
template <int kWarps>
__device__ int first_that_differs(const Work& work, const Tokens<kWarps>& tokens, Blocks blocks,
                                  const Lane& lane, std::uint32_t (&differ)[kWarps]) {
  constexpr int kThreads = kWarps * kLanes;
  const auto thread = static_cast<int>(threadIdx.x);
  for (int begin = blocks.begin; begin < blocks.end; begin += kThreads) {
    const int block = begin + thread;
    std::int32_t page = -1;
    bool same = true;
    for (int i = 0; i < tokens.count; ++i) {
      const Blocks seen = seen_blocks(__shfl_sync(kWholeWarp, tokens.position, i), work.shape.window);
      const std::int32_t page_row = __shfl_sync(kWholeWarp, tokens.page_row, i);
      if (block < seen.begin || block >= seen.end) continue;
      const std::int32_t other = page_of(work.step, page_row, block);
      same = same && (page < 0 || page == other);
      page = other;
    }
    // Threads behind the last block find it unseen, too: they answer with the end.
    const std::uint32_t of_warp = __ballot_sync(kWholeWarp, same && page >= 0 ? 0 : 1);
    if (lane.index == 0) differ[thread / kLanes] = of_warp;
    __syncthreads();
    int found = -1;
    for (int w = kWarps - 1; w >= 0; --w) {
      if (differ[w] != 0) found = begin + w * kLanes + lowest_bit(differ[w]);
    }
    __syncthreads();
    if (found >= 0) return found;
  }
  return blocks.end;
}

/// The page of a block that some token sees, the same for all that do. The whole warp.
template <int kWarps>
__device__ std::int32_t shared_page(const Work& work, const Tokens<kWarps>& tokens, int block) {
  const bool sees = seen_keys(tokens.position, block, work.shape.window).any();
  const int first = lowest_bit(__ballot_sync(kWholeWarp, sees ? 1 : 0));
  return page_of(work.step, __shfl_sync(kWholeWarp, tokens.page_row, first), block);
}

/// What a warp's rows see, block by block: neighbours that see the same keys of one page together, as on the
/// CPU. All members are of the whole warp.
class BlocksOfRows {
 public:
  /// Before the start of block `begin`.
  __device__ BlocksOfRows(const Work& work, const Row& row, const Lane& lane, int begin)
      : work_(work), row_(row), lane_(lane), block_(begin - 1) {}

  /// Goes to the start of a block.
  __device__ void enter(int block) {
    block_ = block;
    const SeenKeys seen = seen_keys(row_.position, block, work_.shape.window);
    last_ = seen.last;
    page_ = seen.any() ? page_of(work_.step, row_.page_row, block) : -1;
    const std::int32_t page_before = __shfl_up_sync(kWholeWarp, page_, 4);
    const int last_before = __shfl_up_sync(kWholeWarp, last_, 4);
    const bool starts = seen.any() && (lane_.row == 0 || page_ != page_before || last_ != last_before);
    seen_ = __ballot_sync(kWholeWarp, seen.any() ? 1 : 0);
    starts_ = __ballot_sync(kWholeWarp, starts && lane_.pair == 0 ? 1 : 0);
  }

  /// The next of this block; no lanes where there is none.
  __device__ BlockOfKeys take() {
    if (starts_ == 0) return {-1, block_, 0, 0};
    const int first = lowest_bit(starts_);
    starts_ &= starts_ - 1;
    const std::uint32_t before_next = starts_ == 0 ? kWholeWarp : (starts_ & (0u - starts_)) - 1;
    return {__shfl_sync(kWholeWarp, page_, first), block_, __shfl_sync(kWholeWarp, last_, first),
            seen_ & before_next & (kWholeWarp << first)};
  }

  /// The next of the blocks up to `end`.
  __device__ BlockOfKeys take_before(int end) {
    while (starts_ == 0 && block_ + 1 < end) enter(block_ + 1);
    return take();
  }

 private:
  const Work& work_;
  const Row& row_;
  const Lane& lane_;
  int block_, last_ = 0;
  std::int32_t page_ = -1;
  std::uint32_t seen_ = 0, starts_ = 0;
};

/// One warp in the kernel.
template <int kMost, bool kWhole, int kWarps>
struct Warp {
  using Memory = Shared<kMost, kWarps>;
  static constexpr int kStages = Memory::kStages, kPages = Memory::kPages, kThreads = kWarps * kLanes;
  const Work& work;
  Memory& shared;
  int kv_head, index;  // of the warp in its block of threads
  Lane lane;
  Row row;
  AttentionTile<kMost, kWhole> tile;

  [[nodiscard]] __device__ const std::byte* keys(std::int32_t page) const {
    return work.cache.keys(page, kv_head);
  }

  /// Blocks [begin, end), whose pages all tokens share, kPages - 1 of them on their way at a time.
  __device__ __forceinline__ void attend_shared(const Tokens<kWarps>& tokens, int begin, int end) {
    const auto stage = [&](int block) {
      if (block < end) {
        const std::byte* page = keys(shared_page(work, tokens, block));
        const int slot = (block - begin) % kPages, member = static_cast<int>(threadIdx.x);
        stage_keys<kThreads>(page, tile.dim, member, shared.keys[slot].unit);
        stage_values<kThreads>(page + work.cache.half_bytes, tile.dim, member, shared.values[slot].unit);
      }
      cp_async_commit();
    };
    BlocksOfRows blocks(work, row, lane, begin);
    for (int ahead = 0; ahead < kPages - 1; ++ahead) stage(begin + ahead);
    for (int block = begin; block < end; ++block) {
      cp_async_wait<kPages - 2>();
      __syncthreads();  // the block's page is there, and nobody reads the one before it any more
      stage(block + kPages - 1);
      const int slot = (block - begin) % kPages;
      blocks.enter(block);
      for (BlockOfKeys seen = blocks.take(); seen.lanes != 0; seen = blocks.take()) {
        float scores[2][4] = {};
        tile.multiply_keys(shared.keys[slot].unit, lane, scores);
        const Weights weights =
            tile.weigh(scores, seen, row.position, work.shape, lane, shared.scores[index]);
        tile.multiply_values(shared.values[slot].unit, weights, seen, lane);
      }
    }
    cp_async_wait<0>();
    __syncthreads();
  }

  /// Blocks [begin, end) of the warp's rows by itself: keys are fetched while values are used, and values
  /// while keys are, kStages pages ahead.
  __device__ __forceinline__ void attend_own(int begin, int end) {
    const auto fetch_keys = [&](const BlockOfKeys& seen, int slot) {
      if (seen.lanes != 0) stage_keys<kLanes>(keys(seen.page), tile.dim, lane.index, shared.keys[slot].unit);
      cp_async_commit();
    };
    const auto fetch_values = [&](const BlockOfKeys& seen, int slot) {
      if (seen.lanes != 0) {
        stage_values<kLanes>(keys(seen.page) + work.cache.half_bytes, tile.dim, lane.index,
                             shared.values[slot].unit);
      }
      cp_async_commit();
    };
    BlocksOfRows blocks(work, row, lane, begin);
    BlockOfKeys ahead[kStages];
#pragma unroll
    for (int s = 0; s < kStages; ++s) {
      ahead[s] = blocks.take_before(end);
      fetch_keys(ahead[s], index * kStages + s);
      fetch_values(ahead[s], index * kStages + s);
    }
    for (int s = 0; ahead[0].lanes != 0; s = (s + 1) % kStages) {
      const BlockOfKeys seen = ahead[0];
      const int slot = index * kStages + s;
      for (int i = 0; i + 1 < kStages; ++i) ahead[i] = ahead[i + 1];
      ahead[kStages - 1] = blocks.take_before(end);
      cp_async_wait<2 * kStages - 1>();
      __syncwarp();
      float scores[2][4] = {};
      tile.multiply_keys(shared.keys[slot].unit, lane, scores);
      __syncwarp();  // nobody reads these keys any more
      fetch_keys(ahead[kStages - 1], slot);
      const Weights weights = tile.weigh(scores, seen, row.position, work.shape, lane, shared.scores[index]);
      cp_async_wait<2 * kStages - 1>();
      __syncwarp();
      tile.multiply_values(shared.values[slot].unit, weights, seen, lane);
      __syncwarp();
      fetch_values(ahead[kStages - 1], slot);
    }
    cp_async_wait<0>();
  }

  /// Results of the warp's rows, four neighbouring dimensions of two rows a lane.
  __device__ void store() const {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int of_row = 4 * (2 * lane.pair + e);
      const float denominator = __shfl_sync(kWholeWarp, tile.denominator, of_row);
      const std::int32_t position = __shfl_sync(kWholeWarp, row.position, of_row);
      const int place = __shfl_sync(kWholeWarp, static_cast<int>(row.place), of_row);
      if (place < 0) continue;
      const std::int64_t dim = tile.dim.dim();
#pragma unroll
      for (int w = 0; w < tile.kWide; ++w) {
        TwoWords words;
        for (int j = 0; j < 2; ++j) {
          // Adding +0 makes a zero positive: its sign could depend on what an unseen key's slot holds.
          const float even = tile.sums[w][j][e] / denominator + 0.0f;
          const float odd = tile.sums[w][j][e + 2] / denominator + 0.0f;
          words.word[j] = position < 0 ? 0 : bf16_pair(even, odd);
        }
        const int d = 32 * w + 4 * lane.row;
        std::uint32_t* out = work.out + (place * dim + d) / 2;
        if constexpr (kWhole) {
          *reinterpret_cast<TwoWords*>(out) = words;
        } else {
          if (d < dim) out[0] = words.word[0];
          if (d + 2 < dim) out[1] = words.word[1];
        }
      }
    }
  }
};

/// Block b of the grid (one-dimensional): key/value head b % G and items [kWarps (b / G), kWarps (b / G) +
/// kWarps), one a warp.
template <int kMost, bool kWhole, int kWarps>
__global__ void __launch_bounds__(kWarps* kLanes, Shared<kMost, kWarps>::kBlocksOfProcessor)
    attention_kernel(const Work work) {
  auto& shared = block_shared<Shared<kMost, kWarps>>();
  const auto block = static_cast<int>(blockIdx.x);
  const int kv_head = block % work.shape.kv_heads, first_item = block / work.shape.kv_heads * kWarps;
  const int index = static_cast<int>(threadIdx.x) / kLanes;
  const Lane lane(static_cast<int>(threadIdx.x) % kLanes);
  const Row row(work, first_item + index, kv_head, lane.row);
  Warp<kMost, kWhole, kWarps> warp{work, shared, kv_head, index, lane, row, {{work.shape.head_dim}}};
  const bool computes = row.position >= 0;
  warp.tile.load_queries(computes ? work.q + row.place * work.shape.head_dim / 2 : nullptr, lane);
  const Tokens<kWarps> tokens(work, first_item, lane);
  const Blocks all = blocks_of_warp(tokens.position, work.shape.window);
  const int differs = first_that_differs(work, tokens, all, lane, shared.differ);
  warp.attend_shared(tokens, all.begin, differs);
  const Blocks own = blocks_of_warp(row.position, work.shape.window);
  warp.attend_own(own.begin > differs ? own.begin : differs, own.end);
  warp.store();
}

template <int kMost, bool kWhole, int kWarps>
void start(const Work& work, std::int64_t items, Stream stream) {
  const std::int64_t blocks = (items + kWarps - 1) / kWarps * work.shape.kv_heads;
  WISK_ASSERT(items <= 0x7fffffff - kWarps && blocks <= 0x7fffffff);
  launch<Shared<kMost, kWarps>>(attention_kernel<kMost, kWhole, kWarps>, static_cast<unsigned>(blocks),
                                kWarps * kLanes, stream, work);
}

template <int kMost, bool kWhole>
void start(const Work& work, std::int64_t items, int warps, Stream stream) {
  if (warps == 1) return start<kMost, kWhole, 1>(work, items, stream);
  return start<kMost, kWhole, kAttentionWarps>(work, items, stream);
}

int rows_of_token(const AttentionShape& shape) {
  return std::min(shape.heads / shape.kv_heads, kRows);
}

/// Items of a token, 1 unless the group has more than kRows heads.
int parts_of(const AttentionShape& shape) {
  return (shape.heads / shape.kv_heads + kRows - 1) / kRows;
}

/// Items of a key/value head: of so many tokens, so many of them a warp.
std::int64_t items_of(const AttentionShape& shape, int tokens, int together) {
  return (std::int64_t{tokens} + together - 1) / together * parts_of(shape);
}

}  // namespace

int most_together(const AttentionShape& shape) {
  return kRows / rows_of_token(shape);
}

AttentionCut usual_cut(const AttentionShape& shape, int tokens) {
  constexpr std::int64_t kEnoughBlocks = 256, kProcessors = 128;  // of which GPUs have about so many
  AttentionCut cut{most_together(shape), kAttentionWarps};
  const auto blocks = [&] { return items_of(shape, tokens, cut.together) / cut.warps * shape.kv_heads; };
  while (cut.together > 1 && blocks() < kEnoughBlocks) cut.together /= 2;
  if (blocks() < kProcessors) cut.warps = 1;
  return cut;
}

void attention_bf16(const std::uint32_t* q, const AttentionShape& shape, int layer, const Step& step,
                    const KvCache& cache, const AttentionCut& cut, std::uint32_t* out, Stream stream) {
  WISK_ASSERT(cache.dtype == DType::kBFloat16 && cache.head_dim == shape.head_dim);
  WISK_ASSERT(shape.head_dim % 2 == 0 && shape.head_dim <= kMostHeadDim && step.tokens >= 0);
  WISK_ASSERT(cut.together >= 1 && cut.together <= most_together(shape));
  WISK_ASSERT(cut.warps == 1 || cut.warps == kAttentionWarps);
  WISK_ASSERT(std::int64_t{step.tokens} * shape.heads <= 0x7fffffff);
  const std::int64_t items = items_of(shape, step.tokens, cut.together);
  const Work work{q,   shape,           layer_of(cache, layer), step,
                  out, parts_of(shape), rows_of_token(shape),   cut.together};
  if (shape.head_dim == 64) return start<64, true>(work, items, cut.warps, stream);
  if (shape.head_dim == 128) return start<128, true>(work, items, cut.warps, stream);
  if (shape.head_dim == 256) return start<256, true>(work, items, cut.warps, stream);
  if (shape.head_dim < 128) return start<128, false>(work, items, cut.warps, stream);
  return start<256, false>(work, items, cut.warps, stream);
}

void attention(const std::byte* q, const AttentionShape& shape, int layer, const Step& step,
               const KvCache& cache, std::byte* out, Stream stream) {
  if (cache.dtype == DType::kFloat32) {
    return attention_f32(reinterpret_cast<const float*>(q), shape, layer, step, cache,
                         reinterpret_cast<float*>(out), stream);
  }
  attention_bf16(reinterpret_cast<const std::uint32_t*>(q), shape, layer, step, cache,
                 usual_cut(shape, step.tokens), reinterpret_cast<std::uint32_t*>(out), stream);
}

}  // namespace wisk::device::cuda
