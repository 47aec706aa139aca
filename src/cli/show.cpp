// wisk show: the tables of a run.

#include <filesystem>
#include <iostream>

#include <wisk/core/error.hpp>
#include <wisk/report/show.hpp>
#include <wisk/report/table.hpp>
#include <wisk/store/results.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

/// The results file of a run directory, or the file itself.
std::filesystem::path results_of(const std::filesystem::path& run) {
  if (!std::filesystem::is_directory(run)) return run;
  std::filesystem::path file = run / "results.h5";
  if (!std::filesystem::exists(file)) {
    throw InputError(
        run.string(), "a run directory with results.h5",
        "no results yet: they are written when the run ends or is interrupted (a killed run: start its job "
        "again)");
  }
  return file;
}

int show(const po::variables_map& options, comm::Communicator& world) {
  const bool json = options.count("json") > 0;
  const bool csv = options.count("csv") > 0;
  if (json && csv) throw UsageError("--json and --csv exclude each other");
  if (options.count("run") == 0) throw UsageError("show needs a run directory or a results.h5");
  if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
  const store::Results results = store::read_results(results_of(options["run"].as<std::string>()));
  const report::Comparison comparison =
      report::compare(results, options.count("baseline") > 0 ? options["baseline"].as<std::string>() : "");
  std::cout << (json  ? report::show_json(results, comparison)
                : csv ? report::show_csv(results, comparison)
                      : report::show_text(results, comparison, report::terminal_width()))
            << std::flush;
  if (!std::cout) throw EnvironmentError("stdout: the tables could not be written");
  return static_cast<int>(ExitStatus::kOk);
}

}  // namespace

Verb show_verb() {
  Verb verb;
  verb.name = "show";
  verb.synopsis = "wisk show RUN [--json | --csv] [--baseline ARM]";
  verb.summary = "the tables of a run: Pass@k of every arm, with intervals and differences";
  verb.details =
      "Prints what a run found: what each arm is in words, its Pass@k with 95 % intervals, how its samples "
      "ended, and "
      "the differences from a baseline arm over the same problems. RUN is a run directory or its results.h5; "
      "a run that "
      "was interrupted is shown as far as it went.\n\n"
      "The baseline is the first arm with delta 0 (the late checkpoint) unless --baseline names another.\n\n"
      "Examples:\n"
      "  wisk show runs/gsm8k\n"
      "  wisk show runs/gsm8k --baseline delta=0.25\n"
      "  wisk show runs/gsm8k --csv > gsm8k.csv      one row an arm and k\n"
      "  wisk show runs/gsm8k --json | jq '.arms[0].pass_at_k'";
  verb.options.add_options()("json", "print one JSON object")("csv", "print CSV, one row an arm and k")(
      "baseline", po::value<std::string>()->value_name("ARM"), "the arm that the others are compared with");
  verb.options.add_options()("run", po::value<std::string>()->value_name("RUN"),
                             "run directory or results.h5");
  verb.positional.add("run", 1);
  verb.execute = show;
  return verb;
}

}  // namespace wisk::cli
