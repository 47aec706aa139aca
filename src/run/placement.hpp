#pragma once
// Which rank of a node computes on which of its GPUs.

#include <optional>
#include <string>
#include <vector>

namespace wisk::run {

/// For each rank of a node, in order, the place of its GPU in what it sees. `visible`: names of GPUs, the
/// same for the same GPU in every rank. The first one that no rank before has, nullopt when there is none
/// left; so ranks may all see all GPUs, or each its own. With `share` a rank has none only where it sees
/// none.
std::vector<std::optional<std::size_t>> share_out_gpus(const std::vector<std::vector<std::string>>& visible,
                                                       bool share);

}  // namespace wisk::run
