#pragma once
// Normalizers: rewriting of text before it is cut into pieces.

#include <functional>
#include <string>
#include <vector>

#include "component.hpp"

namespace wisk::tokenizer {

/// Text with one fact about its origin: whether its first character comes from the start of what the user
/// gave (Metaspace's scheme "first" asks).
struct NormalizedText {
  std::string text;
  bool at_start = false;
};

/// Owns its steps; immutable, thread-safe; move-only.
class Normalizer {
 public:
  Normalizer() = default;
  /// Reads parent["normalizer"], which may be null. Throws InputError.
  explicit Normalizer(const Component& parent);
  /// Throws InputError when a pattern is too expensive.
  void apply(NormalizedText& text) const;

 private:
  std::vector<std::function<void(NormalizedText&)>> steps_;
};

}  // namespace wisk::tokenizer
