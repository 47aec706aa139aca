#pragma once
// Decoding while ids arrive: text is handed out as soon as no later id can change it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <wisk/tokenizer/tokenizer.hpp>

namespace wisk::tokenizer {

/// What one step of a decoder remembers between ids.
struct DecoderStepState {
  std::string held;       // text or bytes that later ids may still change
  std::size_t count = 0;  // meaning depends on the step (tokens seen, characters stripped)
};

/// Shares the tokenizer's data; copyable (a copy continues on its own); not thread-safe. Amortised constant
/// time per byte of the token. The concatenation of all push() results and finish() equals Tokenizer::decode
/// of all ids.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens);

  /// The text (whole UTF-8 characters) that became certain with this id; often empty in the middle of a
  /// character.
  std::string push(std::int32_t id);

  /// What is left, with U+FFFD for an incomplete character; afterwards the decoder is as new.
  std::string finish();

 private:
  std::shared_ptr<const TokenizerData> data_;
  bool skip_special_tokens_;
  std::vector<DecoderStepState> states_;  // one per decoder step
};

}  // namespace wisk::tokenizer
