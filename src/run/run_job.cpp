#include <wisk/run/run_job.hpp>

#include <memory>
#include <optional>

#include <wisk/comm/work_queue.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/log.hpp>
#include <wisk/run/interrupt.hpp>

#include "heartbeat.hpp"
#include "live_files.hpp"
#include "outcome.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "together.hpp"
#include "worker.hpp"

namespace wisk::run {

namespace {

/// The counts of the samples that earlier attempts finished.
void add_resumed(const store::Journal& journal, stats::Counts& counts) {
  for (const store::Journal::Entry& entry : journal.samples()) {
    counts.add(entry.id.arm, entry.id.problem, entry.verdict, entry.finish, entry.tokens);
  }
}

void announce(const Plan& plan, const store::Journal& before, const store::RunDirectory& directory,
              int replicas) {
  const std::size_t skipped = plan.task.skipped_golds();
  log_info((directory.resumed() ? "resuming " : "running ") + plan.job.name + " in " +
           directory.path().string() + ": " + std::to_string(plan.job.arms.size()) + " arms x " +
           std::to_string(plan.prompts.size()) + " problems" +
           (skipped == 0 ? "" : " (" + std::to_string(skipped) + " more left out: their gold is no number)") +
           ", " + std::to_string(before.samples().size()) + " of " + std::to_string(plan.samples()) +
           " samples done, " + std::to_string(replicas) + (replicas == 1 ? " replica" : " replicas"));
  for (const store::JournalDamage& damage : before.damage()) {
    log_warning(damage.file.string() + " at byte " + std::to_string(damage.offset) + ": " + damage.what +
                "; its samples are drawn again");
  }
}

/// The run directory on rank 0, which holds its lock.
std::optional<store::RunDirectory> open_directory(const RunRequest& request, const Plan& plan,
                                                  comm::Communicator& world) {
  if (world.rank() != 0) return std::nullopt;
  const std::filesystem::path out =
      request.out.empty() ? std::filesystem::path("runs") / plan.job.name : request.out;
  store::RunLock::Options lock;
  lock.give_up = InterruptHandler::requested;
  return store::RunDirectory::create_or_resume(out, plan.keys, plan.job.resolved_yaml, lock);
}

std::unique_ptr<store::JournalWriter> open_journal(const Plan& plan, const std::filesystem::path& folder,
                                                   std::uint64_t job_hash, comm::Communicator& world,
                                                   const Heartbeat& heartbeat) {
  store::Durability durability;
  durability.strict = plan.job.engine.strict_durability;
  durability.patience_seconds = plan.job.engine.disk_wait_seconds;
  durability.give_up = [&heartbeat] { return heartbeat.stop_requested(); };
  return std::make_unique<store::JournalWriter>(folder, "rank-" + std::to_string(world.rank()), job_hash,
                                                std::move(durability));
}

/// One file instead of one a rank and attempt. Damage is left where it was found.
void compact_if_complete(const store::Journal& journal, const std::filesystem::path& folder,
                         std::uint64_t job_hash, bool complete) {
  if (complete && journal.damage().empty() && journal.files().size() > 1) store::compact(folder, job_hash);
}

/// What one attempt sampled.
struct Sampled {
  bool complete = false;
  stats::Counts counts;
  RankReport report{};
  double seconds = 0;
};

/// An attempt that finds every sample: whatever hardware drew them, none is asked for more.
Sampled nothing_sampled(const Plan& plan) {
  Sampled sampled;
  sampled.complete = true;
  sampled.counts = stats::Counts(plan.job.arms.size(), plan.prompts.size());
  sampled.report = idle_report();
  return sampled;
}

/// Samples on every rank until the queue is worked off or somebody was asked to stop.
Sampled sample(WorkerContext context, const sample::EngineLimits& limits, comm::Communicator& world,
               std::unique_ptr<comm::WorkQueue>& queue) {
  Worker worker(context, limits);
  if (context.journal != nullptr)
    context.journal->append(attempt_record(world, worker.resident().device().kind()));
  if (world.rank() == 0) log_info(worker.resident().device().description());
  const double peak_rate = worker.resident().device().peak_rate();
  const Stopwatch watch;
  Sampled sampled;
  sampled.complete = worker.work();
  if (context.journal != nullptr) context.journal->sync();
  queue.reset();  // rank 0: when every replica has stopped
  sampled.seconds = watch.seconds();
  sampled.counts = worker.counts();
  sampled.report = report_of(worker, context.topology.leads(), peak_rate);
  return sampled;
}

/// The files that remain, made of the journal on rank 0. `counts`: what the ranks counted, added up. A
/// summary of the attempt that drew the last sample is left as it is.
void conclude(const Plan& plan, const store::RunDirectory& directory, std::uint64_t job_hash,
              const stats::Counts& counts, const std::vector<RankReport>& reports,
              const std::vector<std::string>& hosts, double seconds) {
  try {
    const store::Journal all = store::Journal::read(directory.journal(), job_hash);
    write_results_of(plan, directory, all, hosts, &counts);
    const store::Summary summary = summarise(plan, counts, reports, hosts, seconds, all);
    if (seconds > 0 || !store::says_complete(directory.summary())) {
      store::write_summary(directory.summary(), summary);
      store::write_metrics(directory.metrics(), summary);
    }
    compact_if_complete(all, directory.journal(), job_hash, summary.complete);
  } catch (const Error&) {
    directory.lock().check();  // a run directory that is gone is the better message
    throw;
  }
}

}  // namespace

RunOutcome run_job(const RunRequest& request, comm::Communicator& world) {
  const InterruptHandler handler;
  const Plan plan = make_plan(request.job_file, request.overrides, world);
  Topology topology;
  sample::EngineLimits limits;
  one_rank_complains(world, [&] {
    topology = make_topology(world, plan.job.model.tensor_parallel, plan.checkpoints.architecture);
  });
  place_ranks(world, plan.job.engine, topology);
  one_rank_complains(
      world, [&] { limits = plan_limits(plan.checkpoints, plan.job.engine, topology, plan.longest); });
  const std::uint64_t job_hash = store::hash_of(plan.keys);
  std::optional<store::RunDirectory> directory = open_directory(request, plan, world);
  const std::filesystem::path path =
      comm::broadcast_string(world, directory ? directory->path().string() : "", 0);
  Heartbeat::Options heart;
  heart.limit_seconds = plan.job.engine.heartbeat_seconds;
  if (directory) heart.beat = [&lock = directory->lock()] { lock.beat(); };
  const Heartbeat heartbeat(world, heart);

  const auto is_complete = [&plan](const store::Journal& journal) {
    return static_cast<std::int64_t>(journal.samples().size()) == plan.samples();
  };
  const store::Journal before = rank_zero_first(world, [&] {
    store::Journal journal = store::Journal::read(path / "journal", job_hash);
    if (!is_complete(journal)) {
      check_hardware(journal, topology.kind, plan.job.engine.device, path.string(),
                     request.allow_other_hardware);
    }
    return journal;
  });
  if (world.rank() == 0) announce(plan, before, *directory, topology.replicas);
  world.barrier();  // every rank has read the journals before one of them writes

  Progress progress(world, plan.samples(), static_cast<std::int64_t>(before.samples().size()));
  const std::vector<std::string> hosts = gather_hosts(world);
  Sampled sampled = nothing_sampled(plan);
  if (!is_complete(before)) {
    std::unique_ptr<LiveFiles> live;
    if (directory) {
      live = std::make_unique<LiveFiles>(plan, *directory, job_hash, before, hosts, topology.kind, progress);
    }
    std::unique_ptr<store::JournalWriter> journal;
    std::unique_ptr<comm::WorkQueue> queue;
    if (topology.leads()) {
      journal = open_journal(plan, path / "journal", job_hash, world, heartbeat);
      queue = std::make_unique<comm::WorkQueue>(world, plan.remaining(before, topology.replicas),
                                                topology.replicas);
    }
    sampled = sample({plan, before, journal.get(), queue.get(), live.get(), topology, heartbeat, progress},
                     limits, world, queue);
  }

  if (world.rank() != 0) progress.finish();
  world.barrier();
  if (world.rank() == 0) {
    progress.finish();
    add_resumed(before, sampled.counts);
  }
  world.all_reduce_sum(sampled.counts.values());
  double stopped[] = {sampled.complete ? 0.0 : 1.0, sampled.seconds};
  world.all_reduce_max(stopped);
  const std::vector<RankReport> reports = gather_reports(world, sampled.report);
  if (directory) conclude(plan, *directory, job_hash, sampled.counts, reports, hosts, stopped[1]);
  world.barrier();
  return {stopped[0] == 0, path};
}

}  // namespace wisk::run
