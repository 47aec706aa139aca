#include <wisk/tokenizer/stream_decoder.hpp>

#include <random>

#include <gtest/gtest.h>

#include "golden.hpp"

namespace wisk::tokenizer {
namespace {

using Ids = std::vector<std::int32_t>;

Tokenizer golden(const std::string& name) {
  return Tokenizer::load(test::golden_folder() / name);
}

/// Valid UTF-8 that does not end inside a character: JSON's writer checks.
bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

class Streaming : public testing::TestWithParam<std::string> {};

TEST_P(Streaming, PartsAreWholeCharactersAndJoinToTheDecodedText) {
  const Tokenizer tokenizer = golden(GetParam());
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Ids ids(random() % 20);
    for (auto& id : ids)
      id = static_cast<std::int32_t>(random() % static_cast<unsigned>(tokenizer.size() + 1));
    const bool skips = round % 2 == 0;
    StreamDecoder decoder(tokenizer, skips);
    std::string text;
    for (const auto id : ids) {
      const std::string part = decoder.push(id);
      EXPECT_TRUE(is_utf8(part));
      text += part;
    }
    text += decoder.finish();
    EXPECT_EQ(text, tokenizer.decode(ids, skips));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Streaming, testing::ValuesIn(test::golden_names()), test::name_of_fixture);

TEST(StreamDecoder, HandsOutTextAsSoonAsItIsCertain) {
  const Tokenizer tokenizer = golden("qwen2");
  StreamDecoder decoder(tokenizer, true);
  const auto id = [&](const char* token) { return tokenizer.id_of(token).value(); };
  EXPECT_EQ(decoder.push(id("a")), "a");
  EXPECT_EQ(decoder.push(id("\xC3\xA2")), "");              // the byte E2, the first of three
  EXPECT_EQ(decoder.push(id("\xC4\xA4")), "");              // 82
  EXPECT_EQ(decoder.push(id("\xC2\xAC")), "\xE2\x82\xAC");  // AC: the euro sign is whole
  EXPECT_EQ(decoder.push(id("\xC3\xA2")), "");
  EXPECT_EQ(decoder.push(id("b")),
            "\xEF\xBF\xBD"
            "b");  // no character any more
  EXPECT_EQ(decoder.push(id("\xC3\xA2")), "");
  EXPECT_EQ(decoder.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.push(id("a")), "a");  // as new
}

TEST(StreamDecoder, HoldsARunOfByteTokensUntilItEnds) {
  const Tokenizer tokenizer = golden("llama2");
  StreamDecoder decoder(tokenizer, true);
  const auto id = [&](const char* token) { return tokenizer.id_of(token).value(); };
  EXPECT_EQ(decoder.push(id("\xE2\x96\x81")), "");  // the leading space is cut
  EXPECT_EQ(decoder.push(id("<0xC3>")), "");
  EXPECT_EQ(decoder.push(id("<0xA9>")), "");
  EXPECT_EQ(decoder.push(id("x")), "\xC3\xA9x");
  EXPECT_EQ(decoder.push(id("<0xC3>")), "");
  EXPECT_EQ(decoder.push(id("x")), "\xEF\xBF\xBDx");
}

TEST(StreamDecoder, ACopyContinuesOnItsOwn) {
  const Tokenizer tokenizer = golden("qwen2");
  StreamDecoder one(tokenizer, true);
  one.push(tokenizer.id_of("\xC3\xA2").value());
  StreamDecoder other = one;
  EXPECT_EQ(one.push(tokenizer.id_of("a").value()),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(other.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(one.finish(), "");
}

TEST(StreamDecoder, OutlivesTheTokenizer) {
  auto tokenizer = std::make_unique<Tokenizer>(golden("gpt2"));
  const auto id = tokenizer->id_of("a").value();
  StreamDecoder decoder(*tokenizer, true);
  tokenizer.reset();
  EXPECT_EQ(decoder.push(id), "a");
}

/// A decoder chain over one-letter tokens, for orders of steps that no published checkpoint has.
Tokenizer with_decoder(const test::TempFolder& folder, const std::string& decoder) {
  folder.write("tokenizer.json",
               R"({"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
    "decoder": )" + decoder +
                   R"(, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, " ": 2, "<0x41>": 3, "ab": 4},
    "merges": []}})");
  return Tokenizer::load(folder.path());
}

TEST(StreamDecoder, StepsBehindAFuseWorkOnGrowingText) {
  const test::TempFolder folder;
  const std::string replace = R"({"type": "Replace", "pattern": {"String": "ab"}, "content": "X"})";
  const Tokenizer tokenizer =
      with_decoder(folder, R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, )" + replace +
                               R"(, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]})");
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(decoder.push(2), "");  // may be the stripped space
  EXPECT_EQ(decoder.push(2), "");  // may be the last space
  EXPECT_EQ(decoder.push(0), "");  // a may become ab
  EXPECT_EQ(decoder.push(1), " X");
  EXPECT_EQ(decoder.push(0), "");
  EXPECT_EQ(decoder.push(4), "aX");
  EXPECT_EQ(decoder.push(2), "");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, PatternsBehindAFuseWaitForTheEnd) {
  const test::TempFolder folder;
  const Tokenizer tokenizer =
      with_decoder(folder, R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"},
                 {"type": "Replace", "pattern": {"Regex": "A$"}, "content": "Z"}]})");
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(decoder.push(3), "");
  EXPECT_EQ(decoder.finish(), "Z");
  EXPECT_EQ(tokenizer.decode(Ids{3, 0}, false), "<0x41>a");  // not a byte token once fused
}

}  // namespace
}  // namespace wisk::tokenizer
