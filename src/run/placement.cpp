#include "placement.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <wisk/comm/nccl.hpp>
#include <wisk/core/error.hpp>
#include <wisk/run/model_setup.hpp>

#include "together.hpp"

namespace wisk::run {

namespace {

/// Every rank's text, on every rank. Collective.
std::vector<std::string> gather_texts(comm::Communicator& ranks, const std::string& mine) {
  const auto size = static_cast<std::size_t>(ranks.size());
  std::vector<std::uint64_t> sizes(size);
  const std::uint64_t own[] = {mine.size()};
  ranks.all_gather(std::as_bytes(std::span(own)), std::as_writable_bytes(std::span(sizes)));
  const std::vector<std::size_t> bytes(sizes.begin(), sizes.end());
  std::string all;
  for (const std::size_t count : bytes) all.resize(all.size() + count);
  ranks.all_gather_v(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), bytes);
  std::vector<std::string> texts;
  for (std::size_t r = 0, from = 0; r < size; from += bytes[r++]) texts.push_back(all.substr(from, bytes[r]));
  return texts;
}

/// The GPUs that this rank could compute on; where there are none, why.
std::vector<device::GpuInfo> usable_gpus(std::string& why_none) {
  std::vector<device::GpuInfo> gpus = device::list_gpus(why_none), usable;
  std::copy_if(gpus.begin(), gpus.end(), std::back_inserter(usable), device::can_compute);
  if (usable.empty() && !gpus.empty()) {
    const device::GpuInfo& old = gpus.front();
    why_none = old.name + " has compute capability " + std::to_string(old.major) + "." +
               std::to_string(old.minor) + ", and wisk needs 8.0 (A100) or newer";
  }
  return usable;
}

/// The names of each rank's usable GPUs. Collective over the node.
std::vector<std::vector<std::string>> names_on(comm::Communicator& node,
                                               const std::vector<device::GpuInfo>& gpus) {
  std::string mine;
  for (const device::GpuInfo& gpu : gpus) mine += gpu.bus_id + "\n";
  std::vector<std::vector<std::string>> names;
  for (const std::string& text : gather_texts(node, mine)) {
    std::istringstream lines(text);
    names.emplace_back();
    for (std::string line; std::getline(lines, line);) names.back().push_back(line);
  }
  return names;
}

[[noreturn]] void fail_without_gpu(const comm::Communicator& world, const std::string& why, bool wanted) {
  throw EnvironmentError(
      std::string("engine.device: expected a GPU that CUDA can use") +
      (wanted ? "" : ", as other ranks have") + ", found none on " + world.host() + ": " + why +
      (wanted ? "; engine.device: cpu computes without" : "; engine.device: cpu computes without on all"));
}

[[noreturn]] void fail_crowded(const comm::Communicator& world,
                               const std::vector<std::vector<std::string>>& names) {
  std::set<std::string> all;
  for (const auto& list : names) all.insert(list.begin(), list.end());
  const std::string ranks = std::to_string(names.size()), gpus = std::to_string(all.size());
  throw EnvironmentError("engine.device: expected a GPU for each of the " + ranks + " ranks on " +
                         world.host() + ", found " + gpus + (all.size() == 1 ? " GPU" : " GPUs") +
                         ": start " + gpus +
                         " on a node (or allow engine.share_gpu, or set engine.device: cpu)");
}

}  // namespace

std::vector<std::optional<std::size_t>> share_out_gpus(const std::vector<std::vector<std::string>>& visible,
                                                       bool share) {
  std::vector<std::optional<std::size_t>> places;
  std::set<std::string> taken;
  for (std::size_t rank = 0; rank < visible.size(); ++rank) {
    const std::vector<std::string>& names = visible[rank];
    const auto free = std::find_if(names.begin(), names.end(),
                                   [&](const std::string& name) { return !taken.contains(name); });
    std::optional<std::size_t> place;
    if (free != names.end()) {
      place = static_cast<std::size_t>(free - names.begin());
      taken.insert(*free);
    } else if (share && !names.empty()) {
      place = rank % names.size();
    }
    places.push_back(place);
  }
  return places;
}

void place_ranks(comm::Communicator& world, const EngineOptions& options, Topology& topology) {
  topology.gpu.reset();
  topology.kind = "cpu";
  if (options.device == DeviceChoice::kCpu) return;
  std::string why_none;
  const std::vector<device::GpuInfo> gpus = usable_gpus(why_none);
  const auto names = names_on(*topology.node, gpus);
  const auto place =
      share_out_gpus(names, options.share_gpu)[static_cast<std::size_t>(topology.node->rank())];
  std::int64_t with_gpus[] = {gpus.empty() ? 0 : 1};
  world.all_reduce_sum(std::span<std::int64_t>(with_gpus));
  const bool wanted = options.device == DeviceChoice::kCuda;
  if (!wanted && with_gpus[0] == 0) return;
  one_rank_complains(world, [&] {
    if (gpus.empty()) fail_without_gpu(world, why_none, wanted);
    if (!place) fail_crowded(world, names);
    topology.gpu = gpus[*place];
    topology.gpu_free_bytes = device::free_gpu_memory(*topology.gpu);
    topology.kind = device::kind_of(*topology.gpu);
  });
  const std::string first = comm::broadcast_string(world, topology.kind, 0);
  one_rank_complains(world, [&] {
    if (first == topology.kind) return;
    throw EnvironmentError("engine.device: expected the kind of GPU that rank 0 has, " + first + ", found " +
                           topology.gpu->name + " (" + topology.kind + ") on " + world.host() +
                           ": samples of one run come from one kind");
  });
}

std::unique_ptr<comm::DeviceGroup> make_device_group(comm::Communicator& ranks, const EngineOptions& options,
                                                     const Topology& topology) {
  if (!topology.gpu || ranks.size() == 1) return nullptr;
  comm::NcclOptions nccl;
  nccl.limit_seconds = options.heartbeat_seconds;
  nccl.share_gpu = options.share_gpu;
  return comm::make_nccl_group(ranks, topology.gpu->index, nccl);
}

}  // namespace wisk::run
