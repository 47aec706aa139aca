#include <wisk/model/weights.hpp>

#include <algorithm>
#include <array>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>

namespace wisk::model {

using checkpoint::ModelFolder;
using checkpoint::TensorView;
using device::PackedMatrix;

std::pair<std::int64_t, std::int64_t> vocabulary_range(const Architecture& a, int rank, int ranks) {
  static_assert(device::kLogitBlock % PackedMatrix::kPanel == 0);
  const std::int64_t blocks = device::logit_blocks(a.vocabulary);
  const auto edge = [&](int r) { return std::min(blocks * r / ranks * device::kLogitBlock, a.vocabulary); };
  return {edge(rank), edge(rank + 1)};
}

Weights::Weights(device::Device& device, const Architecture& architecture, DType storage,
                 device::Compute compute, Shard shard, bool own_dtypes)
    : layers(architecture.layers.size()),
      device_(device),
      architecture_(architecture),
      storage_(storage),
      packed_(compute == device::Compute::kBFloat16 ? DType::kBFloat16 : storage),
      shard_(shard),
      local_slices_(architecture.slices() / shard.ranks),
      own_dtypes_(own_dtypes) {
  WISK_ASSERT(architecture.slices() % shard.ranks == 0);
  const auto [first, last] = vocabulary_range(architecture, shard.rank, shard.ranks);
  first_token = first;
  const auto vocabulary_part = [&, count = last - first](const char* name, PackedMatrix& matrix) {
    add_matrix(name, matrix, architecture_.vocabulary, architecture_.width, first_token, 0, count,
               architecture_.width, shard_.rank * local_slices_);
    entries_.back().slices = local_slices_;
  };
  vocabulary_part("model.embed_tokens.weight", embedding);
  for (std::size_t i = 0; i < layers.size(); ++i) add_layer(i);
  add_vector("model.norm.weight", final_norm, architecture.width, false, architecture.norm_offset);
  if (!architecture.tied) vocabulary_part("lm_head.weight", lm_head);
  allocate_matrices();
}

/// One block of memory for all matrices: large pages cover it, and reading runs on from one to the next.
void Weights::allocate_matrices() {
  constexpr std::size_t kCacheLine = 64;
  const auto bytes_of = [](const PackedMatrix& matrix) {
    const std::size_t bytes = PackedMatrix::bytes_for(matrix.dtype, matrix.rows, matrix.columns);
    return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  };
  std::size_t total = 0;
  for (const Entry& entry : entries_) total += entry.matrix == nullptr ? 0 : bytes_of(*entry.matrix);
  matrices_ = device_.allocate(total);
  std::size_t offset = 0;
  for (const Entry& entry : entries_) {
    if (entry.matrix == nullptr) continue;
    PackedMatrix& matrix = *entry.matrix;
    matrix.data = device::Buffer(matrices_.data() + offset,
                                 PackedMatrix::bytes_for(matrix.dtype, matrix.rows, matrix.columns),
                                 [](std::byte*, std::size_t) {});
    offset += bytes_of(matrix);
  }
}

void Weights::add_layer(std::size_t index) {
  const Architecture& a = architecture_;
  const std::string prefix = "model.layers." + std::to_string(index) + ".";
  LayerWeights& layer = layers[index];
  add_vector(prefix + "input_layernorm.weight", layer.input_norm, a.width, false, a.norm_offset);
  if (a.post_norms) {
    add_vector(prefix + "post_attention_layernorm.weight", layer.attention_norm, a.width, false,
               a.norm_offset);
    add_vector(prefix + "pre_feedforward_layernorm.weight", layer.feed_forward_norm, a.width, false,
               a.norm_offset);
    add_vector(prefix + "post_feedforward_layernorm.weight", layer.output_norm, a.width, false,
               a.norm_offset);
  } else {
    add_vector(prefix + "post_attention_layernorm.weight", layer.feed_forward_norm, a.width, false,
               a.norm_offset);
  }
  add_sliced(prefix + "self_attn.q_proj", layer.query, a.query_width(), a.width, true);
  add_sliced(prefix + "self_attn.k_proj", layer.key, a.kv_width(), a.width, true);
  add_sliced(prefix + "self_attn.v_proj", layer.value, a.kv_width(), a.width, true);
  add_sliced(prefix + "self_attn.o_proj", layer.output, a.width, a.query_width(), false);
  if (a.qkv_bias) {
    add_vector(prefix + "self_attn.q_proj.bias", layer.query_bias, a.query_width(), true);
    add_vector(prefix + "self_attn.k_proj.bias", layer.key_bias, a.kv_width(), true);
    add_vector(prefix + "self_attn.v_proj.bias", layer.value_bias, a.kv_width(), true);
  }
  if (a.output_bias) add_vector(prefix + "self_attn.o_proj.bias", layer.output_bias, a.width, false);
  if (a.qk_norm) {
    add_vector(prefix + "self_attn.q_norm.weight", layer.query_norm, a.head_dim, false, a.norm_offset);
    add_vector(prefix + "self_attn.k_norm.weight", layer.key_norm, a.head_dim, false, a.norm_offset);
  }
  add_sliced(prefix + "mlp.gate_proj", layer.gate, a.feed_forward, a.width, true);
  add_sliced(prefix + "mlp.up_proj", layer.up, a.feed_forward, a.width, true);
  add_sliced(prefix + "mlp.down_proj", layer.down, a.width, a.feed_forward, false);
  if (a.feed_forward_bias) {
    add_vector(prefix + "mlp.gate_proj.bias", layer.gate_bias, a.feed_forward, true);
    add_vector(prefix + "mlp.up_proj.bias", layer.up_bias, a.feed_forward, true);
    add_vector(prefix + "mlp.down_proj.bias", layer.down_bias, a.width, false);
  }
}

void Weights::add_matrix(std::string name, PackedMatrix& matrix, std::int64_t rows, std::int64_t columns,
                         std::int64_t first_row, std::int64_t first_column, std::int64_t local_rows,
                         std::int64_t local_columns, int slice) {
  matrix.dtype = packed_;
  matrix.rows = local_rows;
  matrix.columns = local_columns;
  Entry entry;
  entry.name = std::move(name);
  entry.matrix = &matrix;
  entry.rows = rows;
  entry.columns = columns;
  entry.first_row = first_row;
  entry.first_column = first_column;
  entry.first_slice = slice;
  entries_.push_back(std::move(entry));
}

void Weights::add_sliced(const std::string& name, std::vector<PackedMatrix>& matrices, std::int64_t rows,
                         std::int64_t columns, bool along_rows) {
  const int slices = architecture_.slices();
  const std::int64_t part_rows = along_rows ? rows / slices : rows,
                     part_columns = along_rows ? columns : columns / slices;
  matrices.resize(static_cast<std::size_t>(local_slices_));
  for (int s = 0; s < local_slices_; ++s) {
    const int slice = shard_.rank * local_slices_ + s;
    add_matrix(name + ".weight", matrices[static_cast<std::size_t>(s)], rows, columns,
               along_rows ? slice * part_rows : 0, along_rows ? 0 : slice * part_columns, part_rows,
               part_columns, slice);
  }
}

void Weights::add_vector(std::string name, device::Buffer& vector, std::int64_t length, bool sliced,
                         float offset) {
  Entry entry;
  entry.name = std::move(name);
  entry.vector = &vector;
  entry.rows = length;
  entry.offset = offset;
  entry.replicated = !sliced;
  entry.count = length;
  if (sliced) {
    entry.count = length / shard_.ranks;
    entry.first_row = shard_.rank * entry.count;
    entry.first_slice = shard_.rank * local_slices_;
    entry.slices = local_slices_;
  }
  vector = device_.allocate(static_cast<std::size_t>(entry.count) * sizeof(float));
  entries_.push_back(std::move(entry));
}

namespace {

/// The tensor an ingredient contributes under `name`: a tied lm_head is its embedding.
const TensorView& tensor_of(const ModelFolder& folder, const std::string& name) {
  const TensorView* tensor = folder.effective(name);
  return tensor != nullptr ? *tensor : folder.tensor(name);
}

}  // namespace

/// Its tensor for `entry`, of the shape that the architecture says.
const TensorView& Weights::checked_tensor(const Entry& entry, const ModelFolder& folder) const {
  std::vector<std::int64_t> expected = {entry.rows};
  if (entry.matrix != nullptr) expected.push_back(entry.columns);
  const TensorView& tensor = tensor_of(folder, entry.name);
  if (tensor.shape != expected) {
    throw InputError(tensor.file.string() + ": tensor " + tensor.name,
                     "shape " + checkpoint::to_string(expected) + " by config.json",
                     checkpoint::to_string(tensor.shape));
  }
  return tensor;
}

void Weights::blend(std::span<const ModelFolder* const> ingredients, std::span<const double> coefficients) {
  WISK_ASSERT(ingredients.size() == coefficients.size());
  for (const Entry& entry : entries_) {
    std::vector<device::BlendInput> inputs;
    for (std::size_t i = 0; i < ingredients.size(); ++i) {
      if (coefficients[i] == 0) continue;
      const TensorView& tensor = checked_tensor(entry, *ingredients[i]);
      inputs.push_back({tensor.bytes.data(), tensor.dtype, coefficients[i]});
    }
    if (inputs.empty()) throw InputError("blend", "at least one weight that is not 0", "none");
    blend_entry(entry, inputs);
  }
}

bool Weights::keep_ingredients(std::span<const ModelFolder* const> ingredients, comm::Communicator& peers,
                               comm::DeviceGroup& group) {
  struct Matrix {
    const Entry* entry;
    device::BlendInput input;
    device::MatrixWindow window;
    std::span<std::byte> memory;
  };
  std::vector<Matrix> matrices;
  for (const ModelFolder* folder : ingredients) {
    for (const Entry& entry : entries_) {
      if (entry.matrix == nullptr) continue;
      const TensorView& tensor = checked_tensor(entry, *folder);
      Matrix matrix{&entry,
                    {tensor.bytes.data(), tensor.dtype, 1.0},
                    {entry.first_row, entry.first_column, entry.columns},
                    {}};
      matrix.memory =
          device_.keep_ingredient(matrix.input, matrix.window, entry.matrix->rows, entry.matrix->columns);
      matrices.push_back(matrix);
    }
  }
  const bool fits = std::ranges::none_of(matrices, [](const Matrix& m) { return m.memory.empty(); });
  double lacking[] = {fits ? 0.0 : 1.0};
  peers.all_reduce_max(lacking);
  if (lacking[0] != 0) {
    device_.forget_ingredients();
    return false;
  }
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const Matrix& m = matrices[i];
    const int reader = static_cast<int>(i % static_cast<std::size_t>(group.size()));
    if (reader == group.rank())
      device_.load_ingredient(m.input, m.window, m.entry->matrix->rows, m.entry->matrix->columns);
    group.broadcast(m.memory.data(), m.memory.size(), reader, device_.stream());
  }
  group.wait(device_.stream());
  return true;
}

void Weights::blend_entry(const Entry& entry, std::span<const device::BlendInput> inputs) {
  if (entry.matrix != nullptr) {
    for (const device::BlendInput& input : inputs) {
      if (own_dtypes_ && input.dtype != storage_) {
        throw InputError("tensor " + entry.name,
                         std::string(name_of(storage_)) + " as the embedding, or model.dtype in the job",
                         std::string(name_of(input.dtype)));
      }
    }
    device_.blend_matrix(*entry.matrix, inputs, {entry.first_row, entry.first_column, entry.columns},
                         storage_);
  } else {
    // Norms and biases are often stored wider than the matrices: they are rounded to their own dtype.
    const DType storage = own_dtypes_ ? inputs.front().dtype : storage_;
    device_.blend_vector(entry.vector->as<float>(), inputs, entry.first_row, entry.count, storage,
                         entry.offset);
  }
}

std::uint64_t Weights::hash() const {
  std::vector<std::uint64_t> keys;
  std::vector<device::MemoryPart> parts;
  for (const Entry& entry : entries_) {
    if (entry.replicated && shard_.rank != 0) continue;
    for (int i = 0; i < entry.slices; ++i) {
      const int slice = entry.first_slice + i;
      keys.push_back(xxh3(entry.name + "#" + std::to_string(slice)));
      if (entry.vector != nullptr) {
        const std::size_t bytes = entry.vector->bytes() / static_cast<std::size_t>(entry.slices);
        parts.push_back({entry.vector->data() + static_cast<std::size_t>(i) * bytes, bytes});
      } else if (entry.slices == 1) {
        parts.push_back({entry.matrix->data.data(), entry.matrix->data.bytes()});
      } else {  // a part of the vocabulary: whole panels
        const auto [first, last] = vocabulary_range(architecture_, slice, architecture_.slices());
        parts.push_back({entry.matrix->panel((first - first_token) / PackedMatrix::kPanel),
                         PackedMatrix::bytes_for(packed_, last - first, entry.columns)});
      }
    }
  }
  const std::vector<std::uint64_t> hashes = device_.hash(parts);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::array<std::uint64_t, 2> pair = {keys[i], hashes[i]};
    sum += xxh3(std::as_bytes(std::span(pair)));
  }
  return sum;
}

std::uint64_t Weights::bytes_for(const Architecture& a, DType storage, device::Compute compute, int ranks) {
  const DType packed = compute == device::Compute::kBFloat16 ? DType::kBFloat16 : storage;
  return static_cast<std::uint64_t>(a.parameters()) * size_of(packed) / static_cast<std::uint64_t>(ranks);
}

}  // namespace wisk::model
