#include <wisk/core/file.hpp>

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>

#include "support/temp_folder.hpp"

namespace wisk {
namespace {

TEST(File, MapsAndReadsWhatWasWritten) {
  const test::TempFolder folder;
  const auto file = folder.write("a/b.txt", "some text\n");
  EXPECT_EQ(read_text(file), "some text\n");
  EXPECT_EQ(MappedFile(file).bytes().size(), 10u);
  EXPECT_EQ(MappedFile(folder.write("empty", "")).bytes().size(), 0u);
}

TEST(File, MissingFilesAndFoldersAreInputErrors) {
  const test::TempFolder folder;
  EXPECT_THROW(MappedFile(folder.path() / "nothing"), InputError);
  EXPECT_THROW(read_text(folder.path()), InputError);
  EXPECT_THROW(read_text(folder.write("long", "12345"), 4), InputError);
}

TEST(File, ReplaceLeavesOneWholeFile) {
  const test::TempFolder folder;
  const auto file = folder.path() / "summary.json";
  replace_file(file, "first");
  replace_file(file, "second");
  EXPECT_EQ(read_text(file), "second");
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".tmp"));
}

TEST(File, AFullDiskIsAnEnvironmentError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  try {
    replace_file("/dev/full/x", "text");
    FAIL();
  } catch (const EnvironmentError& error) {
    EXPECT_EQ(error.status(), ExitStatus::kEnvironment);
  }
}

}  // namespace
}  // namespace wisk
