#pragma once
// The demo, cut down to seconds: a dozen of its problems, three blends, eight samples; and what came of a run
// of it.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <wisk/store/journal.hpp>
#include <wisk/store/results.hpp>

#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {

/// The demo's folder.
std::filesystem::path demo_folder();

/// What a finished or interrupted run directory holds.
struct RunContents {
  store::Results results;
  std::string results_bytes;  ///< results.h5 as it is
  std::map<std::tuple<std::string, std::string, std::uint32_t>, store::SampleRecord>
      samples;  ///< by arm, problem id, sample; ids zeroed
  std::vector<store::JournalDamage> damage;
  std::size_t prefixes = 0;

  static RunContents read(const std::filesystem::path& directory);
};

/// Expects the same tables, and the same tokens, log-probabilities, text and verdict of every sample.
void expect_same_results(const RunContents& found, const RunContents& expected, const std::string& what);

/// A job in a folder of its own. Owns the folder.
class DemoJob {
 public:
  static constexpr std::uint32_t kArms = 3, kProblems = 12;
  static constexpr std::int64_t kCells = std::int64_t{kArms} * kProblems;

  DemoJob();
  [[nodiscard]] const TempFolder& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] const std::vector<std::string>& problem_lines() const { return lines_; }
  /// Writes job.yaml's task anew with these lines as its problems; returns the task file.
  std::filesystem::path write_task(const std::string& name, const std::vector<std::string>& lines) const;
  /// `wisk run` on this job into path(out), under mpiexec when ranks > 0.
  [[nodiscard]] std::vector<std::string> command(const std::string& out, int ranks = 0,
                                                 const std::vector<std::string>& sets = {}) const;
  /// Runs it, expects success and reads the results.
  [[nodiscard]] RunContents run(const std::string& out, int ranks = 0,
                                const std::vector<std::string>& sets = {}) const;
  /// From the speed of the run "expected", which drew `drawn` samples.
  [[nodiscard]] std::int64_t samples_for(double seconds, std::int64_t drawn) const;
  /// Bytes in the journals of path(out).
  [[nodiscard]] std::uintmax_t journal_bytes(const std::string& out) const;

 private:
  TempFolder folder_;
  std::vector<std::string> lines_;
};

/// Tests that compare with one undisturbed run of the reduced demo. The run is made once a suite.
class DemoTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    job_ = new DemoJob;
    expected_ = new RunContents(job_->run("expected"));
  }
  /// Samples of each problem with which an undisturbed run samples for about `seconds` on this machine: what
  /// a test needs that has to meet a run in its middle, however fast the machine is.
  static std::int64_t samples_for(double seconds) {
    return job_->samples_for(seconds, static_cast<std::int64_t>(expected_->samples.size()));
  }
  static void TearDownTestSuite() {
    delete expected_;
    delete job_;
  }
  static inline DemoJob* job_ = nullptr;
  static inline RunContents* expected_ = nullptr;
};

/// The built program; under mpiexec with `ranks` ranks when that is above 0.
std::vector<std::string> wisk_command(const std::vector<std::string>& arguments, int ranks = 0);

/// Hides this machine's GPUs: any number of ranks, and the CPU's bits.
ProgramOptions cpu_options();

/// How often `part` stands in `text`.
std::size_t count_of(const std::string& part, const std::string& text);

/// Lines of `text` that begin with "wisk: " and are no progress: the messages.
std::vector<std::string> messages_of(const std::string& text);

std::string read_bytes(const std::filesystem::path& file);

}  // namespace wisk::test
