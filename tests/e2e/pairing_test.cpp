// A sample is a function of seed, problem, sample index and weights: not of paths, arms, order or other
// problems.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

/// Samples of one arm, by problem and sample.
std::map<std::pair<std::string, std::uint32_t>, store::SampleRecord> samples_of(const RunContents& run,
                                                                                const std::string& arm) {
  std::map<std::pair<std::string, std::uint32_t>, store::SampleRecord> samples;
  for (const auto& [id, sample] : run.samples) {
    if (std::get<0>(id) == arm) samples[{std::get<1>(id), std::get<2>(id)}] = sample;
  }
  return samples;
}

TEST(Pairing, EqualWeightsAtAnotherPathDrawEqualTokens) {
  const DemoJob job;
  std::filesystem::copy(demo_folder() / "checkpoints/step-0500", job.path("copy-9"),
                        std::filesystem::copy_options::recursive);
  const RunContents run =
      job.run("run", 0, {"blend.trajectory=[" + job.path("copy-9").string() + "]", "blend.delta=[0, 1]"});
  ASSERT_EQ(run.results.plan.arms.size(), 3u);
  const auto late = std::find_if(run.results.plan.arms.begin(), run.results.plan.arms.end(),
                                 [](const auto& a) { return a.delta == 0; });
  const auto copy = std::find_if(run.results.plan.arms.begin(), run.results.plan.arms.end(),
                                 [](const auto& a) { return a.step == 9; });
  const auto early = std::find_if(run.results.plan.arms.begin(), run.results.plan.arms.end(),
                                  [](const auto& a) { return a.delta == 1; });
  ASSERT_NE(late, run.results.plan.arms.end());
  ASSERT_NE(copy, run.results.plan.arms.end());
  ASSERT_NE(early, run.results.plan.arms.end());
  EXPECT_EQ(late->weights_hash, copy->weights_hash);
  EXPECT_NE(late->weights_hash, early->weights_hash);
  EXPECT_NE(late->sampled_as, copy->sampled_as) << "both must have been drawn";
  EXPECT_EQ(samples_of(run, late->name).size(), 12u * 8);
  EXPECT_EQ(samples_of(run, late->name), samples_of(run, copy->name));
  EXPECT_NE(samples_of(run, late->name), samples_of(run, early->name));
}

TEST(Pairing, AnAliasIsSampledOnce) {
  const DemoJob job;
  const std::string late = (demo_folder() / "checkpoints/step-0500").string();
  const RunContents run = job.run("run", 0, {"blend.trajectory=[" + late + "]", "blend.delta=[0, 1]"});
  const store::ResultsPlan& plan = run.results.plan;
  ASSERT_EQ(plan.arms.size(), 3u);
  std::size_t aliases = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::size_t source = plan.arms[a].sampled_as;
    if (source == a) continue;
    ++aliases;
    EXPECT_TRUE(samples_of(run, plan.arms[a].name).empty());
    EXPECT_EQ(plan.arms[a].weights_hash, plan.arms[source].weights_hash);
    for (std::size_t p = 0; p < 12; ++p) EXPECT_EQ(run.results.n[a * 12 + p], 8);
    for (std::size_t p = 0; p < 12; ++p) EXPECT_EQ(run.results.c[a * 12 + p], run.results.c[source * 12 + p]);
  }
  EXPECT_EQ(aliases, 1u);
  EXPECT_EQ(run.samples.size(), 2u * 12 * 8);
}

TEST(Pairing, ASubsetInAnotherOrderDrawsTheSameSamples) {
  const DemoJob job;
  const RunContents all = job.run("all", 0, {"blend.delta=0.4"});
  std::vector<std::string> lines(job.problem_lines().rbegin(), job.problem_lines().rend() - 5);
  std::swap(lines[1], lines[4]);
  const auto task = job.write_task("subset.yaml", lines);
  const RunContents some = job.run("some", 0, {"blend.delta=0.4", "task=" + task.string()});
  ASSERT_EQ(some.samples.size(), 7u * 8);
  EXPECT_NE(some.results.plan.problems[0], all.results.plan.problems[0]);
  for (const auto& [id, sample] : some.samples) {
    ASSERT_TRUE(all.samples.contains(id));
    EXPECT_TRUE(sample == all.samples.at(id)) << std::get<1>(id) << " sample " << std::get<2>(id);
  }
}

TEST(Pairing, FewerSamplesAreThoseOfMoreAndAnotherSeedDrawsOthers) {
  const DemoJob job;
  const RunContents eight = job.run("eight", 0, {"blend.delta=0.4"});
  const RunContents three = job.run("three", 0, {"blend.delta=0.4", "decode.samples=3", "k=[1,3]"});
  const RunContents other = job.run("other", 0, {"blend.delta=0.4", "seed=18"});
  ASSERT_EQ(three.samples.size(), 12u * 3);
  for (const auto& [id, sample] : three.samples) EXPECT_TRUE(sample == eight.samples.at(id));
  int same = 0;
  for (const auto& [id, sample] : other.samples) same += sample == eight.samples.at(id) ? 1 : 0;
  EXPECT_LT(same, static_cast<int>(eight.samples.size()) * 4 / 5)
      << "easy problems give equal samples, but not so many";
}

}  // namespace
}  // namespace wisk::test
