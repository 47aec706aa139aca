#pragma once
// Which cores a device computes on.

#include <vector>

#include <wisk/device/device.hpp>

namespace wisk::device {

/// The processing unit (operating-system index) of each thread of a device with these options: cores that
/// this process is bound to, its part of them where several processes share them; -1: not pinned. Throws
/// EnvironmentError for more threads than this machine could use.
std::vector<int> cores_of(const CpuOptions& options);

}  // namespace wisk::device
