#pragma once
// What is in a checkpoint, and how far two are apart.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace wisk::merge {

struct TensorLine {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::int64_t parameters = 0;
};

/// Tensors whose names begin alike: "model.layers.3", "model.embed_tokens", "lm_head".
struct Layer {
  std::string name;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  std::vector<TensorLine> tensors;  ///< natural order
};

struct Inspection {
  std::filesystem::path folder;
  std::string architecture;  ///< "LlamaForCausalLM", or model_type, or "?"
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::int64_t> parameters_by_dtype;
  bool ties_embeddings = false;
  std::size_t weight_files = 0;
  std::vector<Layer> layers;                            ///< natural order
  std::map<std::string, std::string> unusable_tensors;  ///< name to dtype
};

/// Reads headers only (and the embedding, where config.json ties it to an lm_head.weight that is there).
/// Throws InputError.
Inspection inspect(const std::filesystem::path& folder);

/// How far tensors b are from tensors a, over the elements that are finite in both; in double.
struct Distance {
  std::int64_t elements = 0;    ///< compared
  std::int64_t equal = 0;       ///< of these, with the same value
  std::int64_t non_finite = 0;  ///< left out: infinite or NaN in a or b
  double largest = 0;           ///< max |b - a|
  double squares_a = 0, squares_b = 0, product = 0,
         squares_difference = 0;  ///< sums of a^2, b^2, a b, (b - a)^2

  [[nodiscard]] double relative_l2()
      const;                            ///< |b - a| / |a|; 0 for equal tensors, infinity when only a is 0
  [[nodiscard]] double cosine() const;  ///< a.b / (|a| |b|); NaN when one of them is 0
  [[nodiscard]] double share_equal() const;  ///< of the elements compared
  void add(const Distance& other);
};

struct LayerDistance {
  std::string name;
  Distance distance;
};

struct Comparison {
  std::vector<LayerDistance> layers;  ///< of the tensors that both have with one shape; natural order
  Distance total;
  std::vector<std::string> hindrances;      ///< why the two cannot be blended; empty when they can
  std::vector<std::string> config_remarks;  ///< config keys that differ and don't change the computation
};

/// Compares tensor by tensor (an lm_head that is tied in one with the one of the other) with `threads`
/// threads; the numbers do not depend on how many. Throws InputError.
Comparison compare(const std::filesystem::path& a, const std::filesystem::path& b, int threads);

}  // namespace wisk::merge
