#include "staging_folder.hpp"

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>

#include "support/temp_folder.hpp"

namespace wisk::merge {
namespace {

TEST(Staging, AppearsOnCommitAndVanishesWithout) {
  const test::TempFolder temp;
  {
    StagingFolder staging(temp.path() / "out/");
    temp.write("out.tmp/a", "a");
  }
  EXPECT_FALSE(std::filesystem::exists(temp.path() / "out.tmp"));
  std::filesystem::create_directory(temp.path() / "out");  // an empty one may be there
  StagingFolder staging(temp.path() / "out");
  temp.write("out.tmp/a", "a");
  staging.commit();
  EXPECT_TRUE(std::filesystem::exists(temp.path() / "out/a"));
  EXPECT_FALSE(std::filesystem::exists(temp.path() / "out/.wisk-export"));
}

TEST(Staging, TwoExportsToOneFolderDoNotMix) {
  const test::TempFolder temp;
  StagingFolder first(temp.path() / "out");
  temp.write("out.tmp/a", "a");
  EXPECT_THROW(StagingFolder(temp.path() / "out"), InputError);
  EXPECT_TRUE(std::filesystem::exists(temp.path() / "out.tmp/a"));
}

TEST(Staging, AFolderThatIsNotAnExportsIsLeftAlone) {
  const test::TempFolder temp;
  temp.write("out.tmp/thesis.txt", "years of work");
  EXPECT_THROW(StagingFolder(temp.path() / "out"), InputError);
  EXPECT_TRUE(std::filesystem::exists(temp.path() / "out.tmp/thesis.txt"));
}

}  // namespace
}  // namespace wisk::merge
