// Where Oniguruma and PCRE2 read the same pattern differently. Expected parts are those of tokenizers 0.23's
// Split.

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>

#include "regex.hpp"

namespace wisk::tokenizer {
namespace {

std::vector<std::string> matches(const std::string& pattern, const std::string& text) {
  std::vector<std::string> parts;
  for (const ByteRange range : Regex(pattern, "here").find_all(text)) {
    parts.push_back(text.substr(range.begin, range.end - range.begin));
  }
  return parts;
}

using Parts = std::vector<std::string>;

TEST(Regex, ReadsOnigurumasSyntax) {
  EXPECT_EQ(matches(R"(\s)", "a \xE1\xA0\x8E\xC2\x85"),
            (Parts{" ", "\xC2\x85"}));  // U+180E is no space, U+0085 is
  EXPECT_EQ(matches(R"([^\s]+)", "a\xE1\xA0\x8E b"), (Parts{"a\xE1\xA0\x8E", "b"}));
  EXPECT_EQ(matches(R"(\S+)", "a\xE1\xA0\x8E b"), (Parts{"a\xE1\xA0\x8E", "b"}));
  EXPECT_EQ(matches(R"(\w+)", "e\xCC\x81_\xE2\x80\xBF-9"),
            (Parts{"e\xCC\x81_\xE2\x80\xBF", "9"}));  // marks, connectors
  EXPECT_EQ(matches(R"([\w]+|\W)", "e\xCC\x81-"), (Parts{"e\xCC\x81", "-"}));
  EXPECT_EQ(matches(R"(\w+)", "\xC2\xB2-\xE2\x81\xB4"),
            (Parts{"\xC2\xB2"}));  // superscript two, not superscript four
  EXPECT_EQ(matches(R"(\h+)", "xaF0 g"), (Parts{"aF0"}));
  EXPECT_EQ(matches(R"([\h]\H)", "az 9"), (Parts{"az"}));
  EXPECT_EQ(matches(R"((?m:.)b)", "a\nb"), (Parts{"\nb"}));
  EXPECT_EQ(matches(R"(.b)", "a\nb cb"), (Parts{"cb"}));
  EXPECT_EQ(matches(R"(a{1,2}+b)", "aaab"), (Parts{"aaab"}));           // repeats, not possessive
  EXPECT_EQ(matches(R"((?:xy|a){1,2}+a)", "axyaa"), (Parts{"axyaa"}));  // the same for a group
  EXPECT_EQ(matches(R"(a++a|b)", "aaab"), (Parts{"b"}));                // this one is possessive
  EXPECT_EQ(matches(R"(a{,2}b)", "aaab"), (Parts{"aab"}));
  EXPECT_EQ(matches(R"(a{,}|{x)", "a{,}{x"), (Parts{"a{,}", "{x"}));
  EXPECT_EQ(matches(R"(^b)", "b\nb"), (Parts{"b", "b"}));
  EXPECT_EQ(matches("\\u0061", "ab"), (Parts{"a"}));
  EXPECT_EQ(matches(R"([]a]+)", "b]a"), (Parts{"]a"}));
  EXPECT_EQ(matches(R"((?i:'s))", "'S '\xC5\xBF"), (Parts{"'S", "'\xC5\xBF"}));
  EXPECT_EQ(matches(R"((?<=a)b)", "abb"), (Parts{"b"}));
  EXPECT_EQ(matches("x*", "axxa"), (Parts{"", "xx", ""}));  // none right after a match
  EXPECT_EQ(matches("", "\xC3\xA9"), (Parts{"", ""}));
}

TEST(Regex, RefusesWhatItCannotTranslate) {
  for (const char* pattern :
       {"[a-z&&[^b]]", "[a[b]]", "(?~a)", "(*UTF)a", "(*LIMIT_MATCH=1)a", R"([\W])", "(", "a)", "[a",
        R"(\p{L)", R"(\pL)", R"(\u12)", "\\", R"(\p{NoSuchProperty})", "*"}) {
    EXPECT_THROW(matches(pattern, "abc"), InputError) << pattern;
  }
}

TEST(Regex, AnExponentialPatternEndsWithAnError) {
  EXPECT_THROW(matches("(a+)+$|(a|aa)+$", std::string(60, 'a') + "b"), InputError);
}

TEST(Regex, LongRunsDoNotExhaustAnyStack) {
  const std::string text(2'000'000, ' ');
  EXPECT_EQ(matches(R"((?:\s|x)*)", text).front().size(), text.size());
  EXPECT_EQ(matches(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", text + "x").front().size(), text.size() - 1);
}

}  // namespace
}  // namespace wisk::tokenizer
