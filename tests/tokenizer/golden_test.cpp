// Ids and text equal to the tokenizers library's, for small tokenizers of every kind on nasty texts.

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>
#include <wisk/tokenizer/stream_decoder.hpp>
#include <wisk/tokenizer/tokenizer.hpp>

#include "golden.hpp"

namespace wisk::tokenizer {
namespace {

using Ids = std::vector<std::int32_t>;

class Golden : public testing::TestWithParam<std::string> {
 protected:
  Tokenizer tokenizer_ = Tokenizer::load(test::golden_folder() / GetParam());
  nlohmann::json all_ = test::read_golden("cases.json");
  nlohmann::json cases_ = all_["tokenizers"][GetParam()];
};

TEST_P(Golden, IdsEqualTheLibrarys) {
  const auto& texts = all_["texts"];
  ASSERT_EQ(texts.size(), cases_["ids"].size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(tokenizer_.encode(texts[i].get<std::string>(), i % 2 == 1), cases_["ids"][i].get<Ids>())
        << "text " << i << ": " << texts[i].dump(-1, ' ', true);
  }
}

TEST_P(Golden, TextEqualsTheLibrarys) {
  const auto& texts = all_["texts"];
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto& want = cases_["decoded"][i].is_null() ? texts[i] : cases_["decoded"][i];
    EXPECT_EQ(tokenizer_.decode(cases_["ids"][i].get<Ids>(), i % 2 == 0), want.get<std::string>())
        << "text " << i;
  }
}

TEST_P(Golden, TextOfIdsInNoSensibleOrderEqualsTheLibrarys) {
  for (std::size_t i = 0; i < cases_["random_ids"].size(); ++i) {
    EXPECT_EQ(tokenizer_.decode(cases_["random_ids"][i].get<Ids>(), true),
              cases_["random_decoded"][i].get<std::string>())
        << "row " << i;
  }
}

TEST_P(Golden, TokensAndIdsAreInverse) {
  int tokens = 0;
  for (std::int32_t id = 0; id < tokenizer_.size(); ++id) {
    const auto token = tokenizer_.token_of(id);
    if (!token) continue;
    EXPECT_EQ(tokenizer_.id_of(*token), id);
    ++tokens;
  }
  EXPECT_EQ(tokens, tokenizer_.size());
  EXPECT_EQ(tokenizer_.token_of(-1), std::nullopt);
  EXPECT_EQ(tokenizer_.token_of(tokenizer_.size()), std::nullopt);
  EXPECT_EQ(tokenizer_.id_of("no such token"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Golden, testing::ValuesIn(test::golden_names()), test::name_of_fixture);

TEST(Tokenizer, KnowsSpecialTokens) {
  const Tokenizer tokenizer = Tokenizer::load(test::golden_folder() / "gemma");
  const auto id = [&](const char* token) { return tokenizer.id_of(token).value(); };
  EXPECT_TRUE(tokenizer.is_special(id("<bos>")));
  EXPECT_TRUE(tokenizer.is_special(id("<|x|>")));
  EXPECT_FALSE(tokenizer.is_special(id("<|y|>")));
  EXPECT_FALSE(tokenizer.is_special(id("e")));
  EXPECT_FALSE(tokenizer.is_special(-1));
  EXPECT_FALSE(tokenizer.is_special(tokenizer.size()));
  const Ids ids = {id("<bos>"), id("e"), id("<|x|>"), id("<|y|>")};
  EXPECT_EQ(tokenizer.decode(ids, true), "e<|y|>");
  EXPECT_EQ(tokenizer.decode(ids, false), "<bos>e<|x|><|y|>");
}

TEST(Tokenizer, RefusesInvalidUtf8WithItsPlace) {
  const Tokenizer tokenizer = Tokenizer::load(test::golden_folder() / "qwen2");
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"ab\xFF", "byte 2"},           {"\xC3", "byte 0"},         {"\xE2\x82", "byte 0"},
      {"x\xC0\xAF", "byte 1"},        {"\xED\xA0\x80", "byte 0"}, {"\xF4\x90\x80\x80", "byte 0"},
      {"\xE4\xBD\xA0\x80", "byte 3"}, {"\xE0\x9F\xBF", "byte 0"}, {"\xF0\x8F\xBF\xBF", "byte 0"}};
  for (const auto& [text, place] : bad) {
    try {
      static_cast<void>(tokenizer.encode(text, false));
      ADD_FAILURE() << "accepted invalid UTF-8 at " << place;
    } catch (const InputError& error) {
      EXPECT_EQ(error.where(), "text to tokenize, " + place);
      EXPECT_EQ(error.expected(), "valid UTF-8");
    }
  }
}

}  // namespace
}  // namespace wisk::tokenizer
