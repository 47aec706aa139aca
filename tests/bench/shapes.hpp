#pragma once
// Shapes of real models, and what programs of tests/bench do with them.

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <wisk/device/factory.hpp>
#include <wisk/model/weights.hpp>

namespace wisk::bench {

inline const std::map<std::string, std::string> kShapes = {
    {"smollm2-135m", R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 576, "intermediate_size": 1536,
      "num_attention_heads": 9, "num_key_value_heads": 3, "num_hidden_layers": 30, "vocab_size": 49152,
      "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000, "hidden_act": "silu",
      "tie_word_embeddings": true})"},
    {"qwen2.5-0.5b", R"({"architectures": ["Qwen2ForCausalLM"], "hidden_size": 896, "intermediate_size": 4864,
      "num_attention_heads": 14, "num_key_value_heads": 2, "num_hidden_layers": 24, "vocab_size": 151936,
      "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1000000, "hidden_act": "silu",
      "tie_word_embeddings": true})"},
    {"gemma2-2b", R"({"architectures": ["Gemma2ForCausalLM"], "hidden_size": 2304, "intermediate_size": 9216,
      "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "num_hidden_layers": 26,
      "vocab_size": 256000, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000,
      "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256, "sliding_window": 4096,
      "attn_logit_softcapping": 50, "final_logit_softcapping": 30, "tie_word_embeddings": true})"}};

using Options = std::map<std::string, std::string>;

/// Pairs of a name that `options` has and its value, from the second argument on.
inline void read_options(int argc, char** argv, Options& options) {
  for (int i = 2; i < argc; i += 2) {
    if (options.count(argv[i]) == 0 || i + 1 == argc) {
      throw std::runtime_error(std::string("unknown option or no value: ") + argv[i]);
    }
    options[argv[i]] = argv[i + 1];
  }
}

inline std::vector<int> numbers(const std::string& list) {
  std::vector<int> all;
  std::stringstream text(list);
  for (std::string item; std::getline(text, item, ',');) all.push_back(std::stoi(item));
  return all;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// "cpu", or "cuda": the first GPU. Throws where there is none.
inline std::unique_ptr<device::Device> make_device(const std::string& name, int threads) {
  device::DeviceOptions options;
  options.cpu.threads = threads;
  if (name == "cuda") {
    std::string why_none;
    const std::vector<device::GpuInfo> gpus = device::list_gpus(why_none);
    if (gpus.empty()) throw std::runtime_error("no GPU: " + why_none);
    options.gpu = gpus.front();
  } else if (name != "cpu") {
    throw std::runtime_error("expected --device cpu or cuda, found " + name);
  }
  return device::make_device(options);
}

/// Numbers between -0.04 and 0.04 for matrices, ones for norms, zeros for biases: activations of ordinary
/// size.
class RandomWeights {
 public:
  explicit RandomWeights(device::Device& device) : device_(device) {}
  void fill(model::Weights& weights) {
    matrix(weights.embedding);
    matrix(weights.lm_head);
    ones(weights.final_norm);
    for (model::LayerWeights& layer : weights.layers) {
      for (auto* slices :
           {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate, &layer.up, &layer.down}) {
        for (device::PackedMatrix& slice : *slices) matrix(slice);
      }
      for (device::Buffer* norm : {&layer.input_norm, &layer.attention_norm, &layer.feed_forward_norm,
                                   &layer.output_norm, &layer.query_norm, &layer.key_norm}) {
        ones(*norm);
      }
    }
  }

 private:
  void matrix(device::PackedMatrix& matrix) {
    const auto count = static_cast<std::size_t>(matrix.rows * matrix.columns);
    if (count == 0) return;
    while (numbers_.size() < count) {
      numbers_.push_back(static_cast<std::uint16_t>(0x3c23u - random_() % 0x200u + random_() % 2u * 0x8000u));
    }
    const device::BlendInput input{reinterpret_cast<const std::byte*>(numbers_.data()), DType::kBFloat16,
                                   1.0};
    device_.blend_matrix(matrix, {&input, 1}, {0, 0, matrix.columns}, DType::kBFloat16);
  }
  void ones(const device::Buffer& norm) {
    const std::vector<float> values(norm.bytes() / sizeof(float), 1.0f);
    if (values.empty()) return;
    const device::BlendInput input{reinterpret_cast<const std::byte*>(values.data()), DType::kFloat32, 1.0};
    device_.blend_vector(norm.as<float>(), {&input, 1}, 0, static_cast<std::int64_t>(values.size()),
                         DType::kFloat32, 0);
  }

  device::Device& device_;
  std::mt19937 random_{1};
  std::vector<std::uint16_t> numbers_;  // bf16, as many as the largest matrix has
};

}  // namespace wisk::bench
