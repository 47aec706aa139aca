#include "live_files.hpp"

#include <algorithm>

#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>

#include "outcome.hpp"

namespace wisk::run {

namespace {

constexpr double kSecondsBetweenSummaries = 10;
constexpr double kResultsShare = 0.01;  // of the time, at most

}  // namespace

LiveFiles::LiveFiles(const Plan& plan, const store::RunDirectory& directory, std::uint64_t job_hash,
                     const store::Journal& before, std::vector<std::string> hosts, std::string device,
                     Progress& progress)
    : plan_(plan),
      directory_(directory),
      job_hash_(job_hash),
      hosts_(std::move(hosts)),
      device_(std::move(device)),
      progress_(progress),
      summary_(summary_of(plan, before)),
      before_(summary_.hardware) {
  summary_.state = "running";
  resumed_ = summary_.samples_done;
  for (std::size_t r = 0; r < hosts_.size(); ++r)
    summary_.ranks.push_back({static_cast<int>(r), hosts_[r], 0});
  tolerate([&] { write_summary(); });
  // A new run's tables are empty ones: whoever looks finds the arms and problems.
  if (!std::filesystem::exists(directory.results()))
    tolerate([&] { write_results_of(plan_, directory_, before, hosts_, nullptr); });
}

void LiveFiles::update_if_due() {
  if (since_summary_.seconds() >= kSecondsBetweenSummaries) {
    tolerate([&] { write_summary(); });
    since_summary_.restart();
  }
  const double interval = plan_.job.engine.save_seconds;
  if (interval > 0 && since_results_.seconds() >= std::max(interval, results_cost_ / kResultsShare)) {
    const Stopwatch watch;
    tolerate([&] { write_results(); });
    results_cost_ = watch.seconds();
    since_results_.restart();
  }
}

void LiveFiles::write_summary() {
  progress_.refresh();
  summary_.samples_done = progress_.done();
  summary_.hardware = before_;
  if (const std::int64_t more = summary_.samples_done - resumed_; more > 0)
    summary_.hardware[device_] += more;
  summary_.tokens_generated = progress_.tokens();
  const double seconds = progress_.seconds();
  summary_.tokens_per_second = seconds > 0 ? static_cast<double>(progress_.tokens()) / seconds : 0;
  summary_.seconds = {{"sampling_wall", seconds}};
  store::write_summary(directory_.summary(), summary_);
  store::write_metrics(directory_.metrics(), summary_);
}

void LiveFiles::write_results() {
  write_results_of(plan_, directory_, store::Journal::read(directory_.journal(), job_hash_), hosts_, nullptr);
}

template <class F>
void LiveFiles::tolerate(const F& write) {
  try {
    write();
  } catch (const Error& error) {
    directory_.lock().check();  // a run directory that is gone is the better message, and ends the run
    if (error.status() != ExitStatus::kEnvironment) throw;
    if (!complained_) log_warning(std::string(error.what()) + "; the run goes on, its journal is the truth");
    complained_ = true;
  }
}

}  // namespace wisk::run
