#include "worker.hpp"

#include <array>

#include "stop_watcher.hpp"

namespace wisk::run {

using comm::Slice;

Worker::Worker(const WorkerContext& context, const sample::EngineLimits& limits)
    : context_(context),
      resident_(context.plan.checkpoints, context.plan.job.engine, context.topology),
      engine_(make_engine(resident_, limits, context.topology, context.plan.longest)),
      counts_(context.plan.job.arms.size(), context.plan.prompts.size()) {
  std::set<std::filesystem::path> ingredients;
  for (const Arm& arm : context.plan.job.arms) {
    for (const merge::Ingredient& ingredient : arm.recipe.ingredients) ingredients.insert(ingredient.folder);
  }
  resident_.share_ingredients(ingredients);
  // A sample is of one kind of hardware: what another kind began is not gone on with.
  for (const store::PrefixRecord& prefix : context.before.prefixes()) {
    if (!prefix.device.empty() && prefix.device != context.topology.kind) continue;
    const store::PrefixRecord*& longest = prefixes_[prefix.id];
    if (longest == nullptr || longest->tokens.size() < prefix.tokens.size()) longest = &prefix;
  }
}

bool Worker::work() {
  for (slice_ = pull(); slice_;) {
    const auto arm = static_cast<std::size_t>(slice_->arm);
    const std::uint64_t hash = resident_.blend(context_.plan.job.arms[arm].recipe);
    if (context_.journal != nullptr) context_.journal->note_weights(static_cast<std::uint32_t>(arm), hash);
    if (!sample_arm(arm)) {
      if (context_.queue != nullptr) context_.queue->close();
      return false;
    }
  }
  return true;
}

/// The leader's next slice, the same on every rank of the replica.
std::optional<Slice> Worker::pull() {
  struct Message {
    std::int32_t some;
    Slice slice;
  } message{};
  if (context_.queue != nullptr) {
    const std::optional<Slice> next = context_.queue->next();
    message = {next.has_value() ? 1 : 0, next.value_or(Slice{})};
  }
  comm::Communicator& replica = *context_.topology.replica;
  if (replica.size() > 1) replica.broadcast(std::as_writable_bytes(std::span(&message, 1)), 0);
  return message.some != 0 ? std::optional<Slice>(message.slice) : std::nullopt;
}

/// Samples slices of `arm` until one of another arm comes, which stays in slice_.
bool Worker::sample_arm(std::size_t arm) {
  const Plan& plan = context_.plan;
  sample::Sampling sampling;
  sampling.parameters = plan.job.arms[arm].decode;
  sampling.seed = plan.job.seed;
  sampling.end_tokens = with_stop_tokens(plan.end_tokens, plan.stop[arm], plan.tokenizer);
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
  callbacks.save_due = [&] { return save_due(); };
  callbacks.unfinished = [&](const sample::Begun& begun) { save(arm, begun); };
  callbacks.make_watcher = [&] { return std::make_unique<StopWatcher>(plan.tokenizer, plan.stop[arm]); };
  return engine_->run(sampling, callbacks);
}

sample::Request Worker::request_of(const Slice& slice) const {
  sample::Request request;
  const auto problem = static_cast<std::size_t>(slice.problem);
  request.tag = slice.problem;
  request.problem_key = context_.plan.task.problems()[problem].key;
  request.prompt = context_.plan.prompts[problem];
  for (std::int32_t s = slice.sample_begin; s < slice.sample_end; ++s) {
    const store::SampleId id{static_cast<std::uint32_t>(slice.arm), static_cast<std::uint32_t>(slice.problem),
                             static_cast<std::uint32_t>(s)};
    if (context_.before.contains(id)) continue;
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

/// Between two steps.
bool Worker::interrupted() {
  if (context_.live != nullptr) context_.live->update_if_due();
  return context_.topology.agree(context_.heartbeat.stop_requested());
}

/// Only the leader writes, so the other ranks of the replica need not agree.
bool Worker::save_due() {
  const double interval = context_.plan.job.engine.save_seconds;
  if (context_.journal == nullptr || interval <= 0 || since_saved_.seconds() < interval) return false;
  since_saved_.restart();
  return true;
}

void Worker::save(std::size_t arm, const sample::Begun& begun) {
  const Stopwatch watch;
  context_.journal->append(store::PrefixRecord{
      {static_cast<std::uint32_t>(arm), static_cast<std::uint32_t>(begun.tag), begun.sample},
      {begun.tokens.begin(), begun.tokens.end()},
      {begun.logprobs.begin(), begun.logprobs.end()}});
  journal_seconds_ += watch.seconds();
}

/// Verifies and journals a finished sample; keeps the beginning of an unfinished one.
void Worker::take(std::size_t arm, sample::Drawn&& drawn) {
  if (context_.journal == nullptr) return;  // the replica's leader does it
  const store::SampleId id{static_cast<std::uint32_t>(arm), static_cast<std::uint32_t>(drawn.tag),
                           drawn.sample};
  if (drawn.finish) {
    finish(id, std::move(drawn));
  } else {
    context_.journal->append(store::PrefixRecord{id, std::move(drawn.tokens), std::move(drawn.logprobs)});
  }
}

void Worker::finish(const store::SampleId& id, sample::Drawn&& drawn) {
  Stopwatch watch;
  const task::Judgement judgement =
      context_.plan.task.judge(context_.plan.task.problems()[id.problem], drawn.text, *drawn.finish);
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
  context_.journal->append(record);
  journal_seconds_ += watch.seconds();
  counts_.add(id.arm, id.problem, record.verdict, record.finish, tokens);
  context_.progress.add(1, tokens);
}

}  // namespace wisk::run
