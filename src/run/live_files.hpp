#pragma once
// Files that others may watch while a run goes on: summary.json, wisk.prom, results.h5.

#include <cstdint>
#include <string>
#include <vector>

#include <wisk/core/clock.hpp>
#include <wisk/store/run_directory.hpp>
#include <wisk/store/summary.hpp>

#include "plan.hpp"
#include "progress.hpp"

namespace wisk::run {

/// Of rank 0; one thread. A disk that cannot take these files is told of once and does not end the run: the
/// journal is the truth.
class LiveFiles {
 public:
  /// `before`: what the journals held at the start. `device`: the kind of hardware that samples now. Writes
  /// all three files.
  LiveFiles(const Plan& plan, const store::RunDirectory& directory, std::uint64_t job_hash,
            const store::Journal& before, std::vector<std::string> hosts, std::string device,
            Progress& progress);
  LiveFiles(const LiveFiles&) = delete;
  LiveFiles& operator=(const LiveFiles&) = delete;
  /// summary.json and wisk.prom every 10 s; results.h5 every engine.save_seconds, and never for more than a
  /// hundredth of the time.
  void update_if_due();

 private:
  void write_summary();
  void write_results();
  template <class F>
  void tolerate(const F& write);

  const Plan& plan_;
  const store::RunDirectory& directory_;
  std::uint64_t job_hash_;
  std::vector<std::string> hosts_;
  std::string device_;
  Progress& progress_;
  store::Summary summary_;
  store::HardwareCounts before_;  // what drew the samples that were done at the start
  std::int64_t resumed_ = 0;      // how many these are
  Stopwatch since_summary_, since_results_;
  double results_cost_ = 0;  // seconds that the last results.h5 took
  bool complained_ = false;
};

}  // namespace wisk::run
