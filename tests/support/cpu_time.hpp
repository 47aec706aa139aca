#pragma once
// For tests that something takes no quadratic time: other work on the machine must not fail them.

#include <ctime>

namespace wisk::test {

/// Seconds of CPU time that this process has used.
inline double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

}  // namespace wisk::test
