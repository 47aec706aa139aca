#pragma once
// What a user's mistake must look like: one line, the right status, what was expected, what was found and
// where.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/demo_job.hpp"

namespace wisk::test {

inline void expect_refused(const ProgramResult& result, int status, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.status, status) << result.error;
  EXPECT_FALSE(result.timed_out);
  const std::vector<std::string> messages = messages_of(result.error);
  ASSERT_EQ(messages.size(), 1u) << result.error;
  EXPECT_EQ(result.error, messages[0] + "\n") << "nothing else on stderr";
  EXPECT_TRUE(result.out.empty()) << result.out;
  for (const std::string& part : parts)
    EXPECT_NE(messages[0].find(part), std::string::npos) << "no \"" << part << "\" in: " << messages[0];
}

inline void expect_refused(const std::vector<std::string>& arguments, int status,
                           const std::vector<std::string>& parts) {
  expect_refused(run_program(wisk_command(arguments), cpu_options()), status, parts);
}

}  // namespace wisk::test
