// The job files of the repository, with stand-ins for what they expect the user to bring.

#include <array>
#include <utility>
#include <wisk/core/file.hpp>
#include <wisk/task/task.hpp>

#include "job_fixture.hpp"

namespace wisk::run {
namespace {

/// The files of `jobs/demo` and `jobs/wise-ft` without their checkpoints, which may be large and linked from
/// elsewhere; empty folders in their place; the shipped task files, and a few problems.
class ShippedJobs : public ::testing::Test {
 protected:
  ShippedJobs() {
    for (const char* folder : {"demo", "tasks", "wise-ft"}) copy(folder);
    for (const char* step : {"0000", "0005", "0040", "0160", "0500"})
      std::filesystem::create_directories(jobs_ / "demo/checkpoints" / ("step-" + std::string(step)));
    for (const char* model : kModels) {
      for (int step = 171; step <= 1710; step += 171) {
        const std::string name = "step-" + std::string(step < 1000 ? "0" : "") + std::to_string(step);
        std::filesystem::create_directories(jobs_ / "wise-ft" / model / "checkpoints" / name);
      }
    }
    std::string gsm8k, math;
    for (int i = 0; i < 20; ++i) {
      const std::string question = "\"What is " + std::to_string(i) + "?\"", gold = std::to_string(i);
      gsm8k += "{\"question\": " + question + ", \"answer\": \"#### " + gold + "\"}\n";
      math += "{\"unique_id\": \"a/" + gold + "\", \"problem\": " + question + ", \"answer\": \"" + gold +
              "\"}\n";
    }
    folder_.write("jobs/tasks/gsm8k_test.jsonl", gsm8k);
    folder_.write("jobs/tasks/math500.jsonl", math);
  }

  void copy(const std::string& folder) {
    const std::filesystem::path jobs = test::source_folder() / "jobs";
    std::filesystem::recursive_directory_iterator entries(jobs / folder);
    for (auto entry = begin(entries); entry != end(entries); ++entry) {
      if (entry->path().filename() == "checkpoints") entry.disable_recursion_pending();
      const bool is_text =
          entry->path().extension() == ".yaml" || entry->path().filename() == "problems.jsonl";
      if (is_text && entry->is_regular_file())
        folder_.write("jobs" / entry->path().lexically_relative(jobs), read_text(entry->path()));
    }
  }

  Job load(const std::string& model, const std::string& task, const std::string& experiment) {
    return load_job(jobs_ / "wise-ft" / model / task / (experiment + ".yaml"));
  }

  static constexpr std::array kModels = {"gemma-2-2b", "qwen2.5-0.5b"};
  static constexpr std::array kTasks = {"gsm8k", "math"};
  static constexpr std::array kExperiments = {"trajectory", "delta", "decoding", "best-of-k"};

  test::TempFolder folder_;
  std::filesystem::path jobs_ = folder_.path() / "jobs";
};

TEST_F(ShippedJobs, EachLoadsWithItsTask) {
  std::size_t loaded = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(jobs_)) {
    const std::string folder = entry.path().parent_path().filename();
    const bool is_job =
        entry.path().extension() == ".yaml" && folder != "tasks" && entry.path().filename() != "task.yaml";
    if (!is_job) continue;
    SCOPED_TRACE(entry.path().string());
    const Job job = load_job(entry.path());
    EXPECT_EQ(load_job(folder_.write("again.yaml", job.resolved_yaml)).result_keys, job.result_keys);
    EXPECT_GE(task::Task::load(job.task).problems().size(), 20u);
    ++loaded;
  }
  EXPECT_GE(loaded, kModels.size() * kTasks.size() * kExperiments.size() + 1);  // and the demo
}

TEST_F(ShippedJobs, AnExperimentIsTheSameForEveryModelAndTask) {
  for (const char* experiment : kExperiments) {
    const Job first = load(kModels[0], kTasks[0], experiment);
    for (const char* model : kModels) {
      for (const char* task : kTasks) {
        const Job job = load(model, task, experiment);
        EXPECT_EQ(job.name, std::string(model) + "-" + task + "-" + experiment);
        EXPECT_EQ(job.task, jobs_ / "tasks" / (std::string(task) + ".yaml"));
        EXPECT_NE(job.resolved_yaml.find("/" + std::string(model) + "/checkpoints/step-1710"),
                  std::string::npos);
        ASSERT_EQ(job.result_keys.size(), first.result_keys.size());
        for (std::size_t i = 0; i < job.result_keys.size(); ++i) {
          const bool is_length = job.result_keys[i].first == "decode.max_tokens";
          EXPECT_TRUE(is_length || job.result_keys[i] == first.result_keys[i])
              << job.name << ": " << job.result_keys[i].first;
        }
      }
    }
  }
}

/// Arms, and how many of them are sampled.
std::pair<std::size_t, std::size_t> sizes_of(const Job& job) {
  std::size_t sampled = 0;
  for (std::size_t a = 0; a < job.arms.size(); ++a) sampled += job.arms[a].sampled_as == a ? 1 : 0;
  return {job.arms.size(), sampled};
}

TEST_F(ShippedJobs, HaveTheArmsThatTheirReadmeSays) {
  using Sizes = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(sizes_of(load("gemma-2-2b", "gsm8k", "trajectory")), (Sizes{10, 10}));
  EXPECT_EQ(sizes_of(load("gemma-2-2b", "gsm8k", "delta")), (Sizes{21, 19}));
  EXPECT_EQ(sizes_of(load("gemma-2-2b", "gsm8k", "decoding")), (Sizes{20, 20}));
  EXPECT_EQ(sizes_of(load("gemma-2-2b", "gsm8k", "best-of-k")), (Sizes{3, 3}));
  EXPECT_EQ(sizes_of(load_job(jobs_ / "demo/job.yaml")), (Sizes{10, 8}));
}

}  // namespace
}  // namespace wisk::run
