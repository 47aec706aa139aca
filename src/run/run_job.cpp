#include <wisk/run/run_job.hpp>

#include <sys/resource.h>

#include <array>
#include <cstring>
#include <optional>
#include <set>

#include <wisk/comm/work_queue.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/log.hpp>
#include <wisk/core/version.hpp>
#include <wisk/run/interrupt.hpp>
#include <wisk/sample/engine.hpp>
#include <wisk/stats/counts.hpp>
#include <wisk/store/summary.hpp>

#include "plan.hpp"
#include "progress.hpp"
#include "stop_watcher.hpp"
#include "together.hpp"

namespace wisk::run {

namespace {

using comm::Slice;

/// What a replica does: pulls slices, keeps the arm's weights resident, samples, judges, journals.
/// One per rank; its calls are collective over the replica, whose leader talks to the queue and writes the
/// journal.
class Worker {
 public:
  Worker(const Plan& plan, const store::Journal& before, store::JournalWriter* journal,
         comm::WorkQueue* queue, Topology& topology, const sample::EngineLimits& limits, Progress& progress)
      : plan_(plan),
        before_(before),
        journal_(journal),
        queue_(queue),
        topology_(topology),
        progress_(progress),
        resident_(plan.checkpoints, plan.job.engine, topology),
        counts_(plan.job.arms.size(), plan.prompts.size()) {
    engine_ = std::make_unique<sample::Engine>(resident_.device(), resident_.transformer(), limits);
    for (const store::PrefixRecord& prefix : before.prefixes()) prefixes_[prefix.id] = &prefix;
  }

  /// True when the queue was worked off, false after a signal.
  bool work() {
    for (slice_ = pull(); slice_;) {
      const auto arm = static_cast<std::size_t>(slice_->arm);
      const std::uint64_t hash = resident_.blend(plan_.job.arms[arm].recipe);
      if (journal_ != nullptr) journal_->note_weights(static_cast<std::uint32_t>(arm), hash);
      if (!sample_arm(arm)) {
        if (queue_ != nullptr) queue_->close();
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] const stats::Counts& counts() const { return counts_; }
  [[nodiscard]] const sample::EngineCounters& counters() const { return engine_->counters(); }
  [[nodiscard]] ResidentModel& resident() { return resident_; }
  [[nodiscard]] double verify_seconds() const { return verify_seconds_; }
  [[nodiscard]] double journal_seconds() const { return journal_seconds_; }

 private:
  /// The leader's next slice, the same on every rank of the replica.
  std::optional<Slice> pull() {
    struct Message {
      std::int32_t some;
      Slice slice;
    } message{};
    if (queue_ != nullptr) {
      const std::optional<Slice> next = queue_->next();
      message = {next.has_value() ? 1 : 0, next.value_or(Slice{})};
    }
    if (topology_.replica->size() > 1) {
      topology_.replica->broadcast(std::as_writable_bytes(std::span(&message, 1)), 0);
    }
    return message.some != 0 ? std::optional<Slice>(message.slice) : std::nullopt;
  }

  bool interrupted() {
    if (journal_ != nullptr) journal_->sync_if_due();
    return topology_.interrupted();
  }

  /// Samples slices of `arm` until one of another arm comes, which stays in slice_.
  bool sample_arm(std::size_t arm) {
    sample::Sampling sampling;
    sampling.parameters = plan_.job.arms[arm].decode;
    sampling.seed = plan_.job.seed;
    sampling.end_tokens = with_stop_tokens(plan_.end_tokens, plan_.stop[arm], plan_.tokenizer);
    sample::EngineCallbacks callbacks;
    bool first = true;
    callbacks.next = [&]() -> std::optional<sample::Request> {
      if (!first) slice_ = pull();
      first = false;
      if (!slice_ || static_cast<std::size_t>(slice_->arm) != arm) return std::nullopt;
      return request_of(*slice_);
    };
    callbacks.done = [&](sample::Drawn&& drawn) { take(arm, std::move(drawn)); };
    callbacks.interrupted = [&] { return interrupted(); };
    callbacks.make_watcher = [&] { return std::make_unique<StopWatcher>(plan_.tokenizer, plan_.stop[arm]); };
    return engine_->run(sampling, callbacks);
  }

  sample::Request request_of(const Slice& slice) const {
    sample::Request request;
    const auto problem = static_cast<std::size_t>(slice.problem);
    request.tag = slice.problem;
    request.problem_key = plan_.task.problems()[problem].key;
    request.prompt = plan_.prompts[problem];
    for (std::int32_t s = slice.sample_begin; s < slice.sample_end; ++s) {
      const store::SampleId id{static_cast<std::uint32_t>(slice.arm),
                               static_cast<std::uint32_t>(slice.problem), static_cast<std::uint32_t>(s)};
      if (before_.contains(id)) continue;
      sample::SampleStart start;
      start.sample = id.sample;
      if (const auto found = prefixes_.find(id); found != prefixes_.end()) {
        start.tokens = found->second->tokens;
        start.logprobs = found->second->logprobs;
      }
      request.samples.push_back(std::move(start));
    }
    return request;
  }

  /// Verifies and journals a finished sample; keeps the beginning of an unfinished one.
  void take(std::size_t arm, sample::Drawn&& drawn) {
    if (journal_ == nullptr) return;  // the replica's leader does it
    const store::SampleId id{static_cast<std::uint32_t>(arm), static_cast<std::uint32_t>(drawn.tag),
                             drawn.sample};
    if (!drawn.finish) {
      journal_->append(store::PrefixRecord{id, std::move(drawn.tokens), std::move(drawn.logprobs)});
      return;
    }
    Stopwatch watch;
    const auto problem = static_cast<std::size_t>(drawn.tag);
    const task::Judgement judgement =
        plan_.task.judge(plan_.task.problems()[problem], drawn.text, *drawn.finish);
    verify_seconds_ += watch.seconds();
    watch.restart();
    store::SampleRecord record;
    record.id = id;
    record.verdict = judgement.verdict;
    record.finish = *drawn.finish;
    for (const float logprob : drawn.logprobs) record.logprob += static_cast<double>(logprob);
    record.tokens = std::move(drawn.tokens);
    record.logprobs = std::move(drawn.logprobs);
    record.answer = judgement.answer;
    record.text = std::move(drawn.text);
    const auto tokens = static_cast<std::int64_t>(record.tokens.size());
    journal_->append(record);
    journal_seconds_ += watch.seconds();
    counts_.add(arm, problem, record.verdict, record.finish, tokens);
    progress_.add(1, tokens);
  }

  const Plan& plan_;
  const store::Journal& before_;
  store::JournalWriter* journal_;  // leaders only
  comm::WorkQueue* queue_;         // leaders only
  Topology& topology_;
  Progress& progress_;
  ResidentModel resident_;
  std::unique_ptr<sample::Engine> engine_;
  stats::Counts counts_;
  std::map<store::SampleId, const store::PrefixRecord*> prefixes_;
  std::optional<Slice> slice_;
  double verify_seconds_ = 0, journal_seconds_ = 0;
};

std::uint64_t peak_rss_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

/// One entry a rank, on every rank.
template <class T>
std::vector<T> gather(comm::Communicator& world, const T& mine) {
  std::vector<T> all(static_cast<std::size_t>(world.size()));
  world.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  return all;
}

std::vector<std::string> gather_hosts(comm::Communicator& world) {
  std::array<char, 256> name{};
  const std::string host = world.host();
  std::memcpy(name.data(), host.data(), std::min(host.size(), name.size() - 1));
  std::vector<std::string> hosts;
  for (const auto& entry : gather(world, name)) hosts.emplace_back(entry.data());
  return hosts;
}

struct RankReport {
  std::uint64_t peak_rss;
  std::int64_t generated, computed;
  double blend, forward, choose, verify, journal;
  double peak_rate;  // of this rank's device, multiply-adds counted twice, per second
};

/// Operations of the products: every computed token passes all matrices but the output embedding, which only
/// tokens that choose pass. Attention is left out.
double operations_of(const model::Architecture& a, const RankReport& sum) {
  const std::int64_t embedding = a.vocabulary * a.width,
                     matrices = a.parameters() - embedding * (a.tied ? 1 : 2);
  return 2.0 * (static_cast<double>(matrices) * static_cast<double>(sum.computed) +
                static_cast<double>(embedding) * static_cast<double>(sum.generated));
}

store::Summary summarise(const Plan& plan, const stats::Counts& counts,
                         const std::vector<RankReport>& reports, const std::vector<std::string>& hosts,
                         double sampling_seconds, const store::Journal& journal) {
  store::Summary summary;
  summary.name = plan.job.name;
  summary.version = std::string(version());
  summary.arms = static_cast<std::int64_t>(plan.job.arms.size());
  summary.problems = static_cast<std::int64_t>(plan.prompts.size());
  summary.samples_total = plan.samples();
  for (std::size_t a = 0; a < counts.arms(); ++a) {
    summary.samples_done += counts.samples_of(a);
    const auto verdicts = counts.verdicts().subspan(a * kVerdicts, kVerdicts);
    summary.correct += verdicts[static_cast<std::size_t>(Verdict::kCorrect)];
    summary.truncated += verdicts[static_cast<std::size_t>(Verdict::kTruncated)];
    summary.undecided += verdicts[static_cast<std::size_t>(Verdict::kUndecided)];
  }
  summary.complete = summary.samples_done == summary.samples_total;
  summary.journal_damage = static_cast<std::int64_t>(journal.damage().size());
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
  if (sampling_seconds > 0 && sum.generated > 0) {
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

/// The counts of the samples that earlier attempts finished.
void add_resumed(const store::Journal& journal, stats::Counts& counts) {
  for (const store::Journal::Entry& entry : journal.samples()) {
    counts.add(entry.id.arm, entry.id.problem, entry.verdict, entry.finish, entry.tokens);
  }
}

/// Earlier attempts in a run directory: rank 0 has made one journal file in each.
std::int64_t count_attempts(const std::filesystem::path& journal) {
  std::int64_t attempts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(journal)) {
    attempts += entry.path().filename().string().rfind("rank-0-", 0) == 0 ? 1 : 0;
  }
  return attempts;
}

void announce(const Plan& plan, const store::Journal& before, const store::RunDirectory& directory,
              int replicas) {
  log_info((directory.resumed() ? "resuming " : "running ") + plan.job.name + " in " +
           directory.path().string() + ": " + std::to_string(plan.job.arms.size()) + " arms x " +
           std::to_string(plan.prompts.size()) + " problems, " + std::to_string(before.samples().size()) +
           " of " + std::to_string(plan.samples()) + " samples done, " + std::to_string(replicas) +
           (replicas == 1 ? " replica" : " replicas"));
  for (const store::JournalDamage& damage : before.damage()) {
    log_warning(damage.file.string() + " at byte " + std::to_string(damage.offset) + ": " + damage.what +
                "; its samples are drawn again");
  }
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

/// results.h5 and summary.json, made of the journal on rank 0. `counts`: what the ranks counted, added up.
void write_outcome(const Plan& plan, const store::RunDirectory& directory, std::uint64_t job_hash,
                   const stats::Counts& counts, const std::vector<RankReport>& reports,
                   const std::vector<std::string>& hosts, double sampling_seconds) {
  const store::Journal all = store::Journal::read(directory.journal(), job_hash);
  store::ResultsPlan results = plan.results();
  const std::set<std::string> names(hosts.begin(), hosts.end());
  results.provenance.hosts.assign(names.begin(), names.end());
  const auto hashes = all.weights();
  for (store::ArmColumns& arm : results.arms) {
    if (const auto found = hashes.find(arm.sampled_as); found != hashes.end())
      arm.weights_hash = found->second;
  }
  store::write_results(directory.results(), results, all, &counts);
  store::Summary summary = summarise(plan, counts, reports, hosts, sampling_seconds, all);
  summary.resumes = count_attempts(directory.journal()) - 1;
  store::write_summary(directory.summary(), summary);
}

}  // namespace

RunOutcome run_job(const RunRequest& request, comm::Communicator& world) {
  const InterruptHandler handler;
  const Plan plan = make_plan(request.job_file, request.overrides, world);
  Topology topology;
  sample::EngineLimits limits;
  limits.prefill_chunk = plan.job.engine.prefill_chunk;
  one_rank_complains(world, [&] {
    topology = make_topology(world, plan.job.model.tensor_parallel, plan.checkpoints.architecture);
    limits.max_batch = batch_size(plan.checkpoints, plan.job.engine, topology);
    limits.pages = plan_pages(plan.checkpoints, plan.job.engine, topology, plan.longest, limits.max_batch);
  });
  const std::uint64_t job_hash = store::hash_of(plan.keys);

  std::optional<store::RunDirectory> directory;  // rank 0 holds the lock
  if (world.rank() == 0) {
    const std::filesystem::path out =
        request.out.empty() ? std::filesystem::path("runs") / plan.job.name : request.out;
    directory = store::RunDirectory::create_or_resume(out, plan.keys, plan.job.resolved_yaml);
  }
  const std::filesystem::path path =
      comm::broadcast_string(world, directory ? directory->path().string() : "", 0);
  const store::Journal before =
      rank_zero_first(world, [&] { return store::Journal::read(path / "journal", job_hash); });
  if (world.rank() == 0) announce(plan, before, *directory, topology.replicas);
  world.barrier();  // every rank has read the journals before one of them writes

  std::unique_ptr<store::JournalWriter> journal;
  std::unique_ptr<comm::WorkQueue> queue;
  Progress progress(world, plan.samples(), static_cast<std::int64_t>(before.samples().size()));
  bool complete = false;
  stats::Counts counts;
  RankReport report{};
  double sampling_seconds = 0;
  {
    if (topology.leads()) {
      journal = std::make_unique<store::JournalWriter>(path / "journal",
                                                       "rank-" + std::to_string(world.rank()), job_hash);
      queue = std::make_unique<comm::WorkQueue>(world, plan.remaining(before, topology.replicas),
                                                topology.replicas);
    }
    Worker worker(plan, before, journal.get(), queue.get(), topology, limits, progress);
    if (world.rank() == 0) log_info(worker.resident().device().description());
    const double peak_rate = worker.resident().device().peak_rate();
    const Stopwatch watch;
    complete = worker.work();
    if (journal != nullptr) journal->sync();
    queue.reset();  // rank 0: when every replica has stopped
    sampling_seconds = watch.seconds();
    counts = worker.counts();
    report = report_of(worker, topology.leads(), peak_rate);
  }
  if (world.rank() != 0) progress.finish();
  world.barrier();
  if (world.rank() == 0) {
    progress.finish();
    add_resumed(before, counts);
  }
  world.all_reduce_sum(counts.values());
  double stopped[] = {complete ? 0.0 : 1.0, sampling_seconds};
  world.all_reduce_max(stopped);
  const std::vector<RankReport> reports = gather(world, report);
  const std::vector<std::string> hosts = gather_hosts(world);
  if (world.rank() == 0) write_outcome(plan, *directory, job_hash, counts, reports, hosts, stopped[1]);
  world.barrier();
  return {stopped[0] == 0, path};
}

}  // namespace wisk::run
