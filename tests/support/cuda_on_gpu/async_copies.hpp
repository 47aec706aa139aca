#pragma once
// Twin of tests/support/cuda_on_host/async_copies.hpp: on a GPU copies land when they do.

namespace wisk::test::cuda_on_host {

enum class CopiesLand { kAtIssue, kAtWait };

struct WithCopiesLanding {
  explicit WithCopiesLanding(CopiesLand /*when*/) {}
};

}  // namespace wisk::test::cuda_on_host
