#pragma once
// A checkpoint's tokenizer.json: text to token ids and back, equal to the `tokenizers` library.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::tokenizer {

struct TokenizerData;

/// Owns everything it needs; immutable after load, so thread-safe; copies share the immutable data.
class Tokenizer {
 public:
  /// Reads `folder`/tokenizer.json (model BPE) and, when present, tokenizer_config.json and
  /// chat_template.jinja. The settings `truncation` and `padding` are not applied: they belong to a data
  /// loader, not to the mapping. Throws InputError that names the file and the component for whatever is
  /// malformed or not supported.
  static Tokenizer load(const std::filesystem::path& folder);

  /// Ids of `text`, which is UTF-8; special tokens inside the text become their ids. `add_special_tokens`
  /// applies the post-processor's template (BOS, EOS). Throws InputError with the byte offset where UTF-8 is
  /// invalid.
  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const;

  /// Text of `ids`; always valid UTF-8 (bytes that form no character become U+FFFD). Ids of no token are left
  /// out, as the library does.
  [[nodiscard]] std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const;

  [[nodiscard]] std::optional<std::int32_t> id_of(std::string_view token) const;
  [[nodiscard]] std::optional<std::string> token_of(std::int32_t id) const;
  /// Largest id + 1.
  [[nodiscard]] int size() const;
  /// Whether decode leaves the id out with `skip_special_tokens`; false for ids of no token.
  [[nodiscard]] bool is_special(std::int32_t id) const;

  /// The checkpoint's own chat template (Jinja text): chat_template.jinja, else `chat_template` of
  /// tokenizer_config.json (its entry "default" when it is a list).
  [[nodiscard]] const std::optional<std::string>& chat_template() const;
  /// Text of the token that tokenizer_config.json calls bos_token or eos_token.
  [[nodiscard]] const std::optional<std::string>& bos_token() const;
  [[nodiscard]] const std::optional<std::string>& eos_token() const;

 private:
  friend class StreamDecoder;
  explicit Tokenizer(std::shared_ptr<const TokenizerData> data);
  std::shared_ptr<const TokenizerData> data_;
};

}  // namespace wisk::tokenizer
