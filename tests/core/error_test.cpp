#include <wisk/core/error.hpp>

#include <gtest/gtest.h>

namespace wisk {
namespace {

TEST(Error, SaysWhereExpectedAndFound) {
  const InputError error("job.yaml:3: decode.samples", "an integer of at least 1", "-4");
  EXPECT_STREQ(error.what(), "job.yaml:3: decode.samples: expected an integer of at least 1, found -4");
  EXPECT_EQ(error.status(), ExitStatus::kInput);
}

TEST(Error, NamesTheNearestKnownWord) {
  const std::vector<std::string> known = {"temperature", "top_p", "top_k", "max_tokens"};
  EXPECT_EQ(nearest_word("temprature", known), "temperature");
  EXPECT_EQ(nearest_word("topp", known), "top_p");
  EXPECT_EQ(nearest_word("max_tokesn", known), "max_tokens");  // an exchange counts once
  EXPECT_EQ(nearest_word("banana", known), "");
  EXPECT_EQ(did_you_mean("temprature", known), " (did you mean \"temperature\"?)");
  EXPECT_EQ(did_you_mean("banana", known), "");
}

}  // namespace
}  // namespace wisk
