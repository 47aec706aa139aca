#pragma once
// Names of tensors: their order for people, and many of them in few words.

#include <string>
#include <string_view>
#include <vector>

namespace wisk::checkpoint {

/// Numbers compare as numbers: "layers.2.x" before "layers.10.x".
bool natural_less(std::string_view a, std::string_view b);

/// Names that differ only in their first number become one: "model.layers.{0-11,13}.mlp.up_proj.weight (13)".
/// Control characters are escaped, so that the result fits one line.
std::vector<std::string> summarize_names(std::vector<std::string> names);

/// `text` from a file, fit for a message of one line: control characters escaped, at most `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace wisk::checkpoint
