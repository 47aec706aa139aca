#pragma once
// config.json brought to one form, so that two of them can be compared.

#include <string>

#include "json.hpp"

namespace wisk::checkpoint {

/// A copy without the keys that don't change the computation, in the spelling of transformers 5
/// (rope_parameters, layer_types), with nulls removed and the defaults filled in that saved configs leave
/// out.
Json computing_form(const Json& config);

/// tie_word_embeddings of the config, or its architecture's default.
bool config_ties_embeddings(const Json& config);

}  // namespace wisk::checkpoint
