// wisk show: the tables of a run, or of several.

#include <algorithm>
#include <cmath>
#include <iostream>

#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>
#include <wisk/report/show.hpp>
#include <wisk/report/table.hpp>

#include "analysis_options.hpp"

namespace wisk::cli {
namespace {

/// What a reader must know, for tables that have no place for it: on stderr.
void tell(const std::string& of, const std::vector<std::string>& warnings) {
  for (const std::string& line : warnings) log_warning(report::printable(of) + ": " + line);
}

/// Takes out of the parts' warnings what all of them say: it is of the whole run.
std::vector<std::string> take_common(std::vector<std::vector<std::string>>& parts) {
  std::vector<std::string> common = parts.empty() ? std::vector<std::string>{} : parts.front();
  for (const auto& part : parts)
    std::erase_if(common,
                  [&](const std::string& line) { return std::ranges::find(part, line) == part.end(); });
  for (auto& part : parts)
    std::erase_if(part,
                  [&](const std::string& line) { return std::ranges::find(common, line) != common.end(); });
  return common;
}

std::string pooled(const po::variables_map& options, const std::vector<report::LoadedRun>& runs) {
  std::vector<double> weights(runs.size(), 1.0);
  if (options.count("weights") > 0)
    weights = numbers_of<double>("--weights", options["weights"].as<std::string>());
  const bool positive = std::all_of(weights.begin(), weights.end(),
                                    [](double weight) { return weight > 0 && std::isfinite(weight); });
  if (weights.size() != runs.size() || !positive) {
    throw UsageError("--weights: expected " + std::to_string(runs.size()) +
                     " numbers above 0, one for each run, found " + std::to_string(weights.size()));
  }
  std::vector<report::Analysis> analyses;
  for (const report::LoadedRun& run : runs) {
    analyses.push_back(report::analyse(run.results, run.samples, analysis_options(options, run)));
    tell(report::run_name(run), analyses.back().warnings);
  }
  return report::pooled_text(runs, analyses, weights, report::terminal_width());
}

/// A table for each value of a field.
std::string tables_by(const po::variables_map& options, const report::LoadedRun& run,
                      const report::AnalysisOptions& asked) {
  const std::string field = options["by"].as<std::string>();
  const auto parts = report::analyse_by(run.results, run.samples, asked, field);
  if (options.count("json") > 0) return report::show_json(field, parts);
  std::vector<std::vector<std::string>> warnings;
  for (const auto& [value, part] : parts) warnings.push_back(part.warnings);
  tell(report::run_name(run), take_common(warnings));
  const auto title = [&](std::size_t part) { return field + " = " + parts[part].first; };
  for (std::size_t i = 0; i < parts.size(); ++i) tell(title(i), warnings[i]);
  if (options.count("csv") > 0) return report::show_csv(field, parts);
  const std::size_t width = report::terminal_width();
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) text += report::show_part(parts[i].second, title(i), width);
  return text;
}

std::string tables(const po::variables_map& options, const report::LoadedRun& run) {
  const report::AnalysisOptions asked = analysis_options(options, run);
  if (options.count("by") > 0) return tables_by(options, run, asked);
  const std::size_t width = report::terminal_width();
  const report::Analysis analysis = report::analyse(run.results, run.samples, asked);
  if (options.count("json") > 0) return report::show_json(analysis);
  const bool csv = options.count("csv") > 0, compare = options.count("compare") > 0;
  if (csv || compare) tell(report::run_name(run), analysis.warnings);
  if (csv) return report::show_csv(analysis);
  if (compare) return report::show_pair(analysis, options["compare"].as<std::string>(), width);
  return report::show_text(analysis, width);
}

int show(const po::variables_map& options, comm::Communicator& world) {
  std::vector<std::string> forms;
  for (const char* form : {"json", "csv", "compare", "pool"}) {
    if (options.count(form) > 0) forms.push_back("--" + std::string(form));
  }
  for (const char* form : {"compare", "pool"}) {
    if (options.count("by") > 0 && options.count(form) > 0) forms = {"--by", "--" + std::string(form)};
  }
  if (forms.size() > 1) throw UsageError(join(forms, " and ") + " exclude each other");
  if (options.count("weights") > 0 && options.count("pool") == 0)
    throw UsageError("--weights needs --pool, which says that the runs are different tasks");
  if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
  std::vector<report::LoadedRun> runs = load_runs(options);
  std::cout << (options.count("pool") > 0 ? pooled(options, runs)
                                          : tables(options, report::joined(std::move(runs))))
            << std::flush;
  if (!std::cout) throw EnvironmentError("stdout: the tables could not be written");
  return static_cast<int>(ExitStatus::kOk);
}

}  // namespace

Verb show_verb() {
  Verb verb;
  verb.name = "show";
  verb.synopsis =
      "wisk show RUN [RUN...] [--json | --csv | --by FIELD | --compare ARM | --pool] [--baseline ARM]";
  verb.summary = "the tables of a run: Pass@k of every arm, with intervals, differences and more";
  verb.details =
      "Prints what a run found: what each arm is in words; Pass@k, majority, Best@k and distinct answers "
      "with "
      "intervals; differences from a baseline arm over the same problems with p-values; the honest choice of "
      "an "
      "arm where the task has a split; mixtures of early and late at equal budget; how the samples ended; "
      "and, "
      "marked as such, predictions. docs/statistics.md says how each number is computed. RUN is a run "
      "directory or "
      "its results.h5; a run that was interrupted is shown as far as it went. Several runs over the same "
      "problems "
      "are shown as one; over different tasks they are pooled (--pool).\n\n"
      "The baseline is the first arm with delta 0 (the late checkpoint) unless --baseline names another.\n\n"
      "Examples:\n"
      "  wisk show runs/gsm8k\n"
      "  wisk show runs/gsm8k --compare delta=0.5 --baseline delta=0.25      two arms\n"
      "  wisk show runs/math --by level                        a table for each value of a field\n"
      "  wisk show runs/gsm8k runs/math --pool --weights 1,2   means over tasks\n"
      "  wisk show runs/gsm8k --metric majority_at_k --level 0.9\n"
      "  wisk show runs/gsm8k --csv > gsm8k.csv                one row an arm and k\n"
      "  wisk show runs/gsm8k --json | jq '.arms[0].pass_at_k'";
  verb.options.add_options()("json", "print one JSON object")("csv", "print CSV, one row an arm and k")(
      "by", po::value<std::string>()->value_name("FIELD"),
      "a table for each value of a field of the problems")(
      "compare", po::value<std::string>()->value_name("ARM"), "only this arm against the baseline")(
      "pool", "the runs are different tasks: means over them")(
      "weights", po::value<std::string>()->value_name("W,W,..."), "weights of the tasks (default: equal)");
  add_analysis_options(verb);
  verb.execute = show;
  return verb;
}

}  // namespace wisk::cli
