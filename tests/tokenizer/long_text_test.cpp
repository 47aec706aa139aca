// Long text without a place to cut: merging, matching and normalising must stay near linear.

#include <gtest/gtest.h>

#include "golden.hpp"
#include "support/cpu_time.hpp"

#include <wisk/tokenizer/tokenizer.hpp>

namespace wisk::tokenizer {
namespace {

constexpr std::size_t kLength = 300'000;
constexpr double kSecondsAllowed =
    20;  // quadratic work takes many minutes; slow machines and sanitizers pass

std::string repeated(std::string_view part) {
  std::string text;
  while (text.size() < kLength) text += part;
  return text;
}

class LongText : public testing::TestWithParam<std::string> {};

TEST_P(LongText, TakesSeconds) {
  const Tokenizer tokenizer = Tokenizer::load(test::golden_folder() / GetParam());
  // Spaces before a letter, marks in changing order, and tokens that strip are the usual ways to be
  // quadratic.
  const std::vector<std::string> texts = {repeated("a"),
                                          repeated("index"),
                                          repeated(" "),
                                          repeated(" ") + "x",
                                          repeated("\n"),
                                          repeated("0"),
                                          repeated("\xCC\x81\xCC\xA7"),
                                          repeated("\xE4\xBD\xA0"),
                                          repeated("<l> "),
                                          repeated(" <r>"),
                                          repeated("<|x|>"),
                                          repeated("=")};
  for (const std::string& text : texts) {
    const double start = test::cpu_seconds();
    const auto ids = tokenizer.encode(text, false);
    const std::string decoded = tokenizer.decode(ids, false);
    const double spent = test::cpu_seconds() - start;
    EXPECT_LT(spent, kSecondsAllowed) << text.substr(0, 12);
    EXPECT_FALSE(ids.empty() && GetParam().substr(0, 3) != "odd") << text.substr(0, 12);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LongText, testing::ValuesIn(test::golden_names()), test::name_of_fixture);

}  // namespace
}  // namespace wisk::tokenizer
