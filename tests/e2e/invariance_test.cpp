// A run gives the same bytes with any number of ranks, tensor parallel or not, with any threads, batch, chunk
// and cache.
#include <gtest/gtest.h>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

struct Setting {
  std::string name;
  int ranks;
  std::vector<std::string> sets;
  bool same_bytes = false;  ///< no key differs: results.h5 is the same file
};

class Invariance : public DemoTest {
 protected:
  static void check(const Setting& setting) {
    const RunContents found = job_->run(setting.name, setting.ranks, setting.sets);
    ASSERT_FALSE(found.samples.empty()) << setting.name;
    expect_same_results(found, *expected_, setting.name);
    if (setting.same_bytes) {
      EXPECT_TRUE(found.results_bytes == expected_->results_bytes) << setting.name << ": results.h5 differs";
    }
  }
  // Owned by the suite: one baseline for all its tests.
};

TEST_F(Invariance, TheBaselineIsComplete) {
  EXPECT_EQ(expected_->samples.size(), 3u * 12 * 8);
  EXPECT_EQ(expected_->results.missing_samples, 0);
  EXPECT_EQ(expected_->results.interval_method.empty(), false);
  // The comparison below means something: samples of a problem differ, and so do arms.
  std::map<std::vector<std::int32_t>, int> distinct;
  for (const auto& [id, sample] : expected_->samples) ++distinct[sample.tokens];
  EXPECT_GT(distinct.size(), expected_->samples.size() / 4);
}

TEST_F(Invariance, Ranks) {
  check({"one-rank", 1, {}, true});
  check({"two-ranks", 2, {}, true});
  check({"four-ranks", 4, {}, true});
}

TEST_F(Invariance, TensorParallel) {
  check({"tensor-parallel", 2, {"model.tensor_parallel=2"}});
  check({"two-replicas-of-two", 4, {"model.tensor_parallel=2"}});
}

TEST_F(Invariance, Threads) {
  check({"one-thread", 0, {"engine.threads=1"}});
  check({"two-threads", 0, {"engine.threads=2"}});
}

TEST_F(Invariance, Batch) {
  for (const int batch : {1, 2, 3})
    check({"batch-" + std::to_string(batch), 0, {"engine.max_batch=" + std::to_string(batch)}});
}

TEST_F(Invariance, PrefillChunk) {
  for (const int chunk : {1, 5})
    check({"chunk-" + std::to_string(chunk), 0, {"engine.prefill_chunk=" + std::to_string(chunk)}});
}

TEST_F(Invariance, TinyCache) {
  check({"tiny-cache", 0, {"engine.kv_cache=300KiB"}});
}

TEST_F(Invariance, EverythingAtOnce) {
  check({"everything",
         4,
         {"model.tensor_parallel=2", "engine.threads=1", "engine.max_batch=3", "engine.prefill_chunk=7",
          "engine.kv_cache=200KiB"}});
}

}  // namespace
}  // namespace wisk::test
