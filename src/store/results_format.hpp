#pragma once
// What writer and reader of results.h5 agree on.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <wisk/stats/samples.hpp>
#include <wisk/store/journal.hpp>

#include "netcdf_writer.hpp"

namespace wisk::store {

inline constexpr std::int64_t kResultsFormat = 1;
/// Variables that describe an arm; readers that know CF make them coordinates.
inline constexpr std::string_view kArmCoordinates =
    "recipe early late delta step temperature top_p top_k min_p max_tokens samples_planned weights_hash "
    "sampled_as";

/// The names of all verdicts in their order.
std::vector<std::string> verdict_words();

/// `text` where it is UTF-8 without NUL; broken bytes and NUL are replaced by U+FFFD, for HDF5's texts hold
/// neither.
std::string utf8_or_replaced(std::string_view text);

/// The variables that hold fields of the problems: "field_level". What a variable's name should not have is
/// replaced by '_'; a number is added where two would be equal.
std::vector<std::string> field_variables(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& fields);

/// The group `samples`: one row a sample, sorted by arm, problem, sample; tokens and texts flat, with
/// offsets. Reads the journal sample by sample: memory does not grow with texts. `samples`: the same, as
/// columns_of() gives them.
void write_samples(NetcdfWriter& file, const Journal& journal, const stats::Samples& samples);

}  // namespace wisk::store
