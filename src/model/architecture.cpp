#include <wisk/model/architecture.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include <wisk/core/error.hpp>

#include "config_reader.hpp"

namespace wisk::model {

namespace {

void refuse_partial_rotation(const ConfigReader& config) {
  if (config.number("partial_rotary_factor", 1) != 1) {
    throw InputError(config.where("partial_rotary_factor"), "1", config.shown("partial_rotary_factor"));
  }
}

/// The rotary embedding under `key` ("" is the top level) of either generation of config.json.
Rope read_rope(const ConfigReader& config, double default_theta, const Architecture& a) {
  Rope rope;
  rope.theta = config.number_from("rope_theta", 1, default_theta);
  const ConfigReader scaling = config.child("rope_scaling");
  const ConfigReader& values = scaling.empty() ? config : scaling;
  const std::string kind = values.text("rope_type", values.text("type", "default"));
  static const std::map<std::string, Rope::Scaling> kKinds = {{"default", Rope::Scaling::kNone},
                                                              {"linear", Rope::Scaling::kLinear},
                                                              {"dynamic", Rope::Scaling::kDynamic},
                                                              {"llama3", Rope::Scaling::kLlama3}};
  const auto found = kKinds.find(kind);
  if (found == kKinds.end()) {
    throw InputError(values.where("rope_type"), "default, linear, dynamic or llama3", '"' + kind + '"');
  }
  rope.scaling = found->second;
  refuse_partial_rotation(values);
  if (rope.scaling == Rope::Scaling::kNone) return rope;
  rope.factor = values.number_from("factor", 1, 0);
  rope.original_positions =
      values.number_from("original_max_position_embeddings", 1, static_cast<double>(a.max_positions));
  if (rope.scaling == Rope::Scaling::kDynamic && a.head_dim <= 2) {
    throw InputError(values.where("rope_type"), "another than dynamic where head_dim is 2", "\"dynamic\"");
  }
  if (rope.scaling == Rope::Scaling::kLlama3) {
    rope.original_positions = values.positive_number("original_max_position_embeddings");
    rope.low_frequency_factor = values.positive_number("low_freq_factor");
    rope.high_frequency_factor = values.positive_number("high_freq_factor");
    if (rope.high_frequency_factor <= rope.low_frequency_factor) {
      throw InputError(values.where("high_freq_factor"),
                       "more than low_freq_factor = " + values.shown("low_freq_factor"),
                       values.shown("high_freq_factor"));
    }
  }
  return rope;
}

/// The ropes of all layers: transformers 5 keeps them under rope_parameters, one set or one per kind of
/// layer.
void read_ropes(const ConfigReader& config, Architecture& a) {
  refuse_partial_rotation(config);
  const ConfigReader parameters = config.child("rope_parameters");
  const bool gemma3 = a.name == "Gemma3ForCausalLM";
  // Keys of the top level are the defaults of both generations.
  const double theta = config.number_from("rope_theta", 1, gemma3 ? 1000000.0 : 10000.0);
  const double local_theta = config.number_from("rope_local_base_freq", 1, 10000.0);
  const ConfigReader full = parameters.child("full_attention"),
                     sliding = parameters.child("sliding_attention");
  if (!full.empty() || !sliding.empty()) {
    a.ropes = {read_rope(full.empty() ? sliding : full, theta, a),
               read_rope(sliding.empty() ? full : sliding, local_theta, a)};
  } else {
    a.ropes = {read_rope(parameters.empty() ? config : parameters, theta, a)};
    if (gemma3) {
      Rope local;
      local.theta = local_theta;
      a.ropes.push_back(local);
    }
  }
  for (LayerKind& layer : a.layers) layer.rope = a.ropes.size() > 1 && layer.window != 0 ? 1 : 0;
}

/// Which layers look through a window. `slides(i)` is the rule of the architecture where config.json has no
/// layer_types.
void read_windows(const ConfigReader& config, Architecture& a, std::int64_t window,
                  const std::function<bool(std::size_t)>& slides) {
  const std::vector<std::string> types = config.texts("layer_types");
  if (!types.empty() && types.size() != a.layers.size()) {
    throw InputError(config.where("layer_types"), std::to_string(a.layers.size()) + " entries",
                     std::to_string(types.size()));
  }
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    bool sliding = slides(i);
    if (!types.empty()) {
      if (types[i] != "full_attention" && types[i] != "sliding_attention") {
        throw InputError(config.where("layer_types"), "full_attention or sliding_attention",
                         '"' + types[i] + '"');
      }
      sliding = types[i] == "sliding_attention";
    }
    if (sliding && window <= 0)
      throw InputError(config.where("sliding_window"), "a positive number", config.shown("sliding_window"));
    a.layers[i].window = sliding ? static_cast<int>(std::min(window, a.max_positions)) : 0;
  }
}

/// What transformers takes for absent keys. 0: head_dim is width / heads, kv_heads is heads (so is a null).
struct SizeDefaults {
  int head_dim = 0;
  int kv_heads = 0;
  std::int64_t max_positions = 0;
};

void read_sizes(const ConfigReader& config, Architecture& a, const SizeDefaults& defaults) {
  a.vocabulary = config.positive("vocab_size");
  a.width = config.positive("hidden_size");
  a.feed_forward = config.positive("intermediate_size");
  a.heads = static_cast<int>(config.positive("num_attention_heads"));
  const bool given = config.contains("num_key_value_heads") || defaults.kv_heads == 0;
  const int default_kv_heads = given ? a.heads : defaults.kv_heads;
  a.kv_heads = static_cast<int>(config.positive("num_key_value_heads", default_kv_heads));
  a.head_dim = static_cast<int>(
      config.positive("head_dim", defaults.head_dim != 0 ? defaults.head_dim : a.width / a.heads));
  constexpr std::int64_t kMostPositions = 10'000'000;  // rotary angles are exact enough up to there
  a.max_positions =
      std::min(config.positive("max_position_embeddings", defaults.max_positions), kMostPositions);
  a.norm_epsilon = static_cast<float>(config.number_from("rms_norm_eps", 0, 1e-6));
  constexpr std::int64_t kMostLayers = 10'000;
  const std::int64_t layers = config.positive("num_hidden_layers");
  if (layers > kMostLayers)
    throw InputError(config.where("num_hidden_layers"), "at most " + std::to_string(kMostLayers),
                     std::to_string(layers));
  a.layers.resize(static_cast<std::size_t>(layers));
  if (a.heads % a.kv_heads != 0) {
    throw InputError(config.where("num_attention_heads"),
                     "a multiple of num_key_value_heads = " + std::to_string(a.kv_heads),
                     std::to_string(a.heads));
  }
  if (a.head_dim % 2 != 0)
    throw InputError(config.where("head_dim"), "an even number", std::to_string(a.head_dim));
  a.attention_scale = 1.0f / std::sqrt(static_cast<float>(a.head_dim));
}

void read_activation(const ConfigReader& config, const char* key, const std::string& fallback,
                     Architecture& a) {
  const std::string name = config.text(key, fallback);
  if (name == "silu" || name == "swish") {
    a.activation = device::Activation::kSilu;
  } else if (name == "gelu_pytorch_tanh" || name == "gelu_new") {
    a.activation = device::Activation::kGeluTanh;
  } else {
    throw InputError(config.where(key), "silu, gelu_pytorch_tanh or gelu_new", '"' + name + '"');
  }
}

void describe_llama(const ConfigReader& config, Architecture& a) {
  read_sizes(config, a, {0, 0, 2048});
  a.qkv_bias = a.output_bias = config.boolean("attention_bias", false);
  a.feed_forward_bias = config.boolean("mlp_bias", false);
  read_activation(config, "hidden_act", "silu", a);
  read_windows(config, a, 0, [](std::size_t) { return false; });
  read_ropes(config, a);
}

void describe_mistral(const ConfigReader& config, Architecture& a) {
  read_sizes(config, a, {0, 8, 131072});
  read_activation(config, "hidden_act", "silu", a);
  const std::int64_t window = config.integer("sliding_window", config.contains("sliding_window") ? 0 : 4096);
  read_windows(config, a, window, [&](std::size_t) { return window > 0; });
  read_ropes(config, a);
}

/// Qwen2 and Qwen3 share the rule of their windows: off unless asked for, then from max_window_layers on.
void read_qwen_windows(const ConfigReader& config, Architecture& a) {
  const bool use = config.boolean("use_sliding_window", false);
  const std::int64_t window = use ? config.integer("sliding_window", 4096) : 0;
  const std::int64_t from = config.integer("max_window_layers", 28);
  read_windows(config, a, window, [&](std::size_t i) { return use && static_cast<std::int64_t>(i) >= from; });
}

void describe_qwen2(const ConfigReader& config, Architecture& a) {
  read_sizes(config, a, {0, 32, 32768});
  a.qkv_bias = true;
  read_activation(config, "hidden_act", "silu", a);
  read_qwen_windows(config, a);
  read_ropes(config, a);
}

void describe_qwen3(const ConfigReader& config, Architecture& a) {
  read_sizes(config, a, {128, 32, 32768});
  a.qkv_bias = a.output_bias = config.boolean("attention_bias", false);
  a.qk_norm = true;
  read_activation(config, "hidden_act", "silu", a);
  read_qwen_windows(config, a);
  read_ropes(config, a);
}

/// What Gemma 2 and Gemma 3 share.
void describe_gemma(const ConfigReader& config, Architecture& a) {
  read_sizes(config, a, {256, 4, a.name == "Gemma2ForCausalLM" ? 8192 : 131072});
  a.norm_offset = 1;
  a.post_norms = true;
  a.qkv_bias = a.output_bias = config.boolean("attention_bias", false);
  a.embedding_scale = std::sqrt(static_cast<float>(a.width));
  a.attention_scale =
      1.0f / std::sqrt(static_cast<float>(config.positive_number("query_pre_attn_scalar", 256)));
  // A null means no cap; without the key Gemma 2 has one.
  const auto softcap_default = [&](const char* key, double gemma2) {
    return a.name == "Gemma2ForCausalLM" && !config.contains(key) ? gemma2 : 0.0;
  };
  a.attention_softcap = static_cast<float>(
      config.number_from("attn_logit_softcapping", 0, softcap_default("attn_logit_softcapping", 50)));
  a.logit_softcap = static_cast<float>(
      config.number_from("final_logit_softcapping", 0, softcap_default("final_logit_softcapping", 30)));
  read_activation(config, "hidden_activation", "gelu_pytorch_tanh", a);
  if (config.boolean("use_bidirectional_attention", false)) {
    throw InputError(config.where("use_bidirectional_attention"), "false", "true");
  }
}

void describe_gemma2(const ConfigReader& config, Architecture& a) {
  describe_gemma(config, a);
  read_windows(config, a, config.integer("sliding_window", 4096), [](std::size_t i) { return i % 2 == 0; });
  read_ropes(config, a);
}

void describe_gemma3(const ConfigReader& config, Architecture& a) {
  describe_gemma(config, a);
  a.qk_norm = true;
  const std::int64_t pattern =
      config.integer("sliding_window_pattern", config.integer("_sliding_window_pattern", 6));
  if (pattern < 1)
    throw InputError(config.where("sliding_window_pattern"), "at least 1", std::to_string(pattern));
  read_windows(config, a, config.integer("sliding_window", 4096),
               [&](std::size_t i) { return (static_cast<std::int64_t>(i) + 1) % pattern != 0; });
  read_ropes(config, a);
}

using Describe = void (*)(const ConfigReader&, Architecture&);
const std::map<std::string, Describe>& descriptions() {
  static const std::map<std::string, Describe> kDescriptions = {
      {"Gemma2ForCausalLM", describe_gemma2}, {"Gemma3ForCausalLM", describe_gemma3},
      {"LlamaForCausalLM", describe_llama},   {"MistralForCausalLM", describe_mistral},
      {"Qwen2ForCausalLM", describe_qwen2},   {"Qwen3ForCausalLM", describe_qwen3}};
  return kDescriptions;
}

}  // namespace

const std::vector<std::string>& supported_architectures() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& [name, describe] : descriptions()) names.push_back(name);
    return names;
  }();
  return kNames;
}

Architecture read_architecture(const std::string& config_json, const std::string& where, bool tied) {
  const ConfigReader config = ConfigReader::parse(config_json, where);
  const std::vector<std::string> names = config.texts("architectures");
  const std::string name = names.empty() ? "none" : names.front();
  const auto found = descriptions().find(name);
  if (found == descriptions().end()) {
    throw InputError(config.where("architectures"), "one of " + join(supported_architectures(), ", "), name);
  }
  if (!config.child("quantization_config").empty()) {
    throw InputError(config.where("quantization_config"),
                     "no quantisation: bfloat16, float16 or float32 weights",
                     config.shown("quantization_config"));
  }
  Architecture architecture;
  architecture.name = name;
  architecture.tied = tied;
  found->second(config, architecture);
  return architecture;
}

int Architecture::slices() const {
  int slices = 1;
  while (slices < 8 && kv_heads % (2 * slices) == 0 && feed_forward % (2 * slices) == 0) slices *= 2;
  return slices;
}

std::int64_t Architecture::parameters() const {
  const std::int64_t q = query_width(), kv = kv_width();
  std::int64_t layer = width * q + 2 * width * kv + q * width + 3 * width * feed_forward + 2 * width;
  if (qkv_bias) layer += q + 2 * kv;
  if (output_bias) layer += width;
  if (feed_forward_bias) layer += 2 * feed_forward + width;
  if (qk_norm) layer += 2 * head_dim;
  if (post_norms) layer += 2 * width;
  return static_cast<std::int64_t>(layers.size()) * layer + vocabulary * width * (tied ? 1 : 2) + width;
}

}  // namespace wisk::model
