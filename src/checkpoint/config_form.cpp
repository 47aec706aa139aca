#include "config_form.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace wisk::checkpoint {
namespace {

std::string text_of(const Json& config, const char* key, const std::string& fallback) {
  const auto place = config.find(key);
  return place != config.end() && place->is_string() ? place->get<std::string>() : fallback;
}

std::int64_t count_of(const Json& config, const char* key, std::int64_t fallback) {
  const auto place = config.find(key);
  return place != config.end() && place->is_number_integer() ? place->get<std::int64_t>() : fallback;
}

bool is_true(const Json& config, const char* key) {
  const auto place = config.find(key);
  return place != config.end() && place->is_boolean() && place->get<bool>();
}

bool is_gemma(const std::string& type) {
  return type.starts_with("gemma");
}

void fill(Json& config, const char* key, const Json& value) {
  if (!config.contains(key)) config[key] = value;
}

/// Keys of bookkeeping, training and generation. Token ids and the context length are remarks of their own.
const std::set<std::string>& ignored_keys() {
  static const std::set<std::string> kKeys = {"torch_dtype",
                                              "dtype",
                                              "transformers_version",
                                              "_name_or_path",
                                              "use_cache",
                                              "architectures",
                                              "auto_map",
                                              "tie_word_embeddings",
                                              "attention_dropout",
                                              "hidden_dropout",
                                              "hidden_dropout_prob",
                                              "attention_probs_dropout_prob",
                                              "resid_pdrop",
                                              "embd_pdrop",
                                              "attn_pdrop",
                                              "initializer_range",
                                              "pretraining_tp",
                                              "router_aux_loss_coef",
                                              "output_router_logits",
                                              "router_jitter_noise",
                                              "_attn_implementation",
                                              "_attn_implementation_autoset",
                                              "attn_implementation",
                                              "gradient_checkpointing",
                                              "task_specific_params",
                                              "finetuning_task",
                                              "id2label",
                                              "label2id",
                                              "problem_type",
                                              "return_dict",
                                              "return_dict_in_generate",
                                              "output_attentions",
                                              "output_hidden_states",
                                              "output_scores",
                                              "torchscript",
                                              "use_return_dict",
                                              "is_encoder_decoder",
                                              "is_decoder",
                                              "add_cross_attention",
                                              "cross_attention_hidden_size",
                                              "tie_encoder_decoder",
                                              "pruned_heads",
                                              "chunk_size_feed_forward",
                                              "tokenizer_class",
                                              "prefix",
                                              "use_bfloat16",
                                              "tf_legacy_loss",
                                              "cache_implementation",
                                              "unsloth_version",
                                              "unsloth_fixed",
                                              "transformers.js_config",
                                              "temperature",
                                              "top_k",
                                              "top_p",
                                              "typical_p",
                                              "do_sample",
                                              "num_beams",
                                              "num_beam_groups",
                                              "num_return_sequences",
                                              "max_length",
                                              "min_length",
                                              "max_new_tokens",
                                              "repetition_penalty",
                                              "length_penalty",
                                              "early_stopping",
                                              "diversity_penalty",
                                              "no_repeat_ngram_size",
                                              "encoder_no_repeat_ngram_size",
                                              "bad_words_ids",
                                              "begin_suppress_tokens",
                                              "suppress_tokens",
                                              "exponential_decay_length_penalty",
                                              "forced_bos_token_id",
                                              "forced_eos_token_id",
                                              "remove_invalid_values",
                                              "sep_token_id",
                                              "decoder_start_token_id",
                                              "bos_token_id",
                                              "eos_token_id",
                                              "pad_token_id",
                                              "unk_token_id",
                                              "max_position_embeddings"};
  return kKeys;
}

Json without_ignored(const Json& config) {
  Json kept = Json::object();
  for (const auto& [key, value] : config.items()) {
    if (value.is_null() || ignored_keys().contains(key)) continue;
    kept[key] = value.is_object() ? without_ignored(value) : value;
  }
  return kept;
}

/// Angles: transformers 4 has rope_theta, rope_scaling (null, or with "type" in its older days) and, for
/// Gemma 3, rope_local_base_freq; 5 has rope_parameters, per kind of layer where kinds differ.
void unify_rope(Json& config, const std::string& type) {
  Json rope = config.value("rope_parameters", Json::object());
  const Json scaling = config.value("rope_scaling", Json::object());
  if (!rope.is_object() || !scaling.is_object()) return;  // nonsense stays as it is, and is compared as it is
  for (const auto& [key, value] : scaling.items()) fill(rope, key.c_str(), value);
  const bool per_kind = rope.contains("full_attention") || rope.contains("sliding_attention");
  if (!per_kind) {
    if (config.contains("rope_theta")) fill(rope, "rope_theta", config["rope_theta"]);
    fill(rope, "rope_theta", type.starts_with("gemma3") ? 1e6 : 1e4);
    if (type.starts_with("gemma3")) {
      const Json local = {{"rope_theta", config.value("rope_local_base_freq", Json(1e4))},
                          {"rope_type", "default"}};
      rope = Json{{"full_attention", rope}, {"sliding_attention", local}};
    }
  }
  const auto spell = [](Json& one) {
    if (one.contains("type")) fill(one, "rope_type", one["type"]);
    one.erase("type");
    fill(one, "rope_type", "default");
  };
  if (rope.contains("full_attention") || rope.contains("sliding_attention")) {
    for (auto& [kind, one] : rope.items()) {
      if (one.is_object()) spell(one);
    }
  } else {
    spell(rope);
  }
  for (const char* key : {"rope_theta", "rope_scaling", "rope_local_base_freq"}) config.erase(key);
  config["rope_parameters"] = rope;
}

/// Which layers look back over a window only: transformers 5 lists layer_types, 4 has a rule per
/// architecture.
void unify_windows(Json& config, const std::string& type) {
  if (type.starts_with("qwen") && !is_true(config, "use_sliding_window")) config.erase("sliding_window");
  const std::int64_t layers = count_of(config, "num_hidden_layers", 0);
  if (!config.contains("layer_types") && layers > 0 && layers < 100000) {
    std::int64_t pattern = 0;  // every pattern-th layer sees everything
    if (type == "gemma2") pattern = 2;
    if (type.starts_with("gemma3")) {
      pattern = count_of(config, "sliding_window_pattern", count_of(config, "_sliding_window_pattern", 6));
    }
    const std::int64_t first = count_of(config, "max_window_layers", 28);
    const bool qwen_windows = type.starts_with("qwen") && config.contains("sliding_window");
    if (pattern > 0 || type.starts_with("qwen")) {
      Json kinds = Json::array();
      for (std::int64_t i = 0; i < layers; ++i) {
        const bool slides = pattern > 0 ? (i + 1) % pattern != 0 : qwen_windows && i >= first;
        kinds.push_back(slides ? "sliding_attention" : "full_attention");
      }
      config["layer_types"] = kinds;
    }
  }
  for (const char* key :
       {"sliding_window_pattern", "_sliding_window_pattern", "max_window_layers", "use_sliding_window"}) {
    config.erase(key);
  }
}

/// Defaults of the configuration classes for keys that a saved config may lack (nulls are gone already, so
/// this is done from the original for keys whose null means "off").
void fill_defaults(Json& config, const Json& original, const std::string& type) {
  if (is_gemma(type)) {
    fill(config, "hidden_activation", text_of(config, "hidden_activation", "gelu_pytorch_tanh"));
    config.erase("hidden_act");
    fill(config, "head_dim", 256);
  }
  if (type == "gemma2") {
    if (!original.contains("attn_logit_softcapping")) config["attn_logit_softcapping"] = 50.0;
    if (!original.contains("final_logit_softcapping")) config["final_logit_softcapping"] = 30.0;
  }
  for (const char* key : {"attention_bias", "mlp_bias", "use_bidirectional_attention"})
    fill(config, key, false);
  const std::int64_t heads = count_of(config, "num_attention_heads", 0);
  if (heads <= 0) return;
  if (type == "qwen3") fill(config, "head_dim", 128);
  fill(config, "num_key_value_heads", heads);
  fill(config, "head_dim", count_of(config, "hidden_size", 0) / heads);
}

}  // namespace

Json computing_form(const Json& original) {
  Json config = without_ignored(original);
  const std::string type = text_of(original, "model_type", "");
  unify_rope(config, type);
  unify_windows(config, type);
  fill_defaults(config, original, type);
  if (const auto names = original.find("architectures"); names != original.end() && names->is_array()) {
    std::vector<Json> sorted(names->begin(), names->end());
    std::sort(sorted.begin(), sorted.end());
    config["architectures"] = sorted;
  }
  // The context length enters the angles of these kinds only.
  const std::string rope = config.contains("rope_parameters") ? config["rope_parameters"].dump() : "";
  const auto length = original.find("max_position_embeddings");
  if (length != original.end() &&
      (rope.find("dynamic") != std::string::npos || rope.find("yarn") != std::string::npos ||
       rope.find("longrope") != std::string::npos)) {
    config["max_position_embeddings"] = *length;
  }
  return config;
}

bool config_ties_embeddings(const Json& config) {
  const auto place = config.find("tie_word_embeddings");
  if (place != config.end() && place->is_boolean()) return place->get<bool>();
  // Llama, Mistral, Qwen and most others since say no; the configuration classes that say yes or inherit it:
  const std::string type = text_of(config, "model_type", "");
  return is_gemma(type) || type == "gpt2" || type == "cohere" || type == "cohere2" || type == "opt" ||
         type == "bloom" || type == "gpt_bigcode" || type == "granite_speech";
}

}  // namespace wisk::checkpoint
