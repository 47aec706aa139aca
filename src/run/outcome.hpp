#pragma once
// What a run leaves behind besides its journal: results.h5, summary.json and wisk.prom.

#include <cstdint>
#include <string>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/stats/counts.hpp>
#include <wisk/store/run_directory.hpp>
#include <wisk/store/summary.hpp>

#include "plan.hpp"
#include "worker.hpp"

namespace wisk::run {

/// What a rank tells rank 0 at the end.
struct RankReport {
  std::uint64_t peak_rss;
  std::int64_t generated, computed;
  double blend, forward, choose, verify, journal;
  double peak_rate;  // of this rank's device, multiply-adds counted twice, per second
};

/// Of a rank that had nothing to do.
RankReport idle_report();
RankReport report_of(Worker& worker, bool leads, double peak_rate);

/// One entry a rank, on every rank. Collective.
std::vector<RankReport> gather_reports(comm::Communicator& world, const RankReport& mine);
std::vector<std::string> gather_hosts(comm::Communicator& world);

/// This attempt, as the journals note it: time, host, process, rank, hardware, version, Slurm's variables.
/// `hosts`: of the replica's ranks.
store::AttemptRecord attempt_record(comm::Communicator& world, const std::string& device,
                                    const std::vector<std::string>& hosts);

/// Refuses to draw more samples on hardware of kind `device` where another kind has drawn some, or begun
/// some: tokens need not be the same there. `asked`: for which hardware the job asks. Throws InputError
/// naming both.
void check_hardware(const store::Journal& before, const std::string& device, DeviceChoice asked,
                    const std::string& directory, bool allow_other);

/// results.h5 of what the journal holds. `hosts`: of this start, for journals that do not note theirs.
/// `counts`: what the ranks counted, added up, to be compared with it;
/// may be null.
void write_results_of(const Plan& plan, const store::RunDirectory& directory, const store::Journal& journal,
                      const std::vector<std::string>& hosts, const stats::Counts* counts);

/// What is known at every moment of a run: its name, sizes, attempts.
store::Summary summary_of(const Plan& plan, const store::Journal& journal);

/// The whole summary. `counts`: of all samples, also of earlier attempts.
store::Summary summarise(const Plan& plan, const stats::Counts& counts,
                         const std::vector<RankReport>& reports, const std::vector<std::string>& hosts,
                         double sampling_seconds, const store::Journal& journal);

}  // namespace wisk::run
