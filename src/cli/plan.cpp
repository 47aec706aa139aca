// wisk plan: what a job comes to, and how sure its numbers will be, before it runs.

#include <iostream>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/expectation.hpp>
#include <wisk/report/runs.hpp>
#include <wisk/report/table.hpp>
#include <wisk/run/outline.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

std::string arms(const run::Outline& outline) {
  report::Table table({"arm", "samples", "recipe"});
  for (const run::OutlineArm& arm : outline.arms) {
    table.add_row({report::printable(arm.name), arm.sampled_as.empty() ? std::to_string(arm.samples) : "-",
                   arm.sampled_as.empty() ? report::printable(arm.recipe)
                                          : "the same samples as " + report::printable(arm.sampled_as)});
  }
  return table.text(report::terminal_width());
}

/// "5.20 GiB of host memory", by the hardware that the job asks for; where that is not known, of both.
std::string memory(const run::Outline& outline) {
  const auto gibibytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 30); };
  const std::string on_cpu = fmt::format("{:.2f} GiB of host memory", gibibytes(outline.on_cpu.host));
  const std::string on_gpu = fmt::format("{:.2f} GiB of GPU memory and {:.2f} GiB of host memory",
                                         gibibytes(outline.on_gpu.gpu), gibibytes(outline.on_gpu.host));
  if (outline.device == run::DeviceChoice::kCpu) return on_cpu;
  if (outline.device == run::DeviceChoice::kCuda) return on_gpu;
  return on_cpu + " on the CPU, " + on_gpu + " on a GPU";
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
      "\n{} cells to sample, {} samples, at most {} tokens; {} tokens of context\na rank needs about {}\n\n",
      outline.cells, outline.samples, outline.most_tokens, outline.longest, memory(outline));
  std::int64_t samples = outline.arms.front().samples;
  for (const run::OutlineArm& arm : outline.arms) samples = std::min(samples, arm.samples);
  const auto supposed = options.count("like") > 0
                            ? report::difficulties_of(report::load_run(options["like"].as<std::string>()))
                            : report::usual_difficulties();
  std::cout << arms(outline) << '\n'
            << report::expected_widths(supposed, problems, samples, outline.k, report::terminal_width())
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
      "Reads the job, its task and the checkpoints' headers, nothing else: arms and which of them share "
      "samples, "
      "cells, samples, tokens at most, memory of a rank (host or GPU, as engine.device says), and the width "
      "of the intervals to expect for so "
      "many "
      "problems and samples. That depends on how hard the problems are: some cases are supposed, or those of "
      "an "
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
