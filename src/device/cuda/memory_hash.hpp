#pragma once
// Hashes of device memory that do not bring it to the host.

#include <cstdint>
#include <span>
#include <vector>

#include <wisk/device/device.hpp>

#include "device_array.hpp"
#include "runtime.hpp"
#include "xxh3.hpp"

namespace wisk::device::cuda {

/// What the kernels of xxh3.hpp do one after the other: a round's blocks have their sums in memory at once.
struct HashPlan {
  struct Round {
    std::size_t first_run = 0, runs = 0, first_chain = 0, chains = 0;
  };
  std::vector<HashRun> runs;
  std::vector<HashChain> chains;
  std::vector<Round> rounds;
  std::int64_t most_sums = 0;  ///< of a round
};

/// Whether the kernels can hash it.
bool can_hash_on_device(const MemoryPart& part);

/// Rounds of at most `sums` blocks (at least 1) for parts that the kernels can hash; part i is input i.
HashPlan plan_hashes(std::span<const MemoryPart> parts, std::int64_t sums);

/// The hash of an input of so many bytes from its accumulators after the last chain.
std::uint64_t hash_of_accumulators(std::span<const std::uint64_t, kHashAccumulators> accumulators,
                                   std::uint64_t bytes);

/// Owns the memory it needs: at most 16 MiB for the sums of a round, which are those of 256 MiB, and tables
/// of some hundred KiB for each GiB of parts. One thread.
class MemoryHash {
 public:
  /// `sums`: as plan_hashes.
  explicit MemoryHash(std::int64_t sums = std::int64_t{1} << 18) : sums_(sums) {}

  /// XXH3-64 of parts that the kernels can hash. Waits for the stream. Throws OutOfMemory.
  std::vector<std::uint64_t> hash(std::span<const MemoryPart> parts, Stream stream);

 private:
  std::int64_t sums_;
  DeviceArray device_sums_;  // [blocks, 8] u64
  DeviceArray device_;       // of the tables, as in host_
  PinnedBuffer host_;        // [inputs, 8] u64 accumulators, runs, chains
};

}  // namespace wisk::device::cuda
