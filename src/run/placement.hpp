#pragma once
// Which rank of a node computes on which of its GPUs.

#include <optional>
#include <string>
#include <vector>

#include <wisk/comm/nccl.hpp>
#include <wisk/device/factory.hpp>
#include <wisk/run/job.hpp>

namespace wisk::run {

/// What a rank sees, as it tells the others.
struct RankView {
  int node = 0;  ///< the same for ranks of one node, and only for them
  std::string host;
  std::vector<device::GpuInfo> gpus;  ///< that it could compute on
  std::string why_none;               ///< where there are none
};

/// For the way to other ranks.
std::string text_of(const RankView& view);
RankView view_from(const std::string& text);

/// For each rank of a node, in order, the place of its GPU in what it sees. `visible`: names of GPUs, the
/// same for the same GPU in every rank. The first one that no rank before has, nullopt when there is none
/// left; so ranks may all see all GPUs, or each its own. With `share` a rank has none only where it sees
/// none.
std::vector<std::optional<std::size_t>> share_out_gpus(const std::vector<std::vector<std::string>>& visible,
                                                       bool share);

/// Of the ranks of a node that have cores which rank `rank` has, too, itself among them: how many there are,
/// its place among them, and whether all of these have the same cores. `cores`: of each rank those that it is
/// bound to; of one that cannot say {-1}, which may be any.
struct CoreShare {
  int ranks = 1, place = 0;
  bool alike = true;
  bool operator==(const CoreShare&) const = default;
};
CoreShare share_of_cores(const std::vector<std::vector<int>>& cores, std::size_t rank);

/// The GPU of world rank `rank`, nullopt for the CPU. `views`: one a world rank. Throws EnvironmentError
/// where it cannot have what the options ask for; its kind has to be that of rank 0, too.
std::optional<device::GpuInfo> choose_gpu(const std::vector<RankView>& views, std::size_t rank,
                                          const EngineOptions& options);

/// How long the ranks of a group wait for one another, and whether they may have one GPU.
comm::NcclOptions nccl_options(const EngineOptions& options);

}  // namespace wisk::run
