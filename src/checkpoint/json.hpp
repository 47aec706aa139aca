#pragma once
// JSON of untrusted files.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace wisk::checkpoint {

using Json = nlohmann::json;

/// Parses a JSON object. Throws InputError naming `where` when the text is no JSON, not an object, nested
/// deeper than 64 levels, or has a key twice in one object.
Json parse_object(std::string_view text, const std::string& where);

/// "a number", "a string", ...: what was found, for messages.
std::string kind_of(const Json& value);

/// Opens nothing but a regular file (a link to one is followed): a pipe would block. Throws InputError.
void require_regular_file(const std::filesystem::path& file);

/// require_regular_file, read, parse_object.
Json read_object(const std::filesystem::path& file);

}  // namespace wisk::checkpoint
