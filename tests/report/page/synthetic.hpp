#pragma once
// Made-up data of the page, in the shape that `wisk report` writes.

#include <nlohmann/json.hpp>

namespace wisk::test {

struct SyntheticOptions {
  std::size_t runs = 2, problems = 60, samples = 64, earlies = 2;
  bool trajectory = true;
  bool temperatures = true;
  bool texts = true;  ///< samples with text
};

/// A blend of a diverse and a sharp model over problems of random difficulty: Pass@1 falls and Pass@64 rises
/// with delta, blends do better than both ends. The same for the same options.
nlohmann::json synthetic_report(const SyntheticOptions& options = {});

/// Arms of `a` with n[A][P] and c[A][P] as given and the tables that follow; the smallest whole run.
nlohmann::json tiny_run(std::size_t arms, const std::vector<std::int64_t>& k);

}  // namespace wisk::test
