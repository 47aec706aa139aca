#pragma once
// What tests/golden/tokenizer/make_golden.py wrote.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <support/temp_folder.hpp>

namespace wisk::test {

inline std::filesystem::path golden_folder() {
  return source_folder() / "tests" / "golden" / "tokenizer";
}

inline nlohmann::json read_golden(const std::string& name) {
  std::ifstream file(golden_folder() / name);
  return nlohmann::json::parse(file);
}

/// Names of the fixtures, for value-parameterised tests.
inline std::vector<std::string> golden_names() {
  return {"qwen2",  "llama3",  "smollm2",     "gpt2",       "gemma",
          "llama2", "mistral", "odd_removed", "odd_merged", "odd_plain"};
}

inline std::string name_of_fixture(const testing::TestParamInfo<std::string>& fixture) {
  return fixture.param;
}

}  // namespace wisk::test
