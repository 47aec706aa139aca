#pragma once
// The operators of a forward pass and the memory they work on, behind one interface. Each operator states its
// formula; docs/numerics.md states the order of its sums. No operator's result depends on the number of rows
// it is given together, on the number of threads, or on a neighbour row.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <wisk/device/blend.hpp>
#include <wisk/device/buffer.hpp>
#include <wisk/device/choosing.hpp>
#include <wisk/device/kv_cache.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device {

/// What the inputs of products are rounded to (`model.compute` in a job).
enum class Compute { kBFloat16, kFloat32 };

enum class Activation { kSilu, kGeluTanh };

/// The part of a host tensor [.., row_stride] that a packed matrix takes: rows x columns elements from
/// (first_row, first_column). All counts in elements.
struct MatrixWindow {
  std::int64_t first_row = 0, first_column = 0, row_stride = 0;
};

/// Bytes of a device's memory. Not owning.
struct MemoryPart {
  const std::byte* data = nullptr;
  std::size_t bytes = 0;
};

/// Inputs of products ("operands") where they lie: f32 numbers, or, on a device whose products read bf16 from
/// its memory, those where they are rounded to that (Device::operand_bytes). Not owning.
struct Operands {
  std::byte* data = nullptr;
  std::int64_t bytes = sizeof(float);  ///< of one number
  Operands() = default;
  Operands(float* f32) : data(reinterpret_cast<std::byte*>(f32)) {}  // implicit: f32 numbers are operands
  Operands(std::byte* numbers, std::int64_t bytes_each) : data(numbers), bytes(bytes_each) {}
  [[nodiscard]] Operands from(std::int64_t index) const { return {data + index * bytes, bytes}; }
  /// For devices that have no other form.
  [[nodiscard]] float* f32() const { return reinterpret_cast<float*>(data); }
};

struct ConstOperands {
  const std::byte* data = nullptr;
  std::int64_t bytes = sizeof(float);  ///< of one number
  ConstOperands() = default;
  ConstOperands(const float* f32) : data(reinterpret_cast<const std::byte*>(f32)) {}
  ConstOperands(const Operands& operands) : data(operands.data), bytes(operands.bytes) {}
  ConstOperands(const std::byte* numbers, std::int64_t bytes_each) : data(numbers), bytes(bytes_each) {}
  [[nodiscard]] ConstOperands from(std::int64_t index) const { return {data + index * bytes, bytes}; }
  [[nodiscard]] const float* f32() const { return reinterpret_cast<const float*>(data); }
};

/// The tokens of one step, of any sequences, packed without padding. Host arrays.
struct StepTokens {
  std::span<const std::int32_t> ids = {};        // [T]
  std::span<const std::int32_t> positions = {};  // [T], position in its sequence from 0
  std::span<const std::int32_t> page_rows = {};  // [T], where in `pages` the token's sequence begins
  std::span<const std::int32_t> pages = {};      // page tables of all sequences, one after another
  [[nodiscard]] int size() const { return static_cast<int>(ids.size()); }
};

/// Rows that a device computes for a step: as many as there are, or more where it prefers some sizes. Rows
/// beyond the step's own hold nothing of use.
struct StepSize {
  std::int64_t tokens = 0, rows = 0;
  bool operator==(const StepSize&) const = default;
};

/// How the next tokens of a step's rows are chosen; or, with targets, how likely those are: a choice's
/// logprob is its target's then, and its token what `choosing` makes of the row, which has temperature 0.
struct StepChoice {
  Choosing choosing;
  std::span<const RowDraw> draws = {};         // [R], host; or none with targets
  std::span<const std::int32_t> targets = {};  // [R], host, ids; or none
};

struct AttentionShape {
  int heads = 0;      ///< H, local query heads
  int kv_heads = 0;   ///< G, local key/value heads; H is a multiple of G
  int head_dim = 0;   ///< D
  float scale = 1;    ///< multiplies q k
  float softcap = 0;  ///< 0: none; else cap * tanh(score / cap)
  int window = 0;     ///< 0: all earlier keys; else only the last `window` positions, the own one included
};

/// Logits are searched, split over ranks and drawn for in blocks of so many ids (docs/numerics.md).
inline constexpr std::int64_t kLogitBlock = 64;
constexpr std::int64_t logit_blocks(std::int64_t vocabulary) {
  return (vocabulary + kLogitBlock - 1) / kLogitBlock;
}

/// A product of T rows: out[t, n] = sum_k a[t, k] W[n, k] + bias[n]. Leading dimensions in elements; bias may
/// be null. With `maxima`, logits: out is capped first where `softcap` is not 0 (see Device::softcap), and
/// maxima[t, b] is the largest of block b of out[t, :], a NaN counting for nothing, -inf if there is
/// none; only one such product at a time. `inputs`: bf16 promises that every element of `a` is a bf16 number.
struct Linear {
  ConstOperands a;  // [T, K], rows lda apart
  std::int64_t lda;
  const PackedMatrix* w;  // [N, K]
  const float* bias;      // [N]
  float* out;             // [T, N], rows ldo apart
  std::int64_t ldo;
  Compute inputs = Compute::kFloat32;
  float* maxima = nullptr;  // [T, logit_blocks(N)]
  float softcap = 0;
};

/// What follows a projection whose sum is in parts: x += norm(tree(parts) + bias), then the norm that the
/// next products read. See Device::add_parts and Device::rms_norm for the arithmetic.
struct ResidualUpdate {
  std::span<const float* const> parts;  // each [rows, width]
  const float* bias = nullptr;          // [width], or null
  const float* post_norm = nullptr;     // [width], or null: the sum is added as it is
  const float* next_norm = nullptr;     // [width], or null: `out` is not wanted
  float epsilon = 0;                    ///< of both norms
  Compute rounding = Compute::kFloat32;
  float* x = nullptr;        // [rows, width]
  float* scratch = nullptr;  // [rows, width], where there is a post_norm
  Operands out;              // [rows, width] = rms_norm(x) * next_norm
};

/// One device and its operators. Owned by one thread at a time; work inside an operator is spread over its
/// own threads or streams. Pointers are memory of this device unless called host arrays. T rows are the
/// tokens of a step.
///
/// Operators take effect in the order of their calls. Between defer() and wait() a call may return before its
/// work is done, or begun: what it was given, spans and arrays included, must stay as it is until wait(), and
/// results may be read only after that. An operator that is none of a step's (blending, copying a page, host
/// work) must not be called in between.
class Device {
 public:
  virtual ~Device() = default;

  /// "CPU, 2 threads, AVX2": for logs.
  [[nodiscard]] virtual std::string description() const = 0;

  /// Zero-filled. Throws EnvironmentError when there is not enough memory.
  virtual Buffer allocate(std::size_t bytes) = 0;
  PackedMatrix allocate_matrix(DType dtype, std::int64_t rows, std::int64_t columns);

  /// matrix := blend of the windows of `inputs` (host tensors, [.., row_stride] each), rounded to `storage`,
  /// then to the matrix's own dtype. See device/blend.hpp for the arithmetic.
  virtual void blend_matrix(PackedMatrix& matrix, std::span<const BlendInput> inputs,
                            const MatrixWindow& window, DType storage) = 0;

  /// Memory of this device, of as many bytes, that stands for the window of a host tensor that a matrix of
  /// rows x columns takes, in all later blends: load_ingredient() or the caller fills it. Empty where there
  /// is no room, and on the CPU.
  virtual std::span<std::byte> keep_ingredient(const BlendInput& input, const MatrixWindow& window,
                                               std::int64_t rows, std::int64_t columns);
  /// Reads what is kept for that window.
  virtual void load_ingredient(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                               std::int64_t columns);
  /// Keeps nothing any more.
  virtual void forget_ingredients();

  /// out[i] := blend of elements [first, first + count) of `inputs`, rounded to `storage`, widened to f32,
  /// plus `offset`.
  virtual void blend_vector(float* out /* [count] */, std::span<const BlendInput> inputs, std::int64_t first,
                            std::int64_t count, DType storage, float offset) = 0;

  /// XXH3-64 of each of these parts of this device's memory.
  [[nodiscard]] virtual std::vector<std::uint64_t> hash(std::span<const MemoryPart> parts) = 0;

  /// Copies host memory into this device's, now.
  virtual void upload(std::byte* to, std::span<const std::byte> from) = 0;
  /// Copies this device's memory into the host's, when what was asked for before is done.
  virtual void download(std::span<std::byte> to, const std::byte* from) = 0;
  /// `count` numbers of this device for the host to read, when what was asked for before is done: valid until
  /// the next call, or as long as the memory where the two are one.
  [[nodiscard]] virtual std::span<const float> host_view(const float* data, std::int64_t count) = 0;
  /// Whether the host may read and write this device's memory itself.
  [[nodiscard]] virtual bool is_host_memory() const = 0;

  /// Where a GPU's work is put in order (a cudaStream_t), for exchanges between GPUs; null on the CPU.
  [[nodiscard]] virtual void* stream() const { return nullptr; }

  /// Bytes of an operand that is rounded so.
  [[nodiscard]] virtual std::int64_t operand_bytes(Compute rounding) const = 0;

  /// Begins to defer; forgets what was deferred and never waited for, as after an exception.
  virtual void defer() = 0;
  virtual void wait() = 0;

  /// Begins a step, and to defer: its operators are given this `step`, these `rows` (indices of tokens whose
  /// logits are wanted) and no others, and are asked for the number of tokens and rows that this returns.
  /// `choice`: how their next tokens are chosen, where the device does that (chooses()).
  virtual StepSize begin_step(const StepTokens& step, std::span<const std::int32_t> rows,
                              const StepChoice* choice) = 0;

  /// Does operators(), which depend on nothing but the step's size and on memory that stays where it is until
  /// something is allocated: a device may record them, and repeat them for the next step of that size. They
  /// must not wait.
  virtual void repeat(StepSize size, const std::function<void()>& operators);
  /// Destroys what repeat() has recorded; it may still run.
  virtual void forget_recorded() noexcept {}

  /// x[t, :] = scale * E[id - first_row, :] widened to f32, for the tokens whose row is in this matrix; zeros
  /// for others.
  virtual void embed(const StepTokens& step, const PackedMatrix& embedding /* [rows, C] */,
                     std::int64_t first_row, float scale, float* x /* [T, C] */) = 0;

  /// out[r, :] = x[rows[r], :], for as many rows as begin_step() said.
  virtual void take_rows(const float* x /* [.., width] */, std::int64_t width,
                         std::span<const std::int32_t> rows /* [R], host */, float* out /* [R, width] */) = 0;

  /// out[r, :] = x[r, :] / sqrt(mean(x[r, :]^2) + eps) * weight, rounded to `compute` (Zhang and Sennrich,
  /// RMSNorm, arXiv 1910.07467). In place is allowed.
  virtual void rms_norm(const float* x /* [rows, width] */, const float* weight /* [width] */, float eps,
                        std::int64_t rows, std::int64_t width, Compute rounding,
                        Operands out /* [rows, width] */) = 0;

  /// Products of the same number of rows, none of which reads what another writes.
  virtual void linear(std::span<const Linear> products, std::int64_t rows) = 0;

  /// x[i] (+)= tree(parts)[i] + bias[i % width]: the parts are added pairwise in a binary tree
  /// ((p0+p1)+(p2+p3))+...; their number is a power of two. `accumulate` adds to x, else x is overwritten;
  /// bias may be null.
  virtual void add_parts(std::span<const float* const> parts /* each [rows, width] */,
                         const float* bias /* [width] */, std::int64_t rows, std::int64_t width,
                         bool accumulate, float* x /* [rows, width] */) = 0;

  /// out[:, part of s] = act(gate of slice s) * (up of slice s), rounded to `rounding`: the products' own
  /// `out` is scratch that a device may leave untouched. gates[s] and ups[s] have equal shapes; the slices
  /// lie side by side in rows of `width` numbers.
  virtual void gated_linear(std::span<const Linear> gates, std::span<const Linear> ups, Activation activation,
                            std::int64_t rows, std::int64_t width, Compute rounding,
                            Operands out /* [rows, width] */);

  /// Does an update of the residual stream.
  virtual void update_residual(const ResidualUpdate& update, std::int64_t rows, std::int64_t width);

  /// Rotates q and k of every head by the angles of the token's position (pairs (d, d + D/2): Su et al.,
  /// RoFormer, arXiv 2104.09864, in the half-split form of Hugging Face checkpoints) and rounds them; q goes
  /// to `rotated` (q itself where is_host_memory(), else other memory), keys and values into their pages,
  /// rounded to the cache's dtype. q and k may be overwritten.
  virtual void rotate_and_store(const AttentionShape& shape, float* q /* [T, H, D] */,
                                float* k /* [T, G, D] */, const float* v /* [T, G, D] */,
                                const float* angles /* [positions, 2, D/2]: cos, sin */, Compute rounding,
                                int layer, const StepTokens& step, KvCache& cache,
                                Operands rotated /* [T, H, D] */) = 0;

  /// out[t, h, :] = softmax_j(cap(scale q[t, h] k[j])) v[j] over the keys j that the token sees, rounded to
  /// `rounding`.
  virtual void attention(ConstOperands q /* [T, H, D] */, const AttentionShape& shape, int layer,
                         const StepTokens& step, const KvCache& cache, Compute rounding,
                         Operands out /* [T, H, D] */) = 0;

  /// out[i] = act(gate[i]) * up[i], rounded to `rounding`; out may be gate where operands are f32. The second
  /// half of gated_linear() where a device does not do both at once.
  virtual void gated(Activation activation, const float* gate, const float* up, std::int64_t count,
                     Compute rounding, Operands out);

  /// Whether this device chooses tokens itself: then choose_in_parts() and choose_in_rows() are there.
  [[nodiscard]] virtual bool chooses() const { return false; }

  /// Of the logits cap(a W^T) that `head` describes, the choice of each row in each of this rank's parts of
  /// the vocabulary: see <wisk/device/choosing.hpp>. Where head.out is not null the logits are there already,
  /// with their cuts found: filters look at the whole vocabulary, of which several ranks have parts.
  virtual void choose_in_parts(const Linear& head, std::int64_t rows, const VocabularyParts& parts,
                               PartChoice* choices /* [parts.count, rows] */);
  /// What the step's filters keep of these rows, all ranks' parts of them.
  virtual void find_cuts(const WholeLogits& logits, std::int64_t rows);
  /// The choice of each row, from the parts of all ranks in their order.
  virtual void choose_in_rows(const PartChoice* choices /* [parts, rows] */, int parts, std::int64_t rows,
                              RowChoice* result /* [rows] */);

  /// x[i] = cap * tanh(x[i] / cap): what Linear::softcap does to logits.
  virtual void softcap(float* x, std::int64_t count, float cap) = 0;

  /// Copies page `from` to page `to`, all layers.
  virtual void copy_page(KvCache& cache, int from, int to) = 0;

  /// The most that products can reach here, in multiplications and additions a second: independent
  /// multiply-adds of the instruction that they use, with nothing from memory. Takes some milliseconds.
  [[nodiscard]] virtual double peak_rate() = 0;

  /// Host work on this device's host threads: task(index, member) once for every index in [0, count), members
  /// in [0, members()). The first exception of a task is thrown again here.
  virtual void for_each(std::int64_t count, const std::function<void(std::int64_t, int)>& task) = 0;
  [[nodiscard]] virtual int members() const = 0;
  /// Hardware that gives the same bits: "cpu" (any processor).
  [[nodiscard]] virtual std::string kind() const = 0;

 private:
  std::vector<Linear> gated_products_;  // of one call of gated_linear
};

struct CpuOptions {
  int threads = 0;  ///< 0: the cores that this process is bound to
  int share = 1;    ///< processes that share those cores: each takes its part of them
  int share_rank = 0;
  bool pin = true;  ///< false: some of those cores are others' as well
  std::string kernels =
      "auto";  ///< "auto": the fastest; names: src/device/cpu/kernels.cpp. The same bits from each
};

/// One processing unit (operating-system index) of each physical core that this process is bound to, in
/// order. Never empty: {-1} when that cannot be read.
std::vector<int> bound_cores();

/// Throws EnvironmentError when the named kernels cannot run on this processor.
std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);

/// Bytes of the second cache level of all cores that a device with these options would use.
std::int64_t cpu_cache_bytes(const CpuOptions& options);

}  // namespace wisk::device
