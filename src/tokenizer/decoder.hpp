#pragma once
// Decoders: tokens back to text, as a chain of steps that also works while tokens arrive.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <wisk/tokenizer/stream_decoder.hpp>

#include "component.hpp"

namespace wisk::tokenizer {

/// Where a step hands its results: pieces of text, and where each of its output tokens ends. Not owned.
class TextSink {
 public:
  virtual ~TextSink() = default;
  /// `ends`: this text is the last of its token.
  virtual void accept(std::string_view text, bool ends) = 0;
};

/// One step of the chain. Immutable, thread-safe; what it must remember between calls is in the state.
class DecoderStep {
 public:
  virtual ~DecoderStep() = default;
  /// Takes the next part of a token; `ends` with the token's last part.
  virtual void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const = 0;
  /// After the last token: hands out what is held and resets the state.
  virtual void finish(DecoderStepState& state, TextSink& sink) const = 0;
};

/// Owns its steps; immutable, thread-safe; move-only.
class Decoder {
 public:
  Decoder() = default;
  /// Reads parent["decoder"]; null joins tokens with spaces. Throws InputError.
  explicit Decoder(const Component& parent);

  [[nodiscard]] std::vector<DecoderStepState> start() const {
    return std::vector<DecoderStepState>(steps_.size());
  }
  /// Appends to `text` what becomes certain with one more token.
  void push(std::string_view token, std::vector<DecoderStepState>& states, std::string& text) const;
  /// Appends the rest and resets the states.
  void finish(std::vector<DecoderStepState>& states, std::string& text) const;

 private:
  std::vector<std::unique_ptr<const DecoderStep>> steps_;
};

}  // namespace wisk::tokenizer
