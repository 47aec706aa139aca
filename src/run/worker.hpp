#pragma once
// What a replica does in a run.

#include <map>
#include <memory>
#include <optional>

#include <wisk/comm/work_queue.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/run/model_setup.hpp>
#include <wisk/sample/engine.hpp>
#include <wisk/stats/counts.hpp>
#include <wisk/store/journal.hpp>

#include "heartbeat.hpp"
#include "live_files.hpp"
#include "plan.hpp"
#include "progress.hpp"

namespace wisk::run {

/// What the ranks of a run share with their worker. References outlive it.
struct WorkerContext {
  const Plan& plan;
  const store::Journal& before;   ///< what earlier attempts left
  store::JournalWriter* journal;  ///< leaders of replicas only
  comm::WorkQueue* queue;         ///< leaders only
  LiveFiles* live;                ///< rank 0 only
  Topology& topology;
  const Heartbeat& heartbeat;
  Progress& progress;
};

/// Pulls slices, keeps the arm's weights resident, samples, judges, journals. One per rank; its calls are
/// collective over the replica, whose leader talks to the queue and writes the journal.
class Worker {
 public:
  Worker(const WorkerContext& context, const sample::EngineLimits& limits);

  /// True when the queue was worked off, false after a signal.
  bool work();

  [[nodiscard]] const stats::Counts& counts() const { return counts_; }
  [[nodiscard]] const sample::EngineCounters& counters() const { return engine_->counters(); }
  [[nodiscard]] ResidentModel& resident() { return resident_; }
  [[nodiscard]] double verify_seconds() const { return verify_seconds_; }
  [[nodiscard]] double journal_seconds() const { return journal_seconds_; }

 private:
  std::optional<comm::Slice> pull();
  bool sample_arm(std::size_t arm);
  [[nodiscard]] sample::Request request_of(const comm::Slice& slice) const;
  bool interrupted();
  bool save_due();
  void save(std::size_t arm, const sample::Begun& begun);
  void take(std::size_t arm, sample::Drawn&& drawn);
  void finish(const store::SampleId& id, sample::Drawn&& drawn);

  WorkerContext context_;
  ResidentModel resident_;
  std::unique_ptr<sample::Engine> engine_;
  stats::Counts counts_;
  std::map<store::SampleId, const store::PrefixRecord*> prefixes_;
  std::optional<comm::Slice> slice_;
  Stopwatch since_saved_;
  double verify_seconds_ = 0, journal_seconds_ = 0;
};

}  // namespace wisk::run
