#include <wisk/stats/reasoning_path.hpp>

#include <gtest/gtest.h>

#include "exact.hpp"
#include "support/cpu_time.hpp"

namespace wisk::stats {
namespace {

using Results = std::vector<std::string>;

struct Example {
  const char* text;
  Results results;
};

void PrintTo(const Example& example, std::ostream* out) {
  *out << example.text;
}

class ArithmeticResults : public ::testing::TestWithParam<Example> {};

TEST_P(ArithmeticResults, AreTheNumbersAfterEquals) {
  EXPECT_EQ(arithmetic_results(GetParam().text), GetParam().results) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Demo, ArithmeticResults,
    ::testing::Values(Example{"Hana guards:60, eats:60-7=53, inherits:53+4=57.\n#### 57", {"53", "57"}},
                      Example{"Omar counts:54, labels:54, sells:54-12=42.\n#### 42", {"42"}},
                      Example{"Aiko paints:55, admires:55.\n#### 55", {}}));

INSTANTIATE_TEST_SUITE_P(
    Gsm8k, ArithmeticResults,
    ::testing::Values(
        Example{
            "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 duck eggs a day.\nShe makes 9 * 2 = $<<9*2=18>>18 every "
            "day.\n#### 18",
            {"9", "18"}},
        Example{"Janet sells 16 - 3 - 4 = 9 duck eggs a day.\nShe makes 9 * 2 = $18 every day.\n#### 18",
                {"9", "18"}},
        Example{"It came out to 80,000+50,000=$<<80000+50000=130000>>130,000\nIt rose by "
                "80,000*1.5=<<80000*1.5=120000>>120,000",
                {"130000", "120000"}},
        Example{"60/100 * 5 = $<<60/100*5=3>>3. 16 / 2 = <<16/2=8>>8 cheaper", {"3", "8"}},
        Example{"It takes 2/2=<<2/2=1>>1 bolt", {"1"}}, Example{"<<20*.5=10>>10", {"10"}},
        Example{"7.5 / .5 = <<15=15>>15, <<3=3>>3, 1 + 1 = <<2>>, 4 = 4", {"15"}}));

INSTANTIATE_TEST_SUITE_P(
    Styles, ArithmeticResults,
    ::testing::Values(
        Example{"$3 \\times 4 = 12$ and \\(12 \\div 5 = 2.40\\)", {"12", "2.4"}},
        Example{"\\frac{12}{4} = 3, \\frac{x}{4} = 3", {"3"}},
        Example{"\\[\n3 + 4 &= 7 \\\\\n7 \\cdot 1{,}000 &= 7{,}000\n\\]", {"7", "7000"}},
        Example{"\\sqrt{16} = 4", {"4"}}, Example{"2^3 = \\boxed{8}", {"8"}},
        Example{"\\$5 \\times 3 = \\$15.00", {"15"}},
        Example{"5 apples + 3 red apples = **8** apples", {"8"}},
        Example{"2 hours * 60 minutes/hour = 120 minutes", {"120"}},
        Example{"4 x 5 = 20, 4x5=20, 3 \u00d7 7 = 21, 9 \u2212 10 = \u22121", {"20", "20", "21", "-1"}},
        Example{"20% of 50 = 10 and 3 times 4 = 12", {"10", "12"}}, Example{"x = 3 + 4 = 7", {"7"}},
        Example{"8 clients * 2 bottles of milk per client = 16; 12 divided by 4 = 3", {"16", "3"}},
        Example{"A $150 x 2/100 = $3, a 6-2=4 inch", {"3", "4"}},
        Example{"Half of Ray's 3 jewels, so I have 12 + she'll get 3 = 15", {"15"}},
        Example{"Let x be the number of cats that sleep and 3 + 4 = 7", {"7"}},
        Example{"With x known we can now say that 3 + 4 = 7", {"7"}}, Example{"3*4=12+5=17", {"12", "17"}},
        Example{"1 + 1 = 2,0000 and 1 + 1 = 2,00", {"2", "2"}},
        Example{"(3 + 4) * 2 = 14; 2(3+4) = 14", {"14", "14"}}, Example{"3 + 4\n= 7", {"7"}},
        Example{"3 + 4 =\n7", {"7"}}, Example{"3 + 4 == 7", {"7"}},
        Example{"- 5 eggs a day * 7 days = 35 eggs", {"35"}},
        Example{"1,234.50 + 0.5 = $1,235.00; 007 - 7 = -0; 1 - 1.5 = -.50", {"1235", "0", "-0.5"}},
        Example{"3\u4e2a\u82f9\u679c+4\u4e2a\u82f9\u679c=7\u4e2a\u82f9\u679c", {"7"}}));

INSTANTIATE_TEST_SUITE_P(
    NoResult, ArithmeticResults,
    ::testing::Values(Example{"", {}}, Example{"x = 5", {}}, Example{"2x + 3 = 7", {}},
                      Example{"3 + 2x = 7", {}}, Example{"y + 3 + 4 = 9", {}}, Example{"The answer = 12", {}},
                      Example{"= = =", {}}, Example{"a 24-hour day = 24 hours", {}}, Example{"3 + = 4", {}},
                      Example{"3 + 4 * = 12", {}}, Example{"3 + 4 = seven", {}},
                      Example{"3 + 4 >= 7, 3 + 4 != 8, 3 + 4 => 7", {}}, Example{"3 + 4 = x", {}},
                      Example{"-3 = -3", {}}, Example{"3 + 4 =", {}},
                      Example{"3 + 4. Then 7 = 7; 3 + 4 is the same as the number of cats = 7", {}},
                      Example{"\\", {}}, Example{"3 + 4 = \\", {}}, Example{"<<", {}}));

TEST(ReasoningPath, IsEqualForEqualSequencesOnly) {
  EXPECT_EQ(reasoning_path("16 - 3 - 4 = <<16-3-4=9>>9, 9 * 2 = $<<9*2=18>>18"),
            reasoning_path("We get 12 - 3 = 9.0 and so $3 \\times 6 = 18$."));
  EXPECT_NE(reasoning_path("5+4=9, 9*2=18"), reasoning_path("9*2=18, 5+4=9"));
  EXPECT_NE(reasoning_path("5+4=9, 9*2=18"), reasoning_path("900+18=918"));
  EXPECT_EQ(reasoning_path("The answer is 18."), 0u);
  EXPECT_NE(reasoning_path("0+0=0"), 0u);
}

TEST(ReasoningPath, TakesAnyBytesInLinearTime) {
  Random random(71);
  const std::string alphabet = "0123456789+-*/=<>,.{}\\$ \nxab\xff\xc3\xe2\x88\x92";
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text;
    for (auto left = random.below(60); left > 0; --left) {
      text +=
          trial % 3 == 0
              ? static_cast<char>(random.below(256))
              : alphabet[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(alphabet.size())))];
    }
    for (const std::string& result : arithmetic_results(text)) {
      ASSERT_FALSE(result.empty());
      ASSERT_EQ(result.find_first_not_of("-.0123456789"), std::string::npos);
    }
  }
  const double start = test::cpu_seconds();
  for (const std::string& piece :
       {std::string("x "), std::string("1,234"), std::string("<<1+"), std::string("\\"), std::string("9"),
        std::string("1+1="), std::string("=-"), std::string(" "), std::string("{,}1"), std::string("\0", 1),
        std::string("a_")}) {
    std::string text = "1+";
    while (text.size() < 1'000'000) text += piece;
    (void)reasoning_path(text);
    (void)reasoning_path("x" + text + "=2");
  }
  // 22 MB; a quadratic step would take minutes.
  EXPECT_LT(test::cpu_seconds() - start, 20.0);
  EXPECT_EQ(arithmetic_results("1+" + std::string(100'000, '9') + "=1" + std::string(100'000, '0')),
            Results{"1" + std::string(100'000, '0')});
}

}  // namespace
}  // namespace wisk::stats
