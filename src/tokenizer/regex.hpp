#pragma once
// Regular expressions of tokenizer files: Oniguruma's Ruby syntax, run by PCRE2.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;
struct pcre2_real_match_context_8;

namespace wisk::tokenizer {

/// Half-open range of bytes.
struct ByteRange {
  std::size_t begin, end;
};

/// Owns the compiled code; immutable after construction, so thread-safe; move-only.
class Regex {
 public:
  /// Throws InputError at `where` when the pattern is not understood.
  Regex(std::string_view pattern, std::string where);

  /// All matches from left to right, not overlapping; an empty match directly after the one before is left
  /// out, as Oniguruma's iterator does. `text` is valid UTF-8. Throws InputError when matching needs too much
  /// backtracking: patterns are untrusted.
  [[nodiscard]] std::vector<ByteRange> find_all(std::string_view text) const;

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::string where_;
  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

/// The same pattern in PCRE2's syntax, for a compilation with UTF, UCP and MULTILINE. Throws InputError at
/// `where` for constructs that PCRE2 has no equivalent of.
std::string translate_oniguruma(std::string_view pattern, const std::string& where);

}  // namespace wisk::tokenizer
