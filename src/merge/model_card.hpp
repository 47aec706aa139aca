#pragma once
// The small text files of an exported blend.

#include <string>

#include <wisk/merge/export.hpp>
#include <wisk/merge/ingredients.hpp>

namespace wisk::merge {

/// README.md: what was blended, in words and in a table. The same for the same recipe, whoever writes it.
std::string model_card(const Recipe& recipe, const ExportOptions& options, const ExportSummary& summary);

/// config.json of the leading ingredient, unchanged to the byte unless the dtype or the tie of the output
/// matrix changes.
std::string blended_config(const Ingredients& ingredients, const ExportOptions& options);

}  // namespace wisk::merge
