#pragma once
// What the page of `wisk report` draws, as JSON.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <wisk/report/analysis.hpp>

namespace wisk::report {

/// Of one sample, for the page's heat map.
struct ShownSample {
  std::size_t arm, problem;
  std::int32_t number;
  Verdict verdict;
  FinishReason finish;
  std::int32_t tokens;
  std::string answer, text;
};

/// The first `each` samples of every cell that was drawn, with what they said, texts cut after `most_bytes`.
std::vector<ShownSample> shown_samples(const std::filesystem::path& file, const store::Results& results,
                                       const stats::Samples& samples, std::size_t each,
                                       std::size_t most_bytes);

struct PageRun {
  Analysis analysis;
  std::vector<ShownSample> samples;
};

/// The object that src/report/page/ reads (its form stands in src/report/page/README.md).
std::string page_data(const std::string& title, const std::vector<PageRun>& runs);

}  // namespace wisk::report
