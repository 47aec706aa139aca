#pragma once
// Which cores this process may use.

#include <vector>

namespace wisk::device {

/// One processing unit (operating-system index) of each physical core that this process is bound to, in
/// order. Never empty: {-1}, "do not pin", when the topology cannot be read.
std::vector<int> bound_cores();

}  // namespace wisk::device
