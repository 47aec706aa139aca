#include <wisk/model/transformer.hpp>

#include <algorithm>
#include <bit>

#include <wisk/core/assert.hpp>

#include "workspace.hpp"

namespace wisk::model {

using device::Compute;

namespace {

const float* or_null(const device::Buffer& buffer) {
  return buffer.bytes() == 0 ? nullptr : buffer.as<float>();
}

}  // namespace

Transformer::Transformer(device::Device& device, const Architecture& architecture, Weights& weights,
                         Compute compute, comm::Communicator& replica, comm::DeviceGroup* group)
    : device_(device),
      architecture_(architecture),
      weights_(weights),
      compute_(compute),
      replica_(replica),
      group_(group),
      heads_(architecture.heads / replica.size()),
      kv_heads_(architecture.kv_heads / replica.size()),
      feed_forward_(architecture.feed_forward / replica.size()) {
  forget_workspace();
}

/// Gives back all memory of steps.
void Transformer::forget_workspace() {
  work_ = std::make_unique<Workspace>();
  work_->angles.resize(architecture_.ropes.size());
}

Transformer::~Transformer() = default;

device::KvCache Transformer::make_cache(int pages) const {
  device::KvCache cache;
  cache.dtype = compute_ == Compute::kBFloat16 ? DType::kBFloat16 : DType::kFloat32;
  cache.layers = static_cast<int>(architecture_.layers.size());
  cache.kv_heads = static_cast<int>(kv_heads_);
  cache.head_dim = architecture_.head_dim;
  cache.pages = pages;
  cache.data = device_.allocate(cache.page_bytes() * static_cast<std::size_t>(pages));
  return cache;
}

std::uint64_t Transformer::page_bytes(const Architecture& a, Compute compute, int ranks) {
  device::KvCache shape;
  shape.dtype = compute == Compute::kBFloat16 ? DType::kBFloat16 : DType::kFloat32;
  shape.layers = static_cast<int>(a.layers.size());
  shape.kv_heads = a.kv_heads / ranks;
  shape.head_dim = a.head_dim;
  return shape.page_bytes();
}

Logits Transformer::forward(const device::StepTokens& step, device::KvCache& cache,
                            std::span<const std::int32_t> rows) {
  extend_angles(step);
  const device::StepSize size = device_.begin_step(step, rows, nullptr);
  run(step, cache, size, [&] {
    if (size.rows > 0) multiply_logits(rows, size.rows);
  });
  wait();
  return logits(static_cast<std::int64_t>(rows.size()));
}

void Transformer::reserve(std::int64_t tokens, std::int64_t rows, device::KvCache& cache) {
  WISK_ASSERT(chooses());
  const std::vector<std::int32_t> nothing(static_cast<std::size_t>(tokens), -1), first(nothing.size(), 0),
      wanted(static_cast<std::size_t>(rows), 0), page(1, 0);
  const std::vector<device::RowDraw> none(wanted.size());
  const device::StepTokens step{nothing, nothing, first, page};
  device::Choosing filtered;
  filtered.top_p = 0.5;
  work_->alone = true;  // another rank may find that it has too little memory
  try {
    for (const device::Choosing& choosing : {device::Choosing{}, filtered}) {
      const device::StepChoice choice{choosing, none};
      const device::StepSize size = device_.begin_step(step, wanted, &choice);
      run(step, cache, size, [&] { choose(wanted, size.rows, choosing); });
      device_.wait();
    }
  } catch (...) {
    forget_workspace();  // what was taken already would be missing where less is tried
    throw;
  }
  work_->alone = false;
}

void Transformer::begin(const device::StepTokens& step, device::KvCache& cache,
                        std::span<const std::int32_t> rows, const device::StepChoice& choice) {
  extend_angles(step);
  const device::StepSize size = device_.begin_step(step, rows, &choice);
  work_->chosen.resize(rows.size());
  run(step, cache, size, [&] {
    if (size.rows > 0) choose(rows, size.rows, choice.choosing);
  });
}

/// For what was begun: as long as the other ranks of the replica are alive.
void Transformer::wait() {
  if (group_ != nullptr) group_->wait(device_.stream());
  device_.wait();
}

std::span<const device::RowChoice> Transformer::choices() {
  wait();
  device_.download(std::as_writable_bytes(std::span(work_->chosen)), work_->row_choices.memory());
  return work_->chosen;
}

/// The layers, then last().
template <class Last>
void Transformer::run(const device::StepTokens& step, device::KvCache& cache, const device::StepSize& size,
                      const Last& last) {
  work_->products.clear();
  work_->others.clear();
  const auto operators = [&] {
    embed(step, size.tokens);
    for (std::size_t layer = 0; layer < architecture_.layers.size(); ++layer) {
      attention(layer, step, cache, size.tokens);  // x += attention(norm(x))
      feed_forward(layer, size.tokens);            // x += feed_forward(norm(x))
    }
    last();
  };
  if (replica_.size() == 1 || group_ != nullptr) {
    device_.repeat(size, operators);
  } else {
    operators();  // the ranks exchange what they have over the host: that is not recorded
  }
}

/// x = scale * E[id]; h = norm(x) for the first layer
void Transformer::embed(const device::StepTokens& step, std::int64_t tokens) {
  const Architecture& a = architecture_;
  const std::int64_t count = tokens * a.width;
  work_->x = work_->residual.get(device_, count);
  work_->h = work_->normed.operands(device_, count, compute_);
  // The reference multiplies by the scale in the model's own precision.
  const float scale = compute_ == Compute::kBFloat16 ? round_to_bf16(a.embedding_scale) : a.embedding_scale;
  device_.embed(step, weights_.embedding, weights_.first_token, scale, work_->x);
  if (replica_.size() > 1) or_over_ranks(work_->x, count);  // every row is on one rank, zeros on the others
  device_.rms_norm(work_->x, weights_.layers.front().input_norm.as<float>(), a.norm_epsilon, tokens, a.width,
                   compute_, work_->h);
}

/// q = Wq h, k = Wk h, v = Wv h; q, k normed and rotated; x += Wo attention(q, k, v); h = norm(x)
void Transformer::attention(std::size_t index, const device::StepTokens& step, device::KvCache& cache,
                            std::int64_t tokens) {
  const Architecture& a = architecture_;
  const LayerWeights& layer = weights_.layers[index];
  const std::int64_t dim = a.head_dim, q_width = heads_ * dim, kv_width = kv_heads_ * dim;
  float* q = work_->query.get(device_, tokens * q_width);
  float* k = work_->key.get(device_, tokens * kv_width);
  float* v = work_->value.get(device_, tokens * kv_width);
  std::vector<device::Linear>& products = work_->products;
  add_products(products, work_->h, a.width, layer.query, or_null(layer.query_bias), q);
  add_products(products, work_->h, a.width, layer.key, or_null(layer.key_bias), k);
  add_products(products, work_->h, a.width, layer.value, or_null(layer.value_bias), v);
  device_.linear(products, tokens);
  products.clear();
  if (a.qk_norm) {
    device_.rms_norm(q, layer.query_norm.as<float>(), a.norm_epsilon, tokens * heads_, dim, Compute::kFloat32,
                     q);
    device_.rms_norm(k, layer.key_norm.as<float>(), a.norm_epsilon, tokens * kv_heads_, dim,
                     Compute::kFloat32, k);
  }
  device::AttentionShape shape;
  shape.heads = static_cast<int>(heads_);
  shape.kv_heads = static_cast<int>(kv_heads_);
  shape.head_dim = a.head_dim;
  shape.scale = a.attention_scale;
  shape.softcap = a.attention_softcap;
  shape.window = a.layers[index].window;
  const device::Operands rotated = device_.is_host_memory()
                                       ? device::Operands(q)
                                       : work_->rotated.operands(device_, tokens * q_width, compute_);
  const device::Operands attended = work_->attended.operands(device_, tokens * q_width, compute_);
  const int number = static_cast<int>(index);
  device_.rotate_and_store(shape, q, k, v, work_->angles[layer_rope(index)].angles.as<float>(), compute_,
                           number, step, cache, rotated);
  device_.attention(rotated, shape, number, step, cache, compute_, attended);
  add_projection(attended, q_width, layer.output, layer.output_bias, layer.attention_norm,
                 &layer.feed_forward_norm, tokens);
}

/// x += Wdown (act(Wgate h) * Wup h); h = norm(x) for the next layer
void Transformer::feed_forward(std::size_t index, std::int64_t tokens) {
  const Architecture& a = architecture_;
  const LayerWeights& layer = weights_.layers[index];
  float* gate = work_->gate.get(device_, tokens * feed_forward_);
  float* up = work_->up.get(device_, tokens * feed_forward_);
  const bool in_place = device_.operand_bytes(compute_) == sizeof(float);
  const device::Operands act =
      in_place ? device::Operands(gate) : work_->act.operands(device_, tokens * feed_forward_, compute_);
  add_products(work_->products, work_->h, a.width, layer.gate, or_null(layer.gate_bias), gate);
  add_products(work_->others, work_->h, a.width, layer.up, or_null(layer.up_bias), up);
  device_.gated_linear(work_->products, work_->others, a.activation, tokens, feed_forward_, compute_, act);
  work_->products.clear();
  work_->others.clear();
  const bool last = index + 1 == weights_.layers.size();
  add_projection(act, feed_forward_, layer.down, layer.down_bias, layer.output_norm,
                 last ? nullptr : &weights_.layers[index + 1].input_norm, tokens);
}

/// Adds to the next products: out[:, slice] = W[slice] x + bias[slice], for this rank's slices side by side.
void Transformer::add_products(std::vector<device::Linear>& products,
                               const device::ConstOperands& x /* [T, width] */, std::int64_t width,
                               const std::vector<device::PackedMatrix>& slices, const float* bias,
                               float* out /* [T, sum of rows] */) const {
  const std::int64_t part = slices.front().rows, all = part * static_cast<std::int64_t>(slices.size());
  for (std::size_t s = 0; s < slices.size(); ++s) {
    const std::int64_t offset = static_cast<std::int64_t>(s) * part;
    products.push_back(
        {x, width, &slices[s], bias == nullptr ? nullptr : bias + offset, out + offset, all, compute_});
  }
}

/// x += norm(W y + bias), the product summed as S partial sums in a binary tree: this rank's subtree first,
/// then the subtrees of all ranks, so that any tensor-parallel degree adds in the same order. Then h = the
/// next norm of x, if there is one.
void Transformer::add_projection(const device::ConstOperands& y /* [T, width] */, std::int64_t width,
                                 const std::vector<device::PackedMatrix>& slices, const device::Buffer& bias,
                                 const device::Buffer& norm, const device::Buffer* next_norm,
                                 std::int64_t tokens) {
  const std::int64_t columns = architecture_.width, count = tokens * columns, part = slices.front().columns;
  float* partial = work_->parts.get(device_, count * static_cast<std::int64_t>(slices.size()));
  std::vector<const float*>& parts = work_->summands;
  parts.clear();
  for (std::size_t s = 0; s < slices.size(); ++s) {
    float* out = partial + static_cast<std::int64_t>(s) * count;
    work_->products.push_back(
        {y.from(static_cast<std::int64_t>(s) * part), width, &slices[s], nullptr, out, columns, compute_});
    parts.push_back(out);
  }
  device_.linear(work_->products, tokens);
  work_->products.clear();
  if (replica_.size() > 1) {
    float* mine = work_->local_sum.get(device_, count);
    float* all = work_->gathered.get(device_, count * replica_.size());
    device_.add_parts(parts, nullptr, tokens, columns, false, mine);
    gather(mine, count, all);
    parts.clear();
    for (int r = 0; r < replica_.size(); ++r) parts.push_back(all + r * count);
  }
  device::ResidualUpdate update;
  update.parts = parts;
  update.bias = or_null(bias);
  update.post_norm = or_null(norm);
  update.next_norm = next_norm == nullptr ? nullptr : next_norm->as<float>();
  update.epsilon = architecture_.norm_epsilon;
  update.rounding = compute_;
  update.x = work_->x;
  update.scratch = update.post_norm == nullptr ? nullptr : work_->sum.get(device_, count);
  update.out = work_->h;
  device_.update_residual(update, tokens, columns);
}

std::size_t Transformer::layer_rope(std::size_t index) const {
  return static_cast<std::size_t>(architecture_.layers[index].rope);
}

/// Makes the tables of angles reach as far as the step's positions; they grow to powers of two, so that their
/// memory seldom moves.
void Transformer::extend_angles(const device::StepTokens& step) {
  const auto width = static_cast<std::size_t>(architecture_.head_dim);
  const std::int64_t needed =
      step.size() == 0 ? 0 : *std::max_element(step.positions.begin(), step.positions.end()) + 1;
  for (std::size_t rope = 0; rope < work_->angles.size(); ++rope) {
    AngleTable& table = work_->angles[rope];
    if (needed <= table.positions) continue;
    constexpr std::uint64_t kFewest = 256;
    const std::uint64_t positions = std::max(std::bit_ceil(static_cast<std::uint64_t>(needed)), kFewest);
    std::vector<float> angles(positions * width);
    device_.for_each(static_cast<std::int64_t>(positions), [&](std::int64_t p, int) {
      architecture_.ropes[rope].angles(p, architecture_.head_dim,
                                       std::span(angles).subspan(static_cast<std::size_t>(p) * width, width));
    });
    table.angles = device_.allocate(angles.size() * sizeof(float));
    device_.upload(table.angles.data(), std::as_bytes(std::span(angles)));
    table.positions = static_cast<std::int64_t>(positions);
  }
}

}  // namespace wisk::model
