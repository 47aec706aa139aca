#include <wisk/report/expectation.hpp>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/stats/prediction_interval.hpp>

#include "run_fixture.hpp"

namespace wisk::report {
namespace {

LoadedRun run() {
  LoadedRun run{"runs/a", "runs/a/results.h5", {}, test_data::samples()};
  run.results = test_data::results(run.samples);
  return run;
}

TEST(Expectation, HasTheIntervalsOfSoManyProblemsAndSamples) {
  const stats::DifficultyFit fit{0.2, 0.8, 1.7, 0, true};
  const std::string text = expected_widths({{"such", fit}}, 30, 16, {1, 8}, 100);
  EXPECT_NE(text.find("30 problems x 16 samples"), std::string::npos) << text;
  const std::vector<std::int64_t> k = {1, 8};
  for (const stats::Estimate& each : stats::expected_intervals(fit, 30, 16, k)) {
    const std::string cell =
        fmt::format("{:.1f} ({:.1f}..{:.1f})", 100 * each.mean, 100 * each.low, 100 * each.high);
    EXPECT_NE(text.find(cell), std::string::npos) << cell << "\n" << text;
  }
}

TEST(Expectation, OfAnEarlierRunIsOfEachArmThatDrewSamples) {
  const auto found = difficulties_of(run());
  ASSERT_EQ(found.size(), 3u);
  const std::vector<std::int64_t> n(test_data::kProblems, test_data::kSamples);
  for (std::size_t arm = 0; arm < 3; ++arm) {
    std::vector<std::int64_t> c;
    for (std::size_t problem = 0; problem < test_data::kProblems; ++problem)
      c.push_back(test_data::correct_of(arm, problem));
    EXPECT_EQ(found[arm].words, "as " + test_data::plan().arms[arm].name);
    EXPECT_EQ(found[arm].fit.alpha, stats::fit_difficulty(n, c).alpha);
  }
  LoadedRun empty = run();
  empty.results.n.assign(empty.results.n.size(), 0);
  empty.results.c = empty.results.n;
  EXPECT_THROW(difficulties_of(empty), InputError);
}

}  // namespace
}  // namespace wisk::report
