#pragma once
// Twin of tests/support/cuda_on_host/warp_instructions.hpp: a GPU counts no bank conflicts; tests that ask
// for them are skipped there (kEmulator).

namespace wisk::test::cuda_on_host {

struct CountingBankConflicts {
  [[nodiscard]] static long count() { return 0; }
  [[nodiscard]] static long accesses() { return 0; }
};

}  // namespace wisk::test::cuda_on_host
