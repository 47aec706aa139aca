#pragma once
// Model folders made for tests: tensors of chosen bytes, headers of any text.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wisk/core/dtype.hpp>

#include "support/temp_folder.hpp"

namespace wisk::test {

/// 8 bytes of length, the header, the data: right or wrong as given.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

struct MadeTensor {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

inline std::string safetensors_of(const std::vector<MadeTensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const MadeTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  return safetensors_bytes(header.dump(), data);
}

/// Values stored as `dtype` ("BF16", "F16", "F32"), rounded to it.
inline MadeTensor made(const std::string& name, const std::string& dtype,
                       const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  MadeTensor tensor{name, dtype, shape, {}};
  for (const float value : values) {
    std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if (dtype == "BF16") bits = float_to_bf16(value);
    if (dtype == "F16") bits = float_to_f16(value);
    tensor.bytes.append(reinterpret_cast<const char*>(&bits), dtype == "F32" ? 4 : 2);
  }
  return tensor;
}

/// A tensor whose values follow from `seed`.
inline MadeTensor made(const std::string& name, const std::string& dtype,
                       const std::vector<std::int64_t>& shape, std::uint32_t seed) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(static_cast<int>(seed >> 8) % 2001 - 1000) / 997.0f);
  }
  return made(name, dtype, shape, values);
}

inline nlohmann::json llama_config() {
  return {{"model_type", "llama"},
          {"architectures", {"LlamaForCausalLM"}},
          {"hidden_size", 4},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 2},
          {"rope_theta", 10000.0},
          {"torch_dtype", "bfloat16"},
          {"tie_word_embeddings", false},
          {"vocab_size", 6}};
}

/// The tensors of a little model: two layers of one matrix, an embedding, an output matrix unless `tied`.
inline std::vector<MadeTensor> little_model(const std::string& dtype, bool tied, std::uint32_t seed) {
  std::vector<MadeTensor> tensors = {made("model.embed_tokens.weight", dtype, {6, 4}, seed + 1),
                                     made("model.layers.0.mlp.up_proj.weight", dtype, {5, 4}, seed + 2),
                                     made("model.layers.1.mlp.up_proj.weight", dtype, {5, 4}, seed + 3),
                                     made("model.norm.weight", dtype, {4}, seed + 4)};
  if (!tied) tensors.push_back(made("lm_head.weight", dtype, {6, 4}, seed + 5));
  return tensors;
}

/// Writes a folder `name` with that config and those tensors in model.safetensors; returns its path.
inline std::filesystem::path make_folder(const TempFolder& temp, const std::string& name,
                                         const nlohmann::json& config,
                                         const std::vector<MadeTensor>& tensors) {
  temp.write(name + "/config.json", config.dump(2));
  temp.write(name + "/model.safetensors", safetensors_of(tensors));
  return temp.path() / name;
}

}  // namespace wisk::test
