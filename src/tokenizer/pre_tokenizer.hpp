#pragma once
// Pre-tokenizers: cutting normalised text into pieces that the model encodes one by one.

#include <functional>
#include <string>
#include <vector>

#include "component.hpp"
#include "normalizer.hpp"

namespace wisk::tokenizer {

/// Owns its steps; immutable, thread-safe; move-only.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  /// Reads parent["pre_tokenizer"], which may be null. Throws InputError.
  explicit PreTokenizer(const Component& parent);
  /// The pieces of `text` in order, none empty. Throws InputError when a pattern is too expensive.
  [[nodiscard]] std::vector<NormalizedText> apply(NormalizedText text) const;

  /// One step: appends the parts of a piece to `parts`.
  using Step = std::function<void(NormalizedText&& piece, std::vector<NormalizedText>& parts)>;

 private:
  std::vector<Step> steps_;
};

}  // namespace wisk::tokenizer
