#pragma once
// Post-processors: special tokens around the ids of a text.

#include <cstdint>
#include <vector>

#include "component.hpp"

namespace wisk::tokenizer {

/// Owns its templates; immutable, thread-safe.
class PostProcessor {
 public:
  PostProcessor() = default;
  /// Reads parent["post_processor"], which may be null; `size` bounds the ids. Throws InputError.
  PostProcessor(const Component& parent, std::int32_t size);
  void apply(std::vector<std::int32_t>& ids) const;

 private:
  struct Template {
    std::vector<std::int32_t> before, after;
  };
  static Template read_template(const Component& component, std::int32_t size);
  std::vector<Template> templates_;  // applied in order
};

}  // namespace wisk::tokenizer
