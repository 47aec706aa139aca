#include "cores.hpp"

#include <hwloc.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>

#include <wisk/core/error.hpp>

namespace wisk::device {

namespace {

struct DestroyTopology {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};

using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

Topology load_topology() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return nullptr;
  Topology owner(topology);
  return hwloc_topology_load(topology) == 0 ? std::move(owner) : nullptr;
}

/// This machine's, read once; null when it cannot be read.
hwloc_topology_t machine() {
  static const Topology topology = load_topology();
  return topology.get();
}

/// Bytes of the second cache level of one core; 512 KiB when the topology does not say.
std::int64_t second_level_bytes() {
  constexpr std::int64_t kUsual = 512 << 10;
  const hwloc_topology_t topology = machine();
  if (topology == nullptr) return kUsual;
  const hwloc_obj_t core = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, 0),
                    cache = hwloc_get_obj_by_type(topology, HWLOC_OBJ_L2CACHE, 0);
  if (core == nullptr || cache == nullptr || cache->attr->cache.size == 0) return kUsual;
  const int sharers = hwloc_get_nbobjs_inside_cpuset_by_type(topology, cache->cpuset, HWLOC_OBJ_CORE);
  return static_cast<std::int64_t>(cache->attr->cache.size) / std::max(1, sharers);
}

}  // namespace

std::vector<int> bound_cores() {
  const hwloc_topology_t topology = machine();
  if (topology == nullptr) return {-1};
  const std::unique_ptr<hwloc_bitmap_s, void (*)(hwloc_bitmap_t)> bound(hwloc_bitmap_alloc(),
                                                                        hwloc_bitmap_free);
  if (hwloc_get_cpubind(topology, bound.get(), HWLOC_CPUBIND_PROCESS) != 0) return {-1};
  std::vector<int> cores;
  hwloc_obj_t core = nullptr;
  while ((core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr) {
    // The first of the core's units that we may use: a second hardware thread adds nothing to these kernels.
    int unit = -1;
    while ((unit = hwloc_bitmap_next(core->cpuset, unit)) >= 0) {
      if (hwloc_bitmap_isset(bound.get(), static_cast<unsigned>(unit)) != 0) {
        cores.push_back(unit);
        break;
      }
    }
  }
  return cores.empty() ? std::vector<int>{-1} : cores;
}

std::vector<int> cores_of(const CpuOptions& options) {
  std::vector<int> cores = bound_cores();
  const std::size_t most = 16 * std::max<std::size_t>(cores.size(), std::thread::hardware_concurrency());
  if (options.threads < 0 || static_cast<std::size_t>(options.threads) > most) {
    throw EnvironmentError("threads: expected at most " + std::to_string(most) + " on this machine, found " +
                           std::to_string(options.threads));
  }
  const auto share = static_cast<std::size_t>(std::max(1, options.share));
  // Where somebody asks for fewer threads than there are cores, others may have work on the rest: processes
  // that do not know of each other would all be pinned to the first cores.
  const auto wanted = static_cast<std::size_t>(options.threads);
  if (wanted > 0 && wanted * share != cores.size()) return std::vector<int>(wanted, -1);
  if (share >= cores.size() && wanted == 0) return {-1};
  const std::size_t each = cores.size() / share, first = each * static_cast<std::size_t>(options.share_rank);
  if (!options.pin) return std::vector<int>(each, -1);
  return {cores.begin() + static_cast<std::ptrdiff_t>(first),
          cores.begin() + static_cast<std::ptrdiff_t>(first + each)};
}

std::int64_t cpu_cache_bytes(const CpuOptions& options) {
  return second_level_bytes() * static_cast<std::int64_t>(cores_of(options).size());
}

}  // namespace wisk::device
