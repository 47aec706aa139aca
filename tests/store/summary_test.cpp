#include <wisk/store/summary.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <wisk/core/file.hpp>

#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

TEST(Summary, IsJsonWithEveryNumber) {
  const test::TempFolder folder;
  Summary summary;
  summary.name = "demo \xff";
  summary.samples_done = 10;
  summary.samples_total = 20;
  summary.seconds = {{"load", 1.5}, {"sample", 20}};
  summary.tokens_generated = 1234;
  summary.tokens_per_second = 61.7;
  summary.ranks = {{0, "node1", 1000}, {1, "node2", 2000}};
  write_summary(folder.path() / "summary.json", summary);
  const auto json = nlohmann::json::parse(read_text(folder.path() / "summary.json"));
  EXPECT_EQ(json["counts"]["samples_done"], 10);
  EXPECT_EQ(json["seconds"]["sample"], 20);
  EXPECT_EQ(json["tokens_generated"], 1234);
  EXPECT_EQ(json["tokens_per_second"], 61.7);
  EXPECT_EQ(json["ranks"][1]["peak_rss_bytes"], 2000);
  EXPECT_TRUE(json["fraction_of_limit"].is_null());
  EXPECT_EQ(json["complete"], false);
}

}  // namespace
}  // namespace wisk::store
