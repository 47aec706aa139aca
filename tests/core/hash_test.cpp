#include <wisk/core/hash.hpp>

#include <gtest/gtest.h>

#include "support/temp_folder.hpp"

namespace wisk {
namespace {

// FIPS 180-4 example values.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(Sha256().update("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256().update("a").update("bc").hex(), Sha256().update("abc").hex());
}

TEST(Sha256, OfAFile) {
  const test::TempFolder folder;
  EXPECT_EQ(sha256_of_file(folder.write("abc", "abc")), Sha256().update("abc").hex());
}

TEST(HexOf, TwoDigitsAByte) {
  EXPECT_EQ(hex_of(std::as_bytes(std::span("\x00\x0f\xa0", 3))), "000fa0");
}

// Part of results: a change of the library's algorithm must not go unseen.
TEST(Xxh3, KnownAnswers) {
  EXPECT_EQ(hex64(xxh3("")), "2d06800538d394c2");
  EXPECT_NE(xxh3("a", 1), xxh3("a", 2));
}

}  // namespace
}  // namespace wisk
