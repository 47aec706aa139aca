#pragma once
// Twin of tests/support/cuda_on_host/async_copies.hpp: on a GPU copies land when they do.

namespace wisk::test::cuda_on_host {

enum class CopiesLand { kAtIssue, kAtWait };

struct WithCopiesLanding {
  explicit WithCopiesLanding(CopiesLand /*when*/) {}
};

/// Not counted there: tests that ask for it are skipped (kEmulator).
struct CountingCopiedBytes {
  [[nodiscard]] static long count() { return 0; }
};

}  // namespace wisk::test::cuda_on_host
