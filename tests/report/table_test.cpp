#include <wisk/report/table.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace wisk::report {
namespace {

std::size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, letters(line));
  return longest;
}

TEST(Table, AlignsNamesLeftAndValuesRight) {
  Table table({"arm", "Pass@1", "k"});
  table.add_row({"delta=0.25", "7.5", "1"});
  table.add_row({"\xC3\xA4", "-", "100"});  // one letter of two bytes
  EXPECT_EQ(table.text(80),
            "arm         Pass@1    k\n"
            "delta=0.25     7.5    1\n"
            "\xC3\xA4                -  100\n");
}

TEST(Table, ColumnsWithoutRoomFollowBelowWithTheNamesAgain) {
  Table table({"arm", "one", "two", "three"});
  table.add_row({"a", "1", "2", "3"});
  EXPECT_EQ(table.text(13),
            "arm  one  two\n"
            "a      1    2\n"
            "\n"
            "arm  three\n"
            "a        3\n");
  EXPECT_LE(longest_line(table.text(13)), 13u);
  EXPECT_NE(table.text(1).find("three"), std::string::npos);  // too narrow for anything: still all there
}

TEST(Table, OfOneColumnHasRows) {
  Table table({"arm"});
  table.add_row({"a"});
  EXPECT_EQ(table.text(10), "arm\na\n");
}

TEST(Printable, TakesTerminalsTheirOrders) {
  EXPECT_EQ(printable("\x1b[2Jname\n\x7f\xC2\x9Bm \xC3\xA4"), "?[2Jname???m \xC3\xA4");
}

TEST(Wrapped, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(wrapped("aa bb cc dd", 5, 2), "aa bb\n  cc\n  dd\n");
  EXPECT_EQ(wrapped("aaaaaaaaaa b", 5, 0), "aaaaaaaaaa\nb\n");
  EXPECT_EQ(wrapped("", 5, 0), "\n");
}

}  // namespace
}  // namespace wisk::report
