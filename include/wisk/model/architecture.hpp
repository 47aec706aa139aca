#pragma once
// What a model computes, as a description that one forward pass reads.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <wisk/device/device.hpp>

namespace wisk::model {

/// Rotary position embedding of one kind of layer (Su et al., arXiv 2104.09864) with its scaling to longer
/// contexts.
struct Rope {
  enum class Scaling { kNone, kLinear, kDynamic, kLlama3 };
  double theta = 10000;
  Scaling scaling = Scaling::kNone;
  double factor = 1;
  double low_frequency_factor = 1, high_frequency_factor = 4;  ///< llama3
  double original_positions = 0;                               ///< llama3, dynamic: trained context

  /// Writes the cosines, then the sines of the pairs' angles at `position`. Frequencies and angles are
  /// rounded to f32, as the reference implementation computes them.
  void angles(std::int64_t position, int head_dim, std::span<float> out /* [2, D/2] */) const;

 private:
  [[nodiscard]] float frequency(int pair, int head_dim, std::int64_t position) const;
};

struct LayerKind {
  int window = 0;  ///< 0: sees every earlier position; else the last `window`, its own included
  int rope = 0;    ///< index into Architecture::ropes
};

/// A decoder-only transformer: x += attention(norm(x)); x += feed_forward(norm(x)). Values, no resources.
struct Architecture {
  std::string name;                           ///< "Qwen2ForCausalLM"
  std::int64_t vocabulary = 0;                ///< V, rows of the embedding
  std::int64_t width = 0;                     ///< C
  std::int64_t feed_forward = 0;              ///< F
  int heads = 0, kv_heads = 0, head_dim = 0;  ///< H, G, D
  std::int64_t max_positions = 0;
  float norm_epsilon = 1e-6f;
  float norm_offset = 0;  ///< Gemma stores w and multiplies by 1 + w
  bool qkv_bias = false, output_bias = false, feed_forward_bias = false;
  bool qk_norm = false;  ///< RMSNorm over D of every query and key head
  bool post_norms =
      false;          ///< Gemma: the outputs of attention and feed-forward are normed before they are added
  bool tied = false;  ///< lm_head is the embedding
  device::Activation activation = device::Activation::kSilu;
  float attention_scale = 1;
  float attention_softcap = 0, logit_softcap = 0;  ///< 0: none
  float embedding_scale = 1;
  std::vector<LayerKind> layers;  // [L]
  std::vector<Rope> ropes;

  /// S: the number of partial sums of o_proj and down_proj, and the largest tensor-parallel degree: the
  /// largest power of two, at most 8, that divides the key/value heads and F. Part of the order of sums
  /// (docs/numerics.md).
  [[nodiscard]] int slices() const;
  [[nodiscard]] std::int64_t query_width() const { return std::int64_t{heads} * head_dim; }
  [[nodiscard]] std::int64_t kv_width() const { return std::int64_t{kv_heads} * head_dim; }
  /// Parameters of the model, a tied embedding counted once.
  [[nodiscard]] std::int64_t parameters() const;
};

/// Reads config.json of transformers 4 and 5. `where` names the file in errors. Throws InputError for an
/// architecture that is not supported (naming those that are), a missing or senseless value, or a feature
/// that would change the computation and is not implemented (naming the key). `tied`: whether lm_head is the
/// embedding.
Architecture read_architecture(const std::string& config_json, const std::string& where, bool tied);

/// "LlamaForCausalLM", ...: what read_architecture accepts.
const std::vector<std::string>& supported_architectures();

}  // namespace wisk::model
