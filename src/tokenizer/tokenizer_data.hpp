#pragma once
// The parts of a loaded tokenizer.

#include <optional>
#include <string>

#include "added_vocabulary.hpp"
#include "bpe.hpp"
#include "decoder.hpp"
#include "normalizer.hpp"
#include "post_processor.hpp"
#include "pre_tokenizer.hpp"

namespace wisk::tokenizer {

/// Owns all parts; immutable after load, so shared freely between threads.
struct TokenizerData {
  Normalizer normalizer;
  BpeModel model;
  AddedVocabulary added;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder;
  std::optional<std::string> chat_template, bos_token, eos_token;

  /// Added tokens hide those of the model. nullptr for ids of no token.
  [[nodiscard]] const std::string* token_of(std::int32_t id) const {
    const AddedToken* token = added.find(id);
    return token != nullptr ? &token->content : model.token_of(id);
  }
  /// The token as the decoder takes it.
  [[nodiscard]] const std::string* decoder_input_of(std::int32_t id) const {
    const AddedToken* token = added.find(id);
    return token != nullptr ? &token->text : model.token_of(id);
  }
  [[nodiscard]] bool is_special(std::int32_t id) const {
    const AddedToken* token = added.find(id);
    return token != nullptr && token->special;
  }
};

}  // namespace wisk::tokenizer
