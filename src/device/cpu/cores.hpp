#pragma once
// Which cores this process may use.

#include <cstdint>
#include <vector>

namespace wisk::device {

/// One processing unit (operating-system index) of each physical core that this process is bound to, in
/// order. Never empty: {-1}, "do not pin", when the topology cannot be read.
std::vector<int> bound_cores();

/// Bytes of the second cache level of one core; 512 KiB when the topology does not say.
std::int64_t second_level_bytes();

}  // namespace wisk::device
