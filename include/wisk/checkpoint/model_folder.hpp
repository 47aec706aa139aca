#pragma once
// A Hugging Face model folder, opened and checked.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <wisk/checkpoint/tensor_view.hpp>

namespace wisk::checkpoint {

/// Owns the mappings of its files. Move-only, immutable, thread-safe. A moved-from folder may only be
/// destroyed.
class ModelFolder {
 public:
  /// Opens config.json and the weights: model.safetensors, or the shards of model.safetensors.index.json, or
  /// the only *.safetensors file. Reads and checks every header against its file, and the index against the
  /// shards; reads no tensor. Throws InputError that says file, expected and found.
  ///
  /// The index may only name files of this folder, without separators. A file of the folder may itself be a
  /// symbolic link to anywhere: that is how the Hugging Face cache (blobs/) and scratch file systems lay
  /// folders out, and whoever may put links there needs no index to do so. What a link leads to must be a
  /// regular file.
  ///
  /// Buffers that are no weights (rotary inv_freq, causal masks, position_ids) are left out.
  static ModelFolder open(const std::filesystem::path& folder);

  ModelFolder(ModelFolder&&) noexcept;
  ModelFolder& operator=(ModelFolder&&) noexcept;
  ~ModelFolder();

  [[nodiscard]] const std::filesystem::path& path() const;
  [[nodiscard]] const std::string& config_text() const;  ///< config.json: a JSON object
  [[nodiscard]] std::optional<std::string> generation_config_text() const;
  [[nodiscard]] std::string model_type() const;  ///< config.json's, "" without one

  /// Tensors of bfloat16, float16 and float32 by name.
  [[nodiscard]] const std::map<std::string, TensorView>& tensors() const;
  /// Throws InputError naming folder and tensor when it is missing, or is there in a dtype that wisk cannot
  /// use.
  [[nodiscard]] const TensorView& tensor(const std::string& name) const;
  [[nodiscard]] const TensorView* find(const std::string& name) const;
  /// Tensors of other dtypes: name to the dtype's name ("F8_E4M3", "I32"). An error only where one is used.
  [[nodiscard]] const std::map<std::string, std::string>& unusable_tensors() const;

  /// True when the logits come from the embedding: lm_head.weight is absent, or config.json ties it (where
  /// the key tie_word_embeddings is absent: as the architecture's default) and an lm_head.weight that is
  /// there has the embedding's bytes. With other bytes it is not tied, as in transformers 5.
  [[nodiscard]] bool ties_embeddings() const;
  /// The tensor that acts under `name`: as find(), but for a tied lm_head.weight the embedding.
  [[nodiscard]] const TensorView* effective(const std::string& name) const;
  /// Names of the output and the embedding matrix ("lm_head.weight", "model.embed_tokens.weight"), whether
  /// the first is there or not; "" for the second when the folder has no embedding under a known name.
  [[nodiscard]] const std::string& lm_head_name() const;
  [[nodiscard]] const std::string& embedding_name() const;

  /// Every input file that takes part (for SHA-256): config.json, generation_config.json, tokenizer files,
  /// index, the safetensors; sorted.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;
  /// Tokenizer and chat files, licence and custom code: what a derived checkpoint carries over unchanged.
  /// Names relative to the folder, sorted.
  [[nodiscard]] std::vector<std::string> side_files() const;

 private:
  struct State;
  explicit ModelFolder(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace wisk::checkpoint
