#pragma once
// Runs that are caught in their middle: they sample one sequence at a time, and so much that no machine is
// done before it was disturbed.

#include <gtest/gtest.h>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/demo_job.hpp"

namespace wisk::test {

inline constexpr int kInterrupted = 75;

class InterruptedRun : public DemoTest {
 protected:
  static std::int64_t long_samples() { return samples_for(2); }
  static std::string long_run() { return "decode.samples=" + std::to_string(long_samples()); }

  /// Starts or resumes it, and waits until `bytes` more are in its journals.
  static std::unique_ptr<Program> start(const std::string& out, int ranks, std::uintmax_t bytes,
                                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> sets = {"engine.max_batch=1", "engine.threads=1", "engine.prefill_chunk=1",
                                     long_run()};
    sets.insert(sets.end(), more.begin(), more.end());
    ProgramOptions options = cpu_options();
    options.limit = std::chrono::seconds(600);
    auto program = std::make_unique<Program>(job_->command(out, ranks, sets), options);
    const std::uintmax_t before = job_->journal_bytes(out);
    EXPECT_TRUE(program->wait_until([&] { return job_->journal_bytes(out) >= before + bytes; }))
        << program->so_far().error;
    return program;
  }

  /// Processes of the ranks, mpiexec aside.
  static std::vector<pid_t> ranks_of(const std::string& out) {
    return processes_of("wisk", job_->path(out).string());
  }

  /// The results of one that was left alone.
  static const RunContents& undisturbed() {
    static const RunContents contents = job_->run("expected-long", 2, {long_run()});
    return contents;
  }

  /// Resumes it to its end.
  static void expect_completes(const std::string& out, int ranks) {
    const RunContents done = job_->run(out, ranks, {long_run()});
    expect_same_results(done, undisturbed(), out);
    EXPECT_TRUE(done.results_bytes == undisturbed().results_bytes) << out << ": results.h5 differs";
  }
};

}  // namespace wisk::test
