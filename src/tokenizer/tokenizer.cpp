#include <wisk/tokenizer/tokenizer.hpp>

#include <algorithm>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/tokenizer/stream_decoder.hpp>

#include "tokenizer_data.hpp"
#include "tokenizer_file.hpp"
#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

/// Positions inside a piece are 32 bits wide; no prompt is near this.
constexpr std::size_t kLongestText = std::size_t{1} << 29U;

/// A token in tokenizer_config.json: its text, or an object with `content`.
std::optional<std::string> configured_token(const Component& config, std::string_view key) {
  if (!config.has(key)) return std::nullopt;
  if (config.value()[std::string(key)].is_object()) return config.child(key).string("content");
  return config.string(key);
}

std::optional<std::string> configured_template(const Component& config) {
  constexpr std::string_view kKey = "chat_template";
  if (!config.has(kKey)) return std::nullopt;
  if (!config.value()[std::string(kKey)].is_array()) return config.string(kKey);
  for (const Component& entry : config.children(kKey)) {
    if (entry.string("name") == "default") return entry.string("template");
  }
  return std::nullopt;
}

void read_configuration(const std::filesystem::path& folder, TokenizerData& data) {
  const std::filesystem::path file = folder / "tokenizer_config.json";
  if (std::filesystem::exists(file)) {
    const nlohmann::json json = read_json(file);
    const Component config(json, file.string() + ":");
    data.bos_token = configured_token(config, "bos_token");
    data.eos_token = configured_token(config, "eos_token");
    data.chat_template = configured_template(config);
  }
  const std::filesystem::path own = folder / "chat_template.jinja";
  if (std::filesystem::exists(own)) {
    data.chat_template = read_text(own);
    require_utf8(*data.chat_template, own.string());
  }
}

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerData> data) : data_(std::move(data)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  TokenizerFile file = read_tokenizer_file(path);
  const Component top(file.rest, path.string() + ":");
  auto data = std::make_shared<TokenizerData>();
  data->model = BpeModel(top.child("model"), file);
  data->normalizer = Normalizer(top);
  data->pre_tokenizer = PreTokenizer(top);
  data->added = AddedVocabulary(top, data->model, data->normalizer);
  data->post_processor = PostProcessor(top, std::max(data->model.size(), data->added.size()));
  data->decoder = Decoder(top);
  read_configuration(folder, *data);
  return Tokenizer(std::move(data));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  if (text.size() > kLongestText) {
    throw InputError("text to tokenize", "at most " + std::to_string(kLongestText) + " bytes",
                     std::to_string(text.size()));
  }
  require_utf8(text, "text to tokenize");
  std::vector<std::int32_t> ids;
  BpeScratch scratch;
  // Tokens that are matched as they are come out of the user's text first: what they are made of is never
  // normalised.
  for (const AddedSpan& raw : data_->added.split_raw(text)) {
    if (raw.id >= 0) {
      ids.push_back(raw.id);
      continue;
    }
    NormalizedText normalized{std::string(text.substr(raw.begin, raw.end - raw.begin)), raw.begin == 0};
    data_->normalizer.apply(normalized);
    for (const AddedSpan& span : data_->added.split_normalized(normalized.text)) {
      if (span.id >= 0) {
        ids.push_back(span.id);
        continue;
      }
      const auto pieces =
          data_->pre_tokenizer.apply({normalized.text.substr(span.begin, span.end - span.begin),
                                      normalized.at_start && span.begin == 0});
      for (const NormalizedText& piece : pieces) data_->model.encode(piece.text, scratch, ids);
    }
  }
  if (add_special_tokens) data_->post_processor.apply(ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  StreamDecoder decoder(*this, skip_special_tokens);
  std::string text;
  for (const std::int32_t id : ids) text += decoder.push(id);
  text += decoder.finish();
  return text;
}

std::optional<std::int32_t> Tokenizer::id_of(std::string_view token) const {
  const auto id = data_->added.id_of(token);
  return id ? id : data_->model.id_of(token);
}

std::optional<std::string> Tokenizer::token_of(std::int32_t id) const {
  const std::string* token = data_->token_of(id);
  if (token == nullptr) return std::nullopt;
  return *token;
}

int Tokenizer::size() const {
  return std::max(data_->model.size(), data_->added.size());
}

bool Tokenizer::is_special(std::int32_t id) const {
  return data_->is_special(id);
}

const std::optional<std::string>& Tokenizer::chat_template() const {
  return data_->chat_template;
}
const std::optional<std::string>& Tokenizer::bos_token() const {
  return data_->bos_token;
}
const std::optional<std::string>& Tokenizer::eos_token() const {
  return data_->eos_token;
}

}  // namespace wisk::tokenizer
