#include "decoder.hpp"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "pattern.hpp"
#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

using Step = std::unique_ptr<const DecoderStep>;

/// For steps that need whole tokens: the token when this part completes it. A token comes in parts only
/// behind a step that fuses all tokens into one, so nothing else is held then.
std::optional<std::string> whole_token(std::string_view text, bool ends, DecoderStepState& state) {
  constexpr std::size_t kPartial = 1;
  if (ends && state.count != kPartial) return std::string(text);
  if (state.count != kPartial) state.held.clear();
  state.held += text;
  state.count = ends ? 0 : kPartial;
  if (!ends) return std::nullopt;
  return std::exchange(state.held, {});
}

/// No decoder: tokens with spaces between them.
class JoinWithSpaces : public DecoderStep {
 public:
  void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const override {
    if (state.count++ > 0) sink.accept(" ", false);
    sink.accept(text, ends);
  }
  void finish(DecoderStepState& state, TextSink& /*sink*/) const override { state = {}; }
};

/// All tokens become one.
class Fuse : public DecoderStep {
 public:
  void accept(std::string_view text, bool /*ends*/, DecoderStepState& /*state*/,
              TextSink& sink) const override {
    sink.accept(text, false);
  }
  void finish(DecoderStepState& /*state*/, TextSink& sink) const override { sink.accept("", true); }
};

/// Characters of a byte-level vocabulary to bytes, bytes to text.
class ByteLevel : public DecoderStep {
 public:
  void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const override {
    std::string pending = state.count == 0 ? std::exchange(state.held, {}) : std::string();
    const auto token = whole_token(text, ends, state);
    if (!token) return;
    append_bytes(*token, pending);
    hand_out(pending, state, sink);
  }
  void finish(DecoderStepState& state, TextSink& sink) const override {
    if (!state.held.empty()) sink.accept(kReplacementCharacter, false);
    sink.accept("", true);
    state = {};
  }

 private:
  static void append_bytes(const std::string& token, std::string& bytes) {
    const std::size_t before = bytes.size();
    for (std::size_t i = 0; i < token.size(); i += utf8_length(token[i])) {
      const int byte = byte_of_character(character_at(token, i));
      if (byte < 0) {  // not of this alphabet (an added token): its text as it is
        bytes.resize(before);
        bytes += token;
        return;
      }
      bytes.push_back(static_cast<char>(byte));
    }
  }

  /// Hands out whole characters, U+FFFD for what can become none (one for each maximal valid part,
  /// Unicode 3.9), and holds an incomplete character at the end.
  static void hand_out(std::string_view bytes, DecoderStepState& state, TextSink& sink) {
    std::string text;
    std::size_t i = 0;
    while (i < bytes.size()) {
      const Utf8Scan scan = scan_utf8(bytes, i);
      if (scan.valid == scan.needed) {
        text += bytes.substr(i, scan.needed);
        i += scan.needed;
      } else if (scan.valid > 0 && i + scan.valid == bytes.size()) {
        break;
      } else {
        text += kReplacementCharacter;
        i += std::max<std::size_t>(1, scan.valid);
      }
    }
    state.held = bytes.substr(i);
    if (!text.empty()) sink.accept(text, false);
  }
};

/// Tokens "<0x00>".."<0xFF>" to bytes. A run of them is text when all of it is UTF-8, else U+FFFD for each
/// byte: so nothing of a run is certain before it ends.
class ByteFallback : public DecoderStep {
 public:
  void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const override {
    std::string run = state.count == 0 ? std::exchange(state.held, {}) : std::string();
    const auto token = whole_token(text, ends, state);
    if (!token) return;
    const int byte = byte_of(*token);
    if (byte >= 0) {
      run.push_back(static_cast<char>(byte));
      state.held = std::move(run);
      return;
    }
    hand_out(run, sink);
    sink.accept(*token, true);
  }
  void finish(DecoderStepState& state, TextSink& sink) const override {
    hand_out(state.held, sink);
    state = {};
  }

 private:
  static int byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
    const auto digit = [](char c) -> int {
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'a' && c <= 'f') return c - 'a' + 10;
      return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    const int high = token[3] == '+' ? 0 : digit(token[3]);  // the library's number parser takes a plus sign
    const int low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }

  static void hand_out(std::string_view run, TextSink& sink) {
    if (run.empty()) return;
    if (!find_invalid_utf8(run)) {
      sink.accept(run, true);
      return;
    }
    for (std::size_t i = 0; i < run.size(); ++i) sink.accept(kReplacementCharacter, true);
  }
};

/// A pattern replaced in every token. A literal pattern also works on a token that is still growing: only an
/// ending that may become a match is held.
class Replace : public DecoderStep {
 public:
  explicit Replace(const Component& component)
      : pattern_(component, "pattern"), content_(component.string("content")) {}

  void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const override {
    constexpr std::size_t kLongestStreamed =
        256;  // bytes; looking for partial matches of longer ones is not constant
    if (!pattern_.literal() || pattern_.literal()->size() > kLongestStreamed) {
      if (const auto token = whole_token(text, ends, state))
        sink.accept(pattern_.replace(*token, content_), true);
      return;
    }
    state.held += text;
    const auto matches = pattern_.find_all(state.held);
    const std::size_t done = matches.empty() ? 0 : matches.back().end;
    const std::size_t kept = ends ? 0 : partial_match(std::string_view(state.held).substr(done));
    const std::string_view certain = std::string_view(state.held).substr(0, state.held.size() - kept);
    if (ends || !certain.empty()) sink.accept(pattern_.replace(certain, content_), ends);
    state.held.erase(0, certain.size());
  }
  void finish(DecoderStepState& state, TextSink& /*sink*/) const override { state = {}; }

 private:
  /// Length of the longest ending of `text` that begins the pattern.
  [[nodiscard]] std::size_t partial_match(std::string_view text) const {
    std::size_t length = std::min(text.size(), pattern_.literal()->size() - 1);
    while (length > 0 && !pattern_.literal()->starts_with(text.substr(text.size() - length))) --length;
    return length;
  }

  Pattern pattern_;
  std::string content_;
};

/// Up to `start` characters cut from the front of every token and up to `stop` from its end, where they are
/// `content`.
class Strip : public DecoderStep {
 public:
  explicit Strip(const Component& component) {
    constexpr std::int64_t kMost = 1'000'000;
    append_utf8(content_, component.character("content"));
    start_ = static_cast<std::size_t>(component.integer("start", 0, kMost));
    stop_ = static_cast<std::size_t>(component.integer("stop", 0, kMost));
  }

  void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const override {
    while (state.count < start_ &&
           text.starts_with(content_)) {  // count: characters cut, or start_ when settled
      text.remove_prefix(content_.size());
      ++state.count;
    }
    if (!text.empty()) state.count = start_;
    state.held += text;
    std::size_t kept = 0;  // characters at the end that may have to be cut
    std::string_view front = state.held;
    while (kept < stop_ && front.ends_with(content_)) {
      front.remove_suffix(content_.size());
      ++kept;
    }
    if (ends || !front.empty()) sink.accept(front, ends);
    state.held.erase(0, front.size());
    if (ends) state = {};
  }
  void finish(DecoderStepState& state, TextSink& /*sink*/) const override { state = {}; }

 private:
  std::string content_;
  std::size_t start_ = 0, stop_ = 0;
};

/// The replacement character becomes a space; in the first token it vanishes when the encoder put one in
/// front.
class Metaspace : public DecoderStep {
 public:
  explicit Metaspace(const Component& component) : replacement_(component.character("replacement")) {
    const std::string scheme =
        component.has("prepend_scheme") ? component.string("prepend_scheme") : "always";
    if (scheme != "always" && scheme != "first" && scheme != "never") {
      component.fail("prepend_scheme", "\"always\", \"first\" or \"never\"");
    }
    if (!component.boolean("add_prefix_space", true) && scheme != "never") {
      component.fail("add_prefix_space", "agreement with prepend_scheme \"" + scheme + "\"");
    }
    prepends_ = scheme != "never";
  }

  void accept(std::string_view text, bool ends, DecoderStepState& state, TextSink& sink) const override {
    std::string spaced;
    for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
      if (character_at(text, i) != replacement_) {
        spaced += text.substr(i, utf8_length(text[i]));
      } else if (!prepends_ || state.count > 0) {
        spaced += ' ';
      }
    }
    sink.accept(spaced, ends);
    if (ends) state.count = 1;  // the first token is over
  }
  void finish(DecoderStepState& state, TextSink& /*sink*/) const override { state = {}; }

 private:
  char32_t replacement_;
  bool prepends_ = true;
};

template <typename Type>
Step make([[maybe_unused]] const Component& component) {
  if constexpr (std::is_default_constructible_v<Type>) {
    return std::make_unique<Type>();
  } else {
    return std::make_unique<Type>(component);
  }
}

const std::vector<Known<Step>>& known_steps() {
  static const std::vector<Known<Step>> table = {
      {"ByteLevel", make<ByteLevel>}, {"Replace", make<Replace>}, {"ByteFallback", make<ByteFallback>},
      {"Fuse", make<Fuse>},           {"Strip", make<Strip>},     {"Metaspace", make<Metaspace>},
  };
  return table;
}

/// Feeds the steps from `next_` on; the last hands its text to the caller.
class Chain : public TextSink {
 public:
  Chain(const std::vector<Step>& steps, std::vector<DecoderStepState>& states, std::string& text,
        std::size_t next)
      : steps_(steps), states_(states), text_(text), next_(next) {}
  void accept(std::string_view text, bool ends) override {
    if (next_ == steps_.size()) {
      text_ += text;
      return;
    }
    Chain rest(steps_, states_, text_, next_ + 1);
    steps_[next_]->accept(text, ends, states_[next_], rest);
  }

 private:
  const std::vector<Step>& steps_;
  std::vector<DecoderStepState>& states_;
  std::string& text_;
  std::size_t next_;
};

}  // namespace

Decoder::Decoder(const Component& parent) {
  if (!parent.has("decoder")) {
    steps_.push_back(std::make_unique<JoinWithSpaces>());
    return;
  }
  for (const Component& component : flatten(parent, "decoder", "decoders")) {
    steps_.push_back(make_by_type(component, known_steps()));
  }
}

void Decoder::push(std::string_view token, std::vector<DecoderStepState>& states, std::string& text) const {
  Chain(steps_, states, text, 0).accept(token, true);
}

void Decoder::finish(std::vector<DecoderStepState>& states, std::string& text) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Chain rest(steps_, states, text, i + 1);
    steps_[i]->finish(states[i], rest);
  }
}

}  // namespace wisk::tokenizer
