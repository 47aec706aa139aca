#include "placement.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

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

/// What this rank sees.
RankView view_of(const comm::Communicator& world, int node) {
  RankView view{node, world.host(), {}, {}};
  const std::vector<device::GpuInfo> gpus = device::list_gpus(view.why_none);
  std::copy_if(gpus.begin(), gpus.end(), std::back_inserter(view.gpus), device::can_compute);
  if (view.gpus.empty() && !gpus.empty()) {
    const device::GpuInfo& old = gpus.front();
    view.why_none = old.name + " has compute capability " + std::to_string(old.major) + "." +
                    std::to_string(old.minor) + ", and wisk needs 8.0 (A100) or newer";
  }
  return view;
}

/// Every rank's view, in order. Collective.
std::vector<RankView> gather_views(comm::Communicator& world, Topology& topology) {
  std::array<int, 1> node = {world.rank()};
  topology.node->broadcast(std::as_writable_bytes(std::span(node)), 0);
  std::vector<RankView> views;
  for (const std::string& text : gather_texts(world, text_of(view_of(world, node[0]))))
    views.push_back(view_from(text));
  return views;
}

/// Without looking at other nodes.
std::optional<device::GpuInfo> gpu_on_node(const std::vector<RankView>& views, std::size_t rank, bool share) {
  std::vector<std::vector<std::string>> visible;
  std::size_t mine = 0;
  std::set<std::string> all;
  for (std::size_t r = 0; r < views.size(); ++r) {
    if (views[r].node != views[rank].node) continue;
    if (r == rank) mine = visible.size();
    visible.emplace_back();
    for (const device::GpuInfo& gpu : views[r].gpus) visible.back().push_back(gpu.bus_id + " " + gpu.uuid);
    all.insert(visible.back().begin(), visible.back().end());
  }
  if (const auto place = share_out_gpus(visible, share)[mine]) return views[rank].gpus[*place];
  const std::string ranks = std::to_string(visible.size()), gpus = std::to_string(all.size());
  throw EnvironmentError("engine.device: expected a GPU for each of the " + ranks + " ranks on " +
                         views[rank].host + ", found " + gpus + (all.size() == 1 ? " GPU" : " GPUs") +
                         ": start " + gpus +
                         " on a node (or allow engine.share_gpu, or set engine.device: cpu)");
}

/// Ranks that a launcher has bound to cores of their own have these whole. Collective over the node.
void find_core_share(Topology& topology) {
  std::vector<std::vector<int>> cores;
  for (const std::string& text : gather_texts(*topology.node, nlohmann::json(device::bound_cores()).dump()))
    cores.push_back(nlohmann::json::parse(text).get<std::vector<int>>());
  const CoreShare share = share_of_cores(cores, static_cast<std::size_t>(topology.node->rank()));
  topology.core_share = share.ranks;
  topology.core_share_rank = share.place;
  topology.cores_alike = share.alike;
}

/// Before anything is begun, and told by one rank: what makes the groups later throws on all of them.
void require_nccl(const comm::Communicator& world) {
  const comm::NcclFound found = comm::find_nccl();
  if (!found.why_not.empty()) throw EnvironmentError("NCCL: " + comm::name_of(world) + ": " + found.why_not);
}

}  // namespace

std::string text_of(const RankView& view) {
  nlohmann::json gpus = nlohmann::json::array();
  for (const device::GpuInfo& gpu : view.gpus)
    gpus.push_back({gpu.index, gpu.name, gpu.major, gpu.minor, gpu.multiprocessors, gpu.memory_bytes,
                    gpu.memory_bytes_per_second, gpu.bus_id, gpu.uuid});
  const nlohmann::json all = {view.node, view.host, view.why_none, gpus};
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

RankView view_from(const std::string& text) {
  const auto all = nlohmann::json::parse(text);
  RankView view{all[0], all[1], {}, all[2]};
  for (const auto& item : all[3]) {
    view.gpus.push_back({item[0], item[1], item[2], item[3], item[4], item[5], item[6], item[7], item[8]});
  }
  return view;
}

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

CoreShare share_of_cores(const std::vector<std::vector<int>>& cores, std::size_t rank) {
  const std::set<int> mine(cores[rank].begin(), cores[rank].end());
  const auto shared = [&](const std::vector<int>& theirs) {
    return mine.contains(-1) || std::any_of(theirs.begin(), theirs.end(),
                                            [&](int core) { return core == -1 || mine.contains(core); });
  };
  CoreShare share{0, 0, true};
  for (std::size_t r = 0; r < cores.size(); ++r) {
    if (r == rank) share.place = share.ranks;
    if (r != rank && !shared(cores[r])) continue;
    ++share.ranks;
    share.alike = share.alike && mine == std::set<int>(cores[r].begin(), cores[r].end());
  }
  return share;
}

std::optional<device::GpuInfo> choose_gpu(const std::vector<RankView>& views, std::size_t rank,
                                          const EngineOptions& options) {
  const bool wanted = options.device == DeviceChoice::kCuda,
             somewhere = std::any_of(views.begin(), views.end(),
                                     [](const RankView&view) { return !view.gpus.empty(); });
  if (options.device == DeviceChoice::kCpu || (!wanted && !somewhere)) return std::nullopt;
  const RankView& view = views[rank];
  if (view.gpus.empty()) {
    throw EnvironmentError("engine.device: expected a GPU that CUDA can use" +
                           std::string(somewhere ? ", as other ranks have" : "") + ", found none on " +
                           view.host + ": " + view.why_none + "; engine.device: cpu computes without" +
                           (somewhere ? " on all of them" : ""));
  }
  const device::GpuInfo gpu = *gpu_on_node(views, rank, options.share_gpu);
  const RankView& first = views.front();
  if (!first.gpus.empty() && device::kind_of(gpu) != device::kind_of(first.gpus.front())) {
    throw EnvironmentError("engine.device: expected GPUs of one kind, as " + first.gpus.front().name + " (" +
                           device::kind_of(first.gpus.front()) + ") of rank 0 on " + first.host + ", found " +
                           gpu.name + " (" + device::kind_of(gpu) + ") on " + view.host +
                           ": they need not draw the same tokens");
  }
  return gpu;
}

void place_ranks(comm::Communicator& world, const EngineOptions& options, Topology& topology) {
  find_core_share(topology);
  topology.gpu.reset();
  topology.kind = "cpu";
  if (options.device == DeviceChoice::kCpu) return;  // and leaves CUDA alone
  const std::vector<RankView> views = gather_views(world, topology);
  one_rank_complains(world, [&] {
    topology.gpu = choose_gpu(views, static_cast<std::size_t>(world.rank()), options);
    if (!topology.gpu) return;
    topology.kind = device::kind_of(*topology.gpu);
    topology.gpu_free_bytes = device::free_gpu_memory(*topology.gpu);
    if (topology.replica->size() > 1) require_nccl(world);
  });
}

std::unique_ptr<comm::DeviceGroup> make_device_group(comm::Communicator& ranks, const EngineOptions& options,
                                                     const Topology& topology) {
  if (!topology.gpu || ranks.size() == 1) return nullptr;
  comm::NcclOptions nccl = nccl_options(options);
  nccl.name = comm::name_of(*topology.world);
  return comm::make_nccl_group(ranks, topology.gpu->index, nccl);
}

comm::NcclOptions nccl_options(const EngineOptions& options) {
  comm::NcclOptions nccl;
  // A leader that waits for a full disk keeps the others of its replica waiting.
  nccl.limit_seconds =
      options.heartbeat_seconds > 0 ? options.heartbeat_seconds + options.disk_wait_seconds : 0;
  nccl.share_gpu = options.share_gpu;
  return nccl;
}

}  // namespace wisk::run
