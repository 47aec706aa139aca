// wisk plan: what a job comes to, and how sure its numbers will be, before it runs.

#include <cmath>
#include <iostream>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/runs.hpp>
#include <wisk/report/table.hpp>
#include <wisk/run/outline.hpp>
#include <wisk/stats/prediction.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

struct Supposed {
  std::string words;
  stats::DifficultyFit fit;
};

/// What is supposed of the problems where no earlier run says how hard they are.
std::vector<Supposed> usual_difficulties() {
  return {{"all alike, Pass@1 near 0.5", {0.0, 20, 20, 0, true}},
          {"spread evenly from 0 to 1", {0.0, 1, 1, 0, true}},
          {"either easy or hard", {0.0, 0.3, 0.3, 0, true}},
          {"hard: 30 % never, the rest seldom", {0.3, 0.5, 3, 0, true}}};
}

/// The difficulties that an earlier run's arms had.
std::vector<Supposed> difficulties_of(const std::string& path) {
  const report::LoadedRun run = report::load_run(path);
  const store::Results& results = run.results;
  const std::size_t problems = results.plan.problems.size();
  std::vector<Supposed> all;
  for (std::size_t arm = 0; arm < results.plan.arms.size(); ++arm) {
    if (results.plan.arms[arm].sampled_as != arm) continue;
    const auto fit = stats::fit_difficulty(std::span(results.n).subspan(arm * problems, problems),
                                           std::span(results.c).subspan(arm * problems, problems));
    if (!std::isnan(fit.zero_share))
      all.push_back({"as " + report::printable(results.plan.arms[arm].name), fit});
  }
  if (all.empty()) throw InputError(path, "a run with samples", "none");
  return all;
}

std::string widths(const run::Outline& outline, const std::vector<Supposed>& supposed, std::int64_t problems) {
  std::vector<std::string> heads = {"if problems are"};
  for (const std::int64_t k : outline.k) heads.push_back(fmt::format("Pass@{}", k));
  report::Table table(heads);
  std::int64_t samples = outline.arms.front().samples;
  for (const run::OutlineArm& arm : outline.arms) samples = std::min(samples, arm.samples);
  for (const auto& [words, fit] : supposed) {
    std::vector<std::string> cells = {words};
    for (const std::int64_t k : outline.k) {
      cells.push_back(fmt::format("{:.1f} +-{:.1f}", 100 * stats::predicted_pass_at_k(fit, k),
                                  100 * stats::expected_half_width(fit, problems, samples, k)));
    }
    table.add_row(cells);
  }
  const std::size_t width = report::terminal_width();
  return report::wrapped(fmt::format("Expected Pass@k in % and half width of its 95 % interval, {} problems x {} "
                                     "samples (a prediction; a paired difference of two arms is narrower)",
                                     problems, samples),
                         width, 0) +
         table.text(width);
}

std::string arms(const run::Outline& outline) {
  report::Table table({"arm", "samples", "recipe"});
  for (const run::OutlineArm& arm : outline.arms) {
    table.add_row({report::printable(arm.name),
                   arm.sampled_as.empty() ? std::to_string(arm.samples) : "-",
                   arm.sampled_as.empty() ? report::printable(arm.recipe)
                                          : "the same samples as " + report::printable(arm.sampled_as)});
  }
  return table.text(report::terminal_width());
}

int plan(const po::variables_map& options, comm::Communicator& world) {
  if (options.count("job") == 0) throw UsageError("wisk plan: expected a job file, found none");
  if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
  std::vector<std::string> sets;
  if (options.count("set") > 0) sets = options["set"].as<std::vector<std::string>>();
  const run::Outline outline = run::outline_of(options["job"].as<std::string>(), sets);
  std::int64_t problems = outline.problems;
  if (options.count("problems") > 0) problems = options["problems"].as<std::int64_t>();
  if (problems < 1) throw UsageError("--problems: expected at least 1, found " + std::to_string(problems));
  std::cout << fmt::format("{}: {} arms x {} problems of {}", report::printable(outline.name),
                           outline.arms.size(), outline.problems, report::printable(outline.task));
  if (outline.choose > 0)
    std::cout << fmt::format(" ({} to choose by, {} to report on)", outline.choose, outline.report);
  if (outline.skipped_golds > 0)
    std::cout << fmt::format(", {} left out: their gold is no number", outline.skipped_golds);
  std::cout << fmt::format(
      "\n{} cells to sample, {} samples, at most {} tokens; {} tokens of context; {:.2f} GiB a rank\n\n",
      outline.cells, outline.samples, outline.most_tokens, outline.longest,
      static_cast<double>(outline.memory_of_rank) / (1 << 30));
  std::cout << arms(outline) << '\n'
            << widths(outline,
                      options.count("like") > 0 ? difficulties_of(options["like"].as<std::string>())
                                                : usual_difficulties(),
                      problems)
            << std::flush;
  return static_cast<int>(ExitStatus::kOk);
}

}  // namespace

Verb plan_verb() {
  Verb verb;
  verb.name = "plan";
  verb.synopsis = "wisk plan JOB.yaml [--like RUN] [--problems P] [--set KEY=VALUE]...";
  verb.summary = "what a job comes to, and how sure its numbers will be, before it runs";
  verb.details =
      "Reads the job, its task and the checkpoints' headers, nothing else: arms and which of them share samples, "
      "cells, samples, tokens at most, memory of a rank, and the width of the intervals to expect for so many "
      "problems and samples. That depends on how hard the problems are: some cases are supposed, or those of an "
      "earlier run are taken (--like).\n\n"
      "Examples:\n"
      "  wisk plan job.yaml\n"
      "  wisk plan job.yaml --like runs/gsm8k --problems 30 --set decode.samples=256";
  verb.options.add_options()("like", po::value<std::string>()->value_name("RUN"),
                             "a run whose problems are about as hard")(
      "problems", po::value<std::int64_t>()->value_name("P"), "suppose so many problems")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE"), "override a key of the job");
  verb.options.add_options()("job", po::value<std::string>()->value_name("JOB"), "job file");
  verb.positional.add("job", 1);
  verb.execute = plan;
  return verb;
}

}  // namespace wisk::cli
