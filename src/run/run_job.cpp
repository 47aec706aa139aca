#include <wisk/run/run_job.hpp>

#include <memory>
#include <optional>

#include <wisk/comm/work_queue.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/log.hpp>
#include <wisk/run/interrupt.hpp>

#include "heartbeat.hpp"
#include "journal_view.hpp"
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

/// `replicas`: that sample; 0 where nothing is left to do.
void announce(const Plan& plan, const store::Journal& before, const store::RunDirectory& directory,
              int replicas) {
  const std::size_t skipped = plan.task.skipped_golds();
  log_info(
      (directory.resumed() ? "resuming " : "running ") + plan.job.name + " in " + directory.path().string() +
      ": " + std::to_string(plan.job.arms.size()) + " arms x " + std::to_string(plan.prompts.size()) +
      " problems" +
      (skipped == 0 ? "" : " (" + std::to_string(skipped) + " more left out: their gold is no number)") +
      ", " + std::to_string(before.samples().size()) + " of " + std::to_string(plan.samples()) +
      " samples done" +
      (replicas == 0 ? "" : ", " + std::to_string(replicas) + (replicas == 1 ? " replica" : " replicas")));
  for (const store::JournalDamage& damage : before.damage()) {
    log_warning(damage.file.string() + " at byte " + std::to_string(damage.offset) + ": " + damage.what +
                "; its samples are drawn again");
  }
}

/// As the request says it.
std::filesystem::path folder_of(const RunRequest& request, const Plan& plan) {
  return request.out.empty() ? std::filesystem::path("runs") / plan.job.name : request.out;
}

/// The run directory on rank 0, which holds its lock.
std::optional<store::RunDirectory> open_directory(const std::filesystem::path& out, const Plan& plan,
                                                  comm::Communicator& world) {
  if (world.rank() != 0) return std::nullopt;
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

/// The journal in `out` on rank 0, where it has every sample already. What is wrong there is left to those
/// who open it.
std::optional<store::Journal> whole_journal(const std::filesystem::path& out, const Plan& plan,
                                            std::uint64_t job_hash, const comm::Communicator& world) {
  const std::filesystem::path folder = out / "journal";
  std::error_code error;
  if (world.rank() != 0 || !std::filesystem::is_directory(folder, error)) return std::nullopt;
  try {
    store::Journal journal = store::Journal::read(folder, job_hash);
    if (static_cast<std::int64_t>(journal.samples().size()) == plan.samples()) return journal;
  } catch (const Error&) {
  }
  return std::nullopt;
}

Heartbeat::Options heart_of(const Plan& plan, std::optional<store::RunDirectory>& directory) {
  Heartbeat::Options heart;
  heart.limit_seconds = plan.job.engine.heartbeat_seconds;
  if (directory) heart.beat = [&lock = directory->lock()] { lock.beat(); };
  return heart;
}

/// What one attempt sampled.
struct Sampled {
  bool complete = false;
  stats::Counts counts;
  RankReport report{};
  double seconds = 0;
};

/// Samples on every rank until the queue is worked off or somebody was asked to stop.
Sampled sample(WorkerContext context, const sample::EngineLimits& limits, comm::Communicator& world,
               std::unique_ptr<comm::WorkQueue>& queue) {
  Worker worker(context, limits);
  const std::vector<std::string> hosts = gather_hosts(*context.topology.replica);
  if (context.journal != nullptr)
    context.journal->append(attempt_record(world, worker.resident().device().kind(), hosts));
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

/// A run that has every sample, in `whole` on rank 0: whatever hardware drew them, none is asked for more.
/// Its files are made of its journal. Collective.
RunOutcome conclude_again(const std::filesystem::path& out, const Plan& plan, std::uint64_t job_hash,
                          const std::optional<store::Journal>& whole, comm::Communicator& world) {
  std::optional<store::RunDirectory> directory = open_directory(out, plan, world);
  const std::filesystem::path path =
      comm::broadcast_string(world, directory ? directory->path().string() : "", 0);
  const Heartbeat heartbeat(world, heart_of(plan, directory));
  const std::vector<std::string> hosts = gather_hosts(world);
  const std::vector<RankReport> reports = gather_reports(world, idle_report());
  if (directory) {
    announce(plan, *whole, *directory, 0);
    stats::Counts counts(plan.job.arms.size(), plan.prompts.size());
    add_resumed(*whole, counts);
    conclude(plan, *directory, job_hash, counts, reports, hosts, 0);
  }
  world.barrier();
  return {true, path};
}

/// Where each rank computes, and how much at once.
struct Place {
  Topology topology;
  sample::EngineLimits limits;
};

/// Collective.
Place place(const Plan& plan, comm::Communicator& world) {
  Place place;
  one_rank_complains(world, [&] {
    place.topology = make_topology(world, plan.job.model.tensor_parallel, plan.checkpoints.architecture);
  });
  place_ranks(world, plan.job.engine, place.topology);
  one_rank_complains(world, [&] {
    place.limits = plan_limits(plan.checkpoints, plan.job.engine, place.topology, plan.longest);
  });
  return place;
}

/// Draws what is missing. Collective.
RunOutcome draw_rest(const RunRequest& request, const std::filesystem::path& out, const Plan& plan,
                     std::uint64_t job_hash, comm::Communicator& world) {
  Place placed = place(plan, world);
  Topology& topology = placed.topology;
  std::optional<store::RunDirectory> directory = open_directory(out, plan, world);
  const std::filesystem::path path =
      comm::broadcast_string(world, directory ? directory->path().string() : "", 0);
  const Heartbeat heartbeat(world, heart_of(plan, directory));
  const store::Journal before = read_journal_together(world, [&] {
    store::Journal journal = store::Journal::read(path / "journal", job_hash);
    check_hardware(journal, topology.kind, plan.job.engine.device, path.string(),
                   request.allow_other_hardware);
    return journal;
  });
  if (world.rank() == 0) announce(plan, before, *directory, topology.replicas);
  world.barrier();  // every rank has read the journals before one of them writes

  Progress progress(world, plan.samples(), static_cast<std::int64_t>(before.samples().size()));
  const std::vector<std::string> hosts = gather_hosts(world);
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
  Sampled sampled =
      sample({plan, before, journal.get(), queue.get(), live.get(), topology, heartbeat, progress},
             placed.limits, world, queue);

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

}  // namespace

RunOutcome run_job(const RunRequest& request, comm::Communicator& world) {
  const InterruptHandler handler;
  const Plan plan = make_plan(request.job_file, request.overrides, world);
  const std::uint64_t job_hash = store::hash_of(plan.keys);
  const std::filesystem::path out = folder_of(request, plan);
  const std::optional<store::Journal> whole = whole_journal(out, plan, job_hash, world);
  double complete[] = {whole ? 1.0 : 0.0};
  world.all_reduce_max(complete);
  return complete[0] != 0 ? conclude_again(out, plan, job_hash, whole, world)
                          : draw_rest(request, out, plan, job_hash, world);
}

}  // namespace wisk::run
