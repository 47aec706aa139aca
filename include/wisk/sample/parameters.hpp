#pragma once
// How the samples of an arm are drawn.

#include <string>
#include <vector>

namespace wisk::sample {

/// One decoding setting. Filters apply in the order temperature, top_k, top_p, min_p (docs/numerics.md).
struct SamplingParameters {
  int samples = 1;                ///< N, samples of each problem
  double temperature = 1.0;       ///< 0 is greedy
  double top_p = 1.0;             ///< 1 is off; smallest set of tokens whose probability reaches top_p
  int top_k = 0;                  ///< 0 is off
  double min_p = 0.0;             ///< 0 is off; tokens below min_p times the largest probability are dropped
  int max_tokens = 512;           ///< generated tokens of one sample at most
  std::vector<std::string> stop;  ///< a sample ends before the first of these strings
};

}  // namespace wisk::sample
