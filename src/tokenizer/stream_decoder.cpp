#include <wisk/tokenizer/stream_decoder.hpp>

#include "tokenizer_data.hpp"

namespace wisk::tokenizer {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : data_(tokenizer.data_), skip_special_tokens_(skip_special_tokens), states_(data_->decoder.start()) {}

std::string StreamDecoder::push(std::int32_t id) {
  std::string text;
  const std::string* token = data_->decoder_input_of(id);
  if (token == nullptr || (skip_special_tokens_ && data_->is_special(id))) return text;
  data_->decoder.push(*token, states_, text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  data_->decoder.finish(states_, text);
  return text;
}

}  // namespace wisk::tokenizer
