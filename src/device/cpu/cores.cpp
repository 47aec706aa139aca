#include "cores.hpp"

#include <hwloc.h>

#include <algorithm>
#include <memory>

namespace wisk::device {

namespace {

struct DestroyTopology {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};

std::unique_ptr<hwloc_topology, DestroyTopology> load_topology() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return nullptr;
  std::unique_ptr<hwloc_topology, DestroyTopology> owner(topology);
  return hwloc_topology_load(topology) == 0 ? std::move(owner) : nullptr;
}

}  // namespace

std::vector<int> bound_cores() {
  const auto topology = load_topology();
  if (topology == nullptr) return {-1};
  const std::unique_ptr<hwloc_bitmap_s, void (*)(hwloc_bitmap_t)> bound(hwloc_bitmap_alloc(),
                                                                        hwloc_bitmap_free);
  if (hwloc_get_cpubind(topology.get(), bound.get(), HWLOC_CPUBIND_PROCESS) != 0) return {-1};
  std::vector<int> cores;
  hwloc_obj_t core = nullptr;
  while ((core = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_CORE, core)) != nullptr) {
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

std::int64_t second_level_bytes() {
  constexpr std::int64_t kUsual = 512 << 10;
  const auto topology = load_topology();
  if (topology == nullptr) return kUsual;
  const hwloc_obj_t core = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_CORE, 0),
                    cache = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_L2CACHE, 0);
  if (core == nullptr || cache == nullptr || cache->attr->cache.size == 0) return kUsual;
  const int sharers = hwloc_get_nbobjs_inside_cpuset_by_type(topology.get(), cache->cpuset, HWLOC_OBJ_CORE);
  return static_cast<std::int64_t>(cache->attr->cache.size) / std::max(1, sharers);
}

}  // namespace wisk::device
