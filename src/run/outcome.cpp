#include "outcome.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>

#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>
#include <wisk/core/version.hpp>

namespace wisk::run {

namespace {

std::uint64_t peak_rss_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

template <class T>
std::vector<T> gather(comm::Communicator& world, const T& mine) {
  std::vector<T> all(static_cast<std::size_t>(world.size()));
  world.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  return all;
}

/// Operations of the products: every computed token passes all matrices but the output embedding, which only
/// tokens that choose pass. Attention is left out.
double operations_of(const model::Architecture& a, const RankReport& sum) {
  const std::int64_t embedding = a.vocabulary * a.width,
                     matrices = a.parameters() - embedding * (a.tied ? 1 : 2);
  return 2.0 * (static_cast<double>(matrices) * static_cast<double>(sum.computed) +
                static_cast<double>(embedding) * static_cast<double>(sum.generated));
}

}  // namespace

RankReport idle_report() {
  RankReport report{};
  report.peak_rss = peak_rss_bytes();
  return report;
}

RankReport report_of(Worker& worker, bool leads, double peak_rate) {
  const sample::EngineCounters& c = worker.counters();
  return {peak_rss_bytes(),
          leads ? c.generated_tokens : 0,
          leads ? c.computed_tokens() : 0,
          worker.resident().blend_seconds(),
          c.forward_seconds,
          c.choose_seconds,
          worker.verify_seconds(),
          worker.journal_seconds(),
          peak_rate};
}

std::vector<RankReport> gather_reports(comm::Communicator& world, const RankReport& mine) {
  return gather(world, mine);
}

std::vector<std::string> gather_hosts(comm::Communicator& world) {
  std::array<char, 256> name{};
  const std::string host = world.host();
  std::memcpy(name.data(), host.data(), std::min(host.size(), name.size() - 1));
  std::vector<std::string> hosts;
  for (const auto& entry : gather(world, name)) hosts.emplace_back(entry.data());
  return hosts;
}

store::AttemptRecord attempt_record(comm::Communicator& world, const std::string& device,
                                    const std::vector<std::string>& hosts) {
  store::AttemptRecord attempt = {{"started_unix_ms", std::to_string(unix_milliseconds())},
                                  {"host", world.host()},
                                  {"process", std::to_string(::getpid())},
                                  {"rank", std::to_string(world.rank())},
                                  {"ranks", std::to_string(world.size())},
                                  {"device", device},
                                  {"version", std::string(version())}};
  std::set<std::string> others(hosts.begin(), hosts.end());
  if (others.erase(world.host()); !others.empty())
    attempt.emplace_back("other_hosts", join({others.begin(), others.end()}, " "));
  constexpr std::array<std::pair<const char*, const char*>, 7> kSlurm = {
      {{"slurm_job", "SLURM_JOB_ID"},
       {"slurm_array_job", "SLURM_ARRAY_JOB_ID"},
       {"slurm_array_task", "SLURM_ARRAY_TASK_ID"},
       {"slurm_partition", "SLURM_JOB_PARTITION"},
       {"slurm_nodes", "SLURM_JOB_NODELIST"},
       {"slurm_restarts", "SLURM_RESTART_COUNT"},
       {"slurm_cluster", "SLURM_CLUSTER_NAME"}}};
  for (const auto& [key, variable] : kSlurm) {
    if (const char* value = std::getenv(variable)) attempt.emplace_back(key, value);
  }
  return attempt;
}

void check_hardware(const store::Journal& before, const std::string& device, DeviceChoice asked,
                    const std::string& directory, bool allow_other) {
  std::set<std::string> kinds;
  for (const auto& [kind, count] : store::hardware_of(before)) kinds.insert(kind);
  for (const store::PrefixRecord& prefix : before.prefixes()) kinds.insert(prefix.device);
  for (const char* known : {"", "unknown"}) kinds.erase(known);
  const bool here = kinds.erase(device) > 0;  // mixed already: no one kind goes on
  if (kinds.empty()) return;
  const std::string others = join({kinds.begin(), kinds.end()}, " and ");
  if (allow_other) {
    log_warning(directory + ": samples made on " + others + " and on " + device +
                " are mixed; results.h5 says which is which");
    return;
  }
  const bool cpu = others == "cpu", more = here || kinds.size() > 1;
  throw InputError(directory, others + ", which samples in it were drawn on",
                   device + " (engine.device: " + name_of(asked) +
                       "): other hardware need not draw the same tokens. To go on, " +
                       (more  ? ""
                        : cpu ? "set engine.device: cpu, or "
                              : "set engine.device: cuda where there is such a GPU, or ") +
                       "mix them by --allow-other-hardware (show, status and report will say so); to begin "
                       "anew, give another --out");
}

namespace {

/// Where the journal's attempts ran, one that only now draws the missing samples among them.
std::set<std::string> hosts_of(const store::Journal& journal) {
  std::set<std::string> hosts;
  for (const store::AttemptRecord& attempt : journal.attempts()) {
    hosts.insert(store::value_of(attempt, "host"));
    std::istringstream others(store::value_of(attempt, "other_hosts"));
    for (std::string host; others >> host;) hosts.insert(host);
  }
  hosts.erase("");
  return hosts;
}

}  // namespace

void write_results_of(const Plan& plan, const store::RunDirectory& directory, const store::Journal& journal,
                      const std::vector<std::string>& hosts, const stats::Counts* counts) {
  store::ResultsPlan results = plan.results();
  const std::set<std::string> names = hosts_of(journal);
  results.provenance.hosts.assign(names.begin(), names.end());
  if (names.empty()) results.provenance.hosts = hosts;
  const auto hashes = journal.weights();
  for (store::ArmColumns& arm : results.arms) {
    if (const auto found = hashes.find(arm.sampled_as); found != hashes.end())
      arm.weights_hash = found->second;
  }
  store::write_results(directory.results(), results, journal, counts);
}

store::Summary summary_of(const Plan& plan, const store::Journal& journal) {
  store::Summary summary;
  summary.name = plan.job.name;
  summary.version = std::string(version());
  summary.arms = static_cast<std::int64_t>(plan.job.arms.size());
  summary.problems = static_cast<std::int64_t>(plan.prompts.size());
  summary.samples_done = static_cast<std::int64_t>(journal.samples().size());
  summary.samples_total = plan.samples();
  summary.journal_damage = static_cast<std::int64_t>(journal.damage().size());
  summary.hardware = store::hardware_of(journal);
  std::set<store::AttemptRecord> seen;  // a compaction that was killed leaves them twice
  for (const store::AttemptRecord& attempt : journal.attempts()) {
    if (store::value_of(attempt, "rank") == "0" && seen.insert(attempt).second)
      summary.attempts.push_back(attempt);
  }
  return summary;
}

store::Summary summarise(const Plan& plan, const stats::Counts& counts,
                         const std::vector<RankReport>& reports, const std::vector<std::string>& hosts,
                         double sampling_seconds, const store::Journal& journal) {
  store::Summary summary = summary_of(plan, journal);
  summary.samples_done = 0;
  summary.correct = summary.truncated = summary.undecided = 0;
  for (std::size_t a = 0; a < counts.arms(); ++a) {
    summary.samples_done += counts.samples_of(a);
    const auto verdicts = counts.verdicts().subspan(a * kVerdicts, kVerdicts);
    summary.correct += verdicts[static_cast<std::size_t>(Verdict::kCorrect)];
    summary.truncated += verdicts[static_cast<std::size_t>(Verdict::kTruncated)];
    summary.undecided += verdicts[static_cast<std::size_t>(Verdict::kUndecided)];
  }
  summary.complete = summary.samples_done == summary.samples_total;
  summary.state = summary.complete ? "complete" : "interrupted";
  RankReport sum{};
  for (std::size_t r = 0; r < reports.size(); ++r) {
    const RankReport& report = reports[r];
    sum.generated += report.generated;
    sum.computed += report.computed;
    sum.blend += report.blend;
    sum.forward += report.forward;
    sum.choose += report.choose;
    sum.verify += report.verify;
    sum.journal += report.journal;
    sum.peak_rate += report.peak_rate;
    summary.ranks.push_back({static_cast<int>(r), hosts[r], report.peak_rss});
  }
  summary.tokens_generated = sum.generated;
  summary.tokens_per_second =
      sampling_seconds > 0 ? static_cast<double>(sum.generated) / sampling_seconds : 0;
  if (sampling_seconds > 0 && sum.generated > 0 && sum.peak_rate > 0) {
    summary.fraction_of_limit =
        operations_of(plan.checkpoints.architecture, sum) / sampling_seconds / sum.peak_rate;
  }
  summary.seconds = {{"sampling_wall", sampling_seconds},
                     {"blend", sum.blend},
                     {"forward", sum.forward},
                     {"choose", sum.choose},
                     {"verify", sum.verify},
                     {"journal", sum.journal}};
  return summary;
}

}  // namespace wisk::run
