#include <wisk/model/transformer.hpp>

#include <algorithm>
#include <cstring>

#include <wisk/core/assert.hpp>

namespace wisk::model {

using device::Compute;

namespace {

/// Device memory that grows to the largest step seen. All uses of one step ask for the same size, so that
/// what is deferred keeps its memory.
class Scratch {
 public:
  float* get(device::Device& device, std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
    if (buffer_.bytes() < bytes) buffer_ = device.allocate(bytes + bytes / 4);
    return buffer_.as<float>();
  }

 private:
  device::Buffer buffer_;
};

/// While it lives the ranks may exchange what was computed so far.
class Exchange {
 public:
  explicit Exchange(device::Device& device) : device_(device) { device_.wait(); }
  ~Exchange() { device_.defer(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  device::Device& device_;
};

const float* or_null(const device::Buffer& buffer) {
  return buffer.bytes() == 0 ? nullptr : buffer.as<float>();
}

}  // namespace

struct Transformer::Workspace {
  Scratch residual, normed, query, key, value, attended, gate, up, parts, local_sum, gathered, output, rows,
      logits, maxima;
  float* x = nullptr;                           // [T, C], the residual stream
  std::vector<device::Linear> products;         // of the next parallel region
  std::vector<std::vector<float>> angle_table;  // of each rope: [positions, 2, D/2], grown as positions come
  std::vector<std::vector<float>> angles;       // of each rope: [T, 2, D/2], of the current step
  std::vector<float> local_logits, all_logits;  // host
};

Transformer::Transformer(device::Device& device, const Architecture& architecture, Weights& weights,
                         Compute compute, comm::Communicator& replica)
    : device_(device),
      architecture_(architecture),
      weights_(weights),
      compute_(compute),
      replica_(replica),
      heads_(architecture.heads / replica.size()),
      kv_heads_(architecture.kv_heads / replica.size()),
      feed_forward_(architecture.feed_forward / replica.size()),
      work_(std::make_unique<Workspace>()) {
  work_->angle_table.resize(architecture.ropes.size());
  work_->angles.resize(architecture.ropes.size());
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
  for (std::size_t r = 0; r < architecture_.ropes.size(); ++r) work_->angles[r].clear();
  work_->products.clear();
  device_.defer();
  embed(step);
  for (std::size_t layer = 0; layer < architecture_.layers.size(); ++layer) {
    attention(layer, step, cache);     // x += attention(norm(x))
    feed_forward(layer, step.size());  // x += feed_forward(norm(x))
  }
  return logits(rows);
}

/// x = scale * E[id]
void Transformer::embed(const device::StepTokens& step) {
  const std::int64_t count = std::int64_t{step.size()} * architecture_.width;
  work_->x = work_->residual.get(device_, count);
  // The reference multiplies by the scale in the model's own precision.
  const float scale = compute_ == Compute::kBFloat16 ? round_to_bf16(architecture_.embedding_scale)
                                                     : architecture_.embedding_scale;
  device_.embed(step.ids, weights_.embedding, weights_.first_token, scale, work_->x);
  if (replica_.size() > 1) {  // every row is on one rank, zero bits on the others
    const Exchange exchange(device_);
    replica_.all_reduce_or(
        std::span(reinterpret_cast<std::uint32_t*>(work_->x), static_cast<std::size_t>(count)));
  }
}

/// q = Wq h, k = Wk h, v = Wv h with h = norm(x); q, k normed and rotated; x += Wo attention(q, k, v)
void Transformer::attention(std::size_t index, const device::StepTokens& step, device::KvCache& cache) {
  const Architecture& a = architecture_;
  const LayerWeights& layer = weights_.layers[index];
  const std::int64_t tokens = step.size(), dim = a.head_dim, q_width = heads_ * dim,
                     kv_width = kv_heads_ * dim;
  float* h = work_->normed.get(device_, tokens * a.width);
  float* q = work_->query.get(device_, tokens * q_width);
  float* k = work_->key.get(device_, tokens * kv_width);
  float* v = work_->value.get(device_, tokens * kv_width);

  device_.rms_norm(work_->x, layer.input_norm.as<float>(), a.norm_epsilon, tokens, a.width, compute_, h);
  project(h, a.width, layer.query, or_null(layer.query_bias), q);
  project(h, a.width, layer.key, or_null(layer.key_bias), k);
  project(h, a.width, layer.value, or_null(layer.value_bias), v);
  multiply(tokens);
  if (a.qk_norm) {
    device_.rms_norm(q, layer.query_norm.as<float>(), a.norm_epsilon, tokens * heads_, dim, Compute::kFloat32,
                     q);
    device_.rms_norm(k, layer.key_norm.as<float>(), a.norm_epsilon, tokens * kv_heads_, dim,
                     Compute::kFloat32, k);
  }
  const std::span<const float> angles = angles_of(step, a.layers[index].rope);
  device_.rope(q, heads_, dim, angles, compute_);
  device_.rope(k, kv_heads_, dim, angles, compute_);
  device_.store_kv(k, v, static_cast<int>(index), step, cache);

  device::AttentionShape shape;
  shape.heads = static_cast<int>(heads_);
  shape.kv_heads = static_cast<int>(kv_heads_);
  shape.head_dim = a.head_dim;
  shape.scale = a.attention_scale;
  shape.softcap = a.attention_softcap;
  shape.window = a.layers[index].window;
  float* attended = work_->attended.get(device_, tokens * q_width);
  device_.attention(q, shape, static_cast<int>(index), step, cache, compute_, attended);
  add_projection(attended, q_width, layer.output, layer.output_bias, layer.attention_norm, tokens);
}

/// x += Wdown (act(Wgate h) * Wup h) with h = norm(x)
void Transformer::feed_forward(std::size_t index, std::int64_t tokens) {
  const Architecture& a = architecture_;
  const LayerWeights& layer = weights_.layers[index];
  float* h = work_->normed.get(device_, tokens * a.width);
  float* gate = work_->gate.get(device_, tokens * feed_forward_);
  float* up = work_->up.get(device_, tokens * feed_forward_);
  device_.rms_norm(work_->x, layer.feed_forward_norm.as<float>(), a.norm_epsilon, tokens, a.width, compute_,
                   h);
  project(h, a.width, layer.gate, or_null(layer.gate_bias), gate);
  project(h, a.width, layer.up, or_null(layer.up_bias), up);
  multiply(tokens);
  device_.gated(a.activation, gate, up, tokens * feed_forward_, compute_, gate);
  add_projection(gate, feed_forward_, layer.down, layer.down_bias, layer.output_norm, tokens);
}

/// Adds to the next products: out[:, slice] = W[slice] x + bias[slice], for this rank's slices side by side.
void Transformer::project(const float* x /* [T, width] */, std::int64_t width,
                          const std::vector<device::PackedMatrix>& slices, const float* bias,
                          float* out /* [T, sum of rows] */) {
  const std::int64_t part = slices.front().rows, all = part * static_cast<std::int64_t>(slices.size());
  for (std::size_t s = 0; s < slices.size(); ++s) {
    const std::int64_t offset = static_cast<std::int64_t>(s) * part;
    work_->products.push_back(
        {x, width, &slices[s], bias == nullptr ? nullptr : bias + offset, out + offset, all, compute_});
  }
}

/// Does the products that were added.
void Transformer::multiply(std::int64_t tokens) {
  device_.linear(work_->products, tokens);
  work_->products.clear();
}

/// x += norm(W y + bias), the product summed as S partial sums in a binary tree: this rank's subtree first,
/// then the subtrees of all ranks, so that any tensor-parallel degree adds in the same order.
void Transformer::add_projection(const float* y /* [T, width] */, std::int64_t width,
                                 const std::vector<device::PackedMatrix>& slices, const device::Buffer& bias,
                                 const device::Buffer& norm, std::int64_t tokens) {
  const std::int64_t columns = architecture_.width, count = tokens * columns, part = slices.front().columns;
  float* partial = work_->parts.get(device_, count * static_cast<std::int64_t>(slices.size()));
  std::vector<const float*> parts;
  for (std::size_t s = 0; s < slices.size(); ++s) {
    float* out = partial + static_cast<std::int64_t>(s) * count;
    work_->products.push_back(
        {y + static_cast<std::int64_t>(s) * part, width, &slices[s], nullptr, out, columns, compute_});
    parts.push_back(out);
  }
  multiply(tokens);
  if (replica_.size() > 1) {
    float* mine = work_->local_sum.get(device_, count);
    float* all = work_->gathered.get(device_, count * replica_.size());
    device_.add_parts(parts, nullptr, tokens, columns, false, mine);
    const Exchange exchange(device_);
    replica_.all_gather(
        std::as_bytes(std::span(mine, static_cast<std::size_t>(count))),
        std::as_writable_bytes(std::span(all, static_cast<std::size_t>(count * replica_.size()))));
    parts.clear();
    for (int r = 0; r < replica_.size(); ++r) parts.push_back(all + r * count);
  }
  if (norm.bytes() == 0) {
    device_.add_parts(parts, or_null(bias), tokens, columns, true, work_->x);
  } else {
    float* out = work_->output.get(device_, count);
    device_.add_parts(parts, or_null(bias), tokens, columns, false, out);
    device_.rms_norm(out, norm.as<float>(), architecture_.norm_epsilon, tokens, columns, Compute::kFloat32,
                     out);
    const float* const sum[] = {out};
    device_.add_parts(sum, nullptr, tokens, columns, true, work_->x);
  }
}

/// logits = cap(E norm(x)) for the chosen rows
Logits Transformer::logits(std::span<const std::int32_t> rows) {
  const Architecture& a = architecture_;
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count == 0) {
    device_.wait();
    return {};
  }
  float* chosen = work_->rows.get(device_, count * a.width);
  device_.take_rows(work_->x, a.width, rows, chosen);
  device_.rms_norm(chosen, weights_.final_norm.as<float>(), a.norm_epsilon, count, a.width, compute_, chosen);
  const device::PackedMatrix& head = weights_.output_embedding();
  const bool alone = replica_.size() == 1;
  // Rows a power of two apart would compete for a few places in the caches.
  const std::int64_t stride = alone ? (head.rows + 15) / 16 * 16 + 16 : head.rows,
                     blocks = device::logit_blocks(head.rows);
  float* local = work_->logits.get(device_, count * stride);
  float* maxima = work_->maxima.get(device_, count * blocks);
  work_->products.push_back(
      {chosen, a.width, &head, nullptr, local, stride, compute_, maxima, a.logit_softcap});
  multiply(count);
  device_.wait();
  if (!alone) return gather_logits(local, count, head.rows);
  return {{local, static_cast<std::size_t>(count * stride)},
          {maxima, static_cast<std::size_t>(count * blocks)},
          a.vocabulary,
          stride};
}

/// The parts of the vocabulary that the ranks hold, put together.
Logits Transformer::gather_logits(const float* local /* [count, local_vocabulary] */, std::int64_t count,
                                  std::int64_t local_vocabulary) {
  const Architecture& a = architecture_;
  std::vector<std::size_t> bytes;
  for (int r = 0; r < replica_.size(); ++r) {
    const auto [first, last] = vocabulary_range(a, r, replica_.size());
    bytes.push_back(static_cast<std::size_t>((last - first) * count) * sizeof(float));
  }
  const auto total = static_cast<std::size_t>(count * a.vocabulary);
  work_->local_logits.resize(total);
  work_->all_logits.resize(total);
  replica_.all_gather_v(std::as_bytes(std::span(local, static_cast<std::size_t>(count * local_vocabulary))),
                        std::as_writable_bytes(std::span(work_->local_logits)), bytes);
  std::size_t from = 0;
  for (int r = 0; r < replica_.size(); ++r) {  // rank by rank, row by row, into [rows, V]
    const auto [first, last] = vocabulary_range(a, r, replica_.size());
    for (std::int64_t row = 0; row < count; ++row, from += static_cast<std::size_t>(last - first)) {
      std::copy_n(work_->local_logits.data() + from, last - first,
                  work_->all_logits.data() + row * a.vocabulary + first);
    }
  }
  return {work_->all_logits, {}, a.vocabulary, a.vocabulary};
}

/// The angles of the step's positions, gathered once a step and rope from a table that grows with the
/// positions.
std::span<const float> Transformer::angles_of(const device::StepTokens& step, int rope) {
  const auto width = static_cast<std::size_t>(architecture_.head_dim);
  std::vector<float>& table = work_->angle_table[static_cast<std::size_t>(rope)];
  std::vector<float>& angles = work_->angles[static_cast<std::size_t>(rope)];
  if (!angles.empty()) return angles;
  const auto known = static_cast<std::int64_t>(table.size() / width);
  const std::int64_t needed = *std::max_element(step.positions.begin(), step.positions.end()) + 1;
  if (needed > known) {
    table.resize(static_cast<std::size_t>(needed) * width);
    for (std::int64_t p = known; p < needed; ++p) {
      architecture_.ropes[static_cast<std::size_t>(rope)].angles(
          p, architecture_.head_dim, std::span(table).subspan(static_cast<std::size_t>(p) * width, width));
    }
  }
  angles.resize(static_cast<std::size_t>(step.size()) * width);
  for (std::size_t t = 0; t < step.positions.size(); ++t) {
    std::copy_n(table.data() + static_cast<std::size_t>(step.positions[t]) * width, width,
                angles.data() + t * width);
  }
  return angles;
}

}  // namespace wisk::model
