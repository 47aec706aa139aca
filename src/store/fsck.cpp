#include <wisk/store/fsck.hpp>

#include <algorithm>
#include <ostream>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>

namespace wisk::store {
namespace {

/// results.h5 against the journal: it may be older, it may not contradict it.
void compare_results(const std::filesystem::path& file, const Journal& journal, FsckReport& report) {
  if (!std::filesystem::exists(file)) {
    report.notes.push_back(file.string() + ": not there; the run writes it when it starts again");
    return;
  }
  try {
    const Results results = read_results(file);
    const stats::Counts counted = count_samples(results.plan, journal);
    std::int64_t planned = 0, older = 0;
    for (std::size_t a = 0; a < results.plan.arms.size(); ++a) {
      if (results.plan.arms[a].sampled_as == a)
        planned += results.plan.arms[a].samples * static_cast<std::int64_t>(results.plan.problems.size());
    }
    for (std::size_t i = 0; i < results.n.size(); ++i) {
      if (results.n[i] > counted.n()[i] || results.c[i] > counted.c()[i]) {
        const std::size_t problems = results.plan.problems.size();
        report.problems.push_back(file.string() + ": " + results.plan.arms[i / problems].name + ", problem " +
                                  results.plan.problems[i % problems] +
                                  ": expected at most the journal's n = " + std::to_string(counted.n()[i]) +
                                  ", c = " + std::to_string(counted.c()[i]) + ", found n = " +
                                  std::to_string(results.n[i]) + ", c = " + std::to_string(results.c[i]));
      }
      older += counted.n()[i] - results.n[i];
    }
    report.missing = planned - static_cast<std::int64_t>(journal.samples().size());
    if (older > 0)
      report.notes.push_back(file.string() + ": older than the journal, which has " + std::to_string(older) +
                             " samples more");
  } catch (const Error& error) {
    report.problems.emplace_back(error.what());
  }
}

}  // namespace

FsckReport check_run(const std::filesystem::path& run) {
  FsckReport report;
  report.job_hash = hash_of(read_keys(run));
  const Journal journal = Journal::read(run / "journal", report.job_hash);
  report.files = journal.files().size();
  report.bytes = journal.bytes();
  report.samples = journal.samples().size();
  report.prefixes = journal.prefixes().size();
  report.attempts = journal.attempts().size();
  for (const JournalDamage& damage : journal.damage())
    report.problems.push_back(damage.file.string() + " at byte " + std::to_string(damage.offset) + ": " +
                              damage.what);
  for (const Journal::TornTail& tail : journal.torn_tails())
    report.notes.push_back(tail.file.string() + " at byte " + std::to_string(tail.offset) +
                           ": a torn tail of " + std::to_string(tail.bytes) +
                           " bytes, cut off: its writer was stopped there");
  try {
    static_cast<void>(journal.weights());
  } catch (const Error& error) {
    report.problems.emplace_back(error.what());
  }
  compare_results(run / "results.h5", journal, report);
  return report;
}

std::size_t export_samples(const std::filesystem::path& run, std::ostream& out) {
  const std::filesystem::path file = run / "results.h5";
  if (!std::filesystem::exists(file))
    throw InputError(file.string(), "the names of arms and problems",
                     "no such file: start the run's job again");
  const Journal journal = Journal::read(run / "journal", hash_of(read_keys(run)));
  const ResultsPlan plan = read_results(file).plan;
  static_cast<void>(count_samples(plan, journal));  // every sample is of this plan
  for (const Journal::Entry& entry : journal.samples()) {
    const SampleRecord sample = journal.load(entry);
    const nlohmann::ordered_json row = {{"arm", plan.arms[entry.id.arm].name},
                                        {"problem", plan.problems[entry.id.problem]},
                                        {"sample", entry.id.sample},
                                        {"verdict", name_of(sample.verdict)},
                                        {"finish", name_of(sample.finish)},
                                        {"answer", sample.answer},
                                        {"text", sample.text},
                                        {"logprob", sample.logprob},
                                        {"token_ids", sample.tokens},
                                        {"token_logprobs", sample.logprobs},
                                        {"device", device_of(journal.attempt_of(entry))}};
    out << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  }
  return journal.samples().size();
}

}  // namespace wisk::store
