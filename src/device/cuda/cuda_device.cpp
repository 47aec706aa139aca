// The operators on a GPU: each puts its kernels into one stream. Plain C++; kernels are called by their host
// functions.
#include "cuda_device.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>

#include "attention.hpp"
#include "choose.hpp"
#include "device_array.hpp"
#include "graph_cache.hpp"
#include "ingredients.hpp"
#include "memory_hash.hpp"
#include "norm.hpp"
#include "products.hpp"
#include "rotate_store.hpp"
#include "rows.hpp"
#include "softcap.hpp"
#include "step_arrays.hpp"

namespace wisk::device::cuda {

namespace {

/// Multiply-adds of bf16 that a multiprocessor's tensor cores do in a cycle, by the data sheets: 989 TFLOP/s
/// of an H100 SXM are 132 multiprocessors at 1.83 GHz.
double multiply_adds_per_cycle(int major, int minor) {
  if (major == 8) return minor == 0 ? 1024 : 512;
  return major == 9 ? 2048 : 4096;
}

bool all_bf16(std::span<const Linear> products) {
  return std::ranges::all_of(products, [](const Linear& x) {
    return x.inputs == Compute::kBFloat16 && x.w->dtype == DType::kBFloat16;
  });
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const CudaOptions& options)
      : gpu_(options.gpu),
        graphs_wanted_(options.graphs),
        host_(make_cpu_device(options.host)),
        ingredients_(*host_, options.keep_ingredients, options.reserve_bytes) {}

  std::string description() const override {
    return gpu_.name + ", " + kind().substr(sizeof("cuda ") - 1) + ", " +
           std::to_string(gpu_.multiprocessors) + " multiprocessors";
  }
  std::string kind() const override {
    return "cuda sm_" + std::to_string(gpu_.major) + std::to_string(gpu_.minor);
  }

  // Memory.

  /// take(), which allocates; where there is too little memory, what is kept for speed only makes room first.
  template <class Take>
  auto with_room(const Take& take) -> decltype(take()) {
    try {
      return take();
    } catch (const OutOfMemory&) {
      if (ingredients_.kept_bytes() == 0) throw;
      forget_ingredients();
    }
    return take();
  }

  Buffer allocate(std::size_t bytes) override {
    graphs_.forget();  // somebody's memory moves
    if (bytes == 0) return {};
    return with_room([bytes] {
      return Buffer(allocate_device(bytes), bytes, [](std::byte* data, std::size_t) { free_device(data); });
    });
  }

  void upload(std::byte* to, std::span<const std::byte> from) override {
    copy_to_device(to, from.data(), from.size(), work());
    synchronize(work());
  }

  void download(std::span<std::byte> to, const std::byte* from) override {
    copy_to_host(to.data(), from, to.size(), work());
    synchronize(work());
  }

  std::span<const float> host_view(const float* data, std::int64_t count) override {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
    if (view_.bytes() < bytes) view_ = PinnedBuffer(bytes);
    download({view_.data(), bytes}, reinterpret_cast<const std::byte*>(data));
    return {view_.as<float>(), static_cast<std::size_t>(count)};
  }

  bool is_host_memory() const override { return false; }
  void* stream() const override { return stream_.get(); }
  std::int64_t operand_bytes(Compute rounding) const override {
    return rounding == Compute::kBFloat16 ? 2 : 4;
  }

  std::vector<std::uint64_t> hash(std::span<const MemoryPart> parts) override {
    std::vector<MemoryPart> large;
    std::ranges::copy_if(parts, std::back_inserter(large), can_hash_on_device);
    std::vector<std::uint64_t> of_large;
    try {
      of_large = memory_hash_.hash(large, work());
    } catch (const OutOfMemory&) {  // not worth the ingredients' place: the host does it
    }
    std::vector<std::uint64_t> hashes;
    auto next = of_large.begin();
    for (const MemoryPart& part : parts) {
      const bool done = can_hash_on_device(part) && !of_large.empty();
      hashes.push_back(done ? *next++ : hash_on_host(part));
    }
    return hashes;
  }

  // Weights.

  void blend_matrix(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                    DType storage) override {
    with_room([&] { ingredients_.blend(matrix, inputs, window, storage, work()); });
  }

  std::span<std::byte> keep_ingredient(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                                       std::int64_t columns) override {
    return ingredients_.keep(input, window, rows, columns);
  }
  void load_ingredient(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                       std::int64_t columns) override {
    ingredients_.load(input, window, rows, columns, work());
  }
  void forget_ingredients() override {
    synchronize(work());
    ingredients_.forget();
  }

  /// On the host: norms and biases are some thousand numbers.
  void blend_vector(float* out, std::span<const BlendInput> inputs, std::int64_t first, std::int64_t count,
                    DType storage, float offset) override {
    std::vector<float> blended(static_cast<std::size_t>(count));
    host_->blend_vector(blended.data(), inputs, first, count, storage, offset);
    upload(reinterpret_cast<std::byte*>(out), std::as_bytes(std::span(blended)));
  }

  // Steps.

  void defer() override {}
  void wait() override { synchronize(work()); }

  StepSize begin_step(const StepTokens& step, std::span<const std::int32_t> rows,
                      const StepChoice* choice) override {
    size_ = {step.size(), static_cast<std::int64_t>(rows.size())};
    clear_floors();
    const StepChoice how = choice == nullptr ? StepChoice{} : *choice;
    scoring_ = !how.targets.empty();
    WISK_ASSERT(!scoring_ || how.choosing.temperature == 0);
    // Tokens that are scored are those of prompts, of another cache each.
    decoding_ = size_.tokens == size_.rows && size_.tokens > 0 && !scoring_;
    if (decoding_) size_.tokens = size_.rows = padded_size(size_.tokens);
    const int moved = arrays_.moved();
    const std::optional<Choosing> choosing =
        choice == nullptr ? std::nullopt : std::optional<Choosing>(how.choosing);
    arrays_.upload(step, rows, how.draws, how.targets, size_, work());
    if (arrays_.moved() != moved || choosing != choosing_) graphs_.forget();
    choosing_ = choosing;
    return size_;
  }

  void repeat(StepSize size, const std::function<void()>& operators) override {
    WISK_ASSERT(size == size_);
    if (graphs_wanted_ && decoding_) {
      graphs_.run(size, work(), operators);
    } else {
      operators();
    }
  }

  void forget_recorded() noexcept override { graphs_.forget(); }

  void embed(const StepTokens& /*step*/, const PackedMatrix& embedding, std::int64_t first_row, float scale,
             float* x) override {
    const Step step = tokens();
    cuda::embed(step.ids, step.tokens, embedding, first_row, scale, x, work());
  }

  void take_rows(const float* x, std::int64_t width, std::span<const std::int32_t> /*rows*/,
                 float* out) override {
    cuda::take_rows(x, width, arrays_.rows(), size_.rows, out, work());
  }

  void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t width,
                Compute rounding, Operands out) override {
    cuda::rms_norm(x, weight, eps, rows, width, rounding, out.data, work());
  }

  void linear(std::span<const Linear> products, std::int64_t rows) override {
    products_.clear();
    for (const Linear& x : products) products_.push_back({x.a.data, x.lda, x.w, x.bias, x.out, x.ldo});
    if (all_bf16(products)) {
      cuda::linear(products_, rows, gpu_.multiprocessors, work());
    } else {
      cuda::linear_f32(products_, rows, work());
    }
    for (const Linear& x : products) {
      if (x.softcap != 0) softcap(x.out, rows * x.ldo, x.softcap);
    }
  }

  void gated_linear(std::span<const Linear> gates, std::span<const Linear> ups, Activation activation,
                    std::int64_t rows, std::int64_t width, Compute /*rounding*/, Operands out) override {
    gated_products_.clear();
    std::int64_t column = 0;
    for (std::size_t s = 0; s < gates.size(); ++s) {
      const Linear &gate = gates[s], &up = ups[s];
      gated_products_.push_back(
          {gate.a.data, gate.lda, gate.w, up.w, gate.bias, up.bias, out.from(column).data, width});
      column += gate.w->rows;
    }
    if (all_bf16(gates)) {
      cuda::gated_linear(activation, gated_products_, rows, gpu_.multiprocessors, work());
    } else {
      cuda::gated_linear_f32(activation, gated_products_, rows, work());
    }
  }

  void add_parts(std::span<const float* const> parts, const float* bias, std::int64_t rows,
                 std::int64_t width, bool accumulate, float* x) override {
    cuda::add_parts(parts, bias, rows, width, accumulate, x, work());
  }

  void update_residual(const ResidualUpdate& u, std::int64_t rows, std::int64_t width) override {
    ResidualAndNorm update;
    update.parts = u.parts;
    update.bias = u.bias;
    update.post_weight = u.post_norm;
    update.x = u.x;
    update.weight = u.next_norm;
    update.eps = u.epsilon;
    update.rounding = u.rounding;
    update.out = u.out.data;
    add_parts_and_norm(update, rows, width, work());
  }

  void rotate_and_store(const AttentionShape& shape, float* q, float* k, const float* v, const float* angles,
                        Compute /*rounding*/, int layer, const StepTokens& /*step*/, KvCache& cache,
                        Operands rotated) override {
    const std::int64_t dim = shape.head_dim;
    rotate_store({q, shape.heads * dim}, {k, shape.kv_heads * dim}, {v, shape.kv_heads * dim}, shape.heads,
                 angles, layer, tokens(), cache, rotated.data, work());
  }

  void attention(ConstOperands q, const AttentionShape& shape, int layer, const StepTokens& /*step*/,
                 const KvCache& cache, Compute /*rounding*/, Operands out) override {
    cuda::attention(q.data, shape, layer, tokens(), cache, out.data, work());
  }

  void softcap(float* x, std::int64_t count, float cap) override { cuda::softcap(x, count, cap, work()); }

  void copy_page(KvCache& cache, int from, int to) override { cuda::copy_page(cache, from, to, work()); }

  // Choosing.

  bool chooses() const override { return true; }

  void find_cuts(const WholeLogits& logits, std::int64_t rows) override {
    WISK_ASSERT(choosing_.has_value());
    room(cuts_, static_cast<std::size_t>(rows) * sizeof(Cut));
    cuda::find_cuts(logits, rows_of_step(rows), *choosing_, cuts_.as<Cut>(), work());
  }

  void choose_in_parts(const Linear& head, std::int64_t rows, const VocabularyParts& parts,
                       PartChoice* choices) override {
    WISK_ASSERT(choosing_.has_value());
    room(block_choices_, static_cast<std::size_t>(rows * parts.blocks().count) * sizeof(BlockChoice));
    room(floors_, static_cast<std::size_t>(rows) * sizeof(Floor));
    ChoiceRows step = rows_of_step(rows);
    Targets targets;
    floors_raised_ = true;
    const bool filters = choosing_->filters(parts.vocabulary);
    if (!filters && !scoring_ && all_bf16({&head, 1})) {
      choose_in_product(head.a.data, head.lda, *head.w, head.softcap, parts, step, *choosing_,
                        block_choices_.as<BlockChoice>(), work());
    } else {
      Linear stored = head;
      if (stored.out == nullptr) {
        room(logits_, static_cast<std::size_t>(rows * head.ldo) * sizeof(float));
        stored.out = logits_.as<float>();
        linear({&stored, 1}, rows);
        if (filters) find_cuts({stored.out, head.ldo, 1, {0, parts.vocabulary}}, rows);
      }
      if (scoring_) targets = {arrays_.targets(), stored.out, stored.ldo};
      if (filters) step.cuts = cuts_.as<Cut>();
      choose_in_blocks(stored.out, head.ldo, parts, step, *choosing_, block_choices_.as<BlockChoice>(),
                       work());
    }
    cuda::choose_in_parts(block_choices_.as<BlockChoice>(), parts, step, targets, choices, work());
  }

  void choose_in_rows(const PartChoice* choices, int parts, std::int64_t rows, RowChoice* result) override {
    Targets targets;
    if (scoring_) targets.ids = arrays_.targets();
    cuda::choose_in_rows(choices, parts, rows_of_step(rows), targets, result, work());
    floors_raised_ = false;
  }

  // The host's part.

  double peak_rate() override {
    return 2 * gpu_.multiprocessors * gpu_.clock_hertz * multiply_adds_per_cycle(gpu_.major, gpu_.minor);
  }

  void for_each(std::int64_t count, const std::function<void(std::int64_t, int)>& task) override {
    host_->for_each(count, task);
  }
  int members() const override { return host_->members(); }

 private:
  /// At least so many bytes. Steps that were recorded know where it was.
  void room(DeviceArray& array, std::size_t bytes) {
    if (array.bytes() >= bytes) return;
    graphs_.forget();
    array = with_room([bytes] { return DeviceArray(bytes + bytes / 4); });
  }
  [[nodiscard]] ChoiceRows rows_of_step(std::int64_t rows) const {
    return {static_cast<std::int32_t>(rows), scoring_ ? nullptr : arrays_.draws(), nullptr,
            floors_.as<Floor>()};
  }
  [[nodiscard]] Stream work() const { return stream_.get(); }
  std::uint64_t hash_on_host(const MemoryPart& part) {
    std::vector<std::byte> copy(part.bytes);
    download(copy, part.data);
    return xxh3(copy);
  }
  [[nodiscard]] Step tokens() const { return arrays_.tokens(size_.tokens); }

  /// A step that ended by an error between choose_in_parts() and choose_in_rows() leaves floors that would
  /// hide the next one's tokens. New memory is zero; the old one is freed when the work of that step is done.
  void clear_floors() {
    if (!std::exchange(floors_raised_, false)) return;
    floors_ = {};
    graphs_.forget();
  }

  DeviceInfo gpu_;
  bool graphs_wanted_;
  std::unique_ptr<Device> host_;
  StreamOwner stream_;
  Ingredients ingredients_;
  MemoryHash memory_hash_;
  PinnedBuffer view_;  // of host_view()
  // Of the step.
  StepArrays arrays_;
  StepSize size_;
  bool decoding_ = false;  // one token of each sequence: such steps are repeated
  std::optional<Choosing> choosing_;
  bool scoring_ = false;  // tokens that were given
  GraphCache graphs_;
  std::vector<Product> products_;
  std::vector<GatedProduct> gated_products_;
  DeviceArray block_choices_;  // [R, blocks] BlockChoice
  DeviceArray logits_;         // [R, stride], where they have to be in memory
  DeviceArray cuts_;           // [R] Cut
  DeviceArray floors_;         // [R] Floor, zero between steps
  bool floors_raised_ = false;
};

}  // namespace

std::unique_ptr<Device> make_cuda_device(const CudaOptions& options) {
  use_device(options.gpu.index);
  return std::make_unique<CudaDevice>(options);
}

}  // namespace wisk::device::cuda
