#pragma once
// tokenizer.json as it lies on disk: vocabulary and merges apart, everything else as JSON.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace wisk::tokenizer {

/// Ids are table indices: a larger one is a mistake or an attack on memory (the largest vocabularies have
/// 2^18).
inline constexpr std::int64_t kLargestId = (1 << 24) - 1;

/// Owns its strings. `rest` lacks model.vocab and model.merges when they are an object and a list.
struct TokenizerFile {
  nlohmann::json rest;
  std::vector<std::pair<std::string, std::int32_t>> vocabulary;  // in file order; no duplicate checks yet
  std::vector<std::pair<std::string, std::string>> merges;       // in order of rank
  bool has_vocabulary = false, has_merges = false;
};

/// Reads and checks syntax, types of vocabulary and merges, depth and UTF-8. Throws InputError.
TokenizerFile read_tokenizer_file(const std::filesystem::path& file);

/// A small JSON file as it is. Throws InputError.
nlohmann::json read_json(const std::filesystem::path& file);

}  // namespace wisk::tokenizer
