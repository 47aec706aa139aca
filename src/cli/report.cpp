// wisk report: one page with pictures.

#include <iostream>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/report/page.hpp>
#include <wisk/report/page_data.hpp>

#include "analysis_options.hpp"

namespace wisk::cli {
namespace {

constexpr std::size_t kMostTextBytes = 4000;

int make_report(const po::variables_map& options, comm::Communicator& world) {
  const int each = options["samples"].as<int>();
  if (each < 0) throw UsageError("--samples: expected 0 or more, found " + std::to_string(each));
  if (options.count("out") == 0) throw UsageError("-o FILE is needed: where the page goes");
  if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
  const std::vector<report::LoadedRun> runs = load_runs(options);
  if (options.count("other-problems") == 0) report::check_same_problems(runs);
  std::vector<report::PageRun> pages;
  std::vector<std::string> names;
  for (const report::LoadedRun& run : runs) {
    pages.push_back({report::analyse(run.results, run.samples, analysis_options(options, run)),
                     report::shown_samples(run.file, run.results, run.samples, static_cast<std::size_t>(each),
                                           kMostTextBytes)});
    names.push_back(run.results.plan.provenance.name);
  }
  const std::string title =
      options.count("title") > 0 ? options["title"].as<std::string>() : "Pass@k of " + join(names, ", ");
  const std::string out = options["out"].as<std::string>();
  replace_file(out, report::page_of(title, report::page_data(title, pages)));
  std::cout << out << std::endl;
  return static_cast<int>(ExitStatus::kOk);
}

}  // namespace

Verb report_verb() {
  Verb verb;
  verb.name = "report";
  verb.synopsis = "wisk report RUN [RUN...] -o FILE.html [--samples N]";
  verb.summary = "a page with the pictures and tables of a run, in one file that can be mailed";
  verb.details =
      "Writes one HTML file that needs no network: Pass@k over delta and over k, the trajectory, Pass@1 "
      "against "
      "Pass@k, bias and variance, differences from the baseline, a map of problems and arms with their "
      "samples, "
      "and every number as a table and CSV. RUN is a run directory or its results.h5. Several runs stand "
      "side by "
      "side; they must have the same problems unless --other-problems says that they are not compared.\n\n"
      "Examples:\n"
      "  wisk report runs/gsm8k -o gsm8k.html\n"
      "  wisk report runs/qwen runs/gemma -o both.html --samples 0     small: without texts";
  verb.options.add_options()("out,o", po::value<std::string>()->value_name("FILE"), "the page")(
      "samples", po::value<int>()->default_value(4)->value_name("N"),
      "samples of each arm and problem whose texts are in the page; 0: none")(
      "title", po::value<std::string>()->value_name("TEXT"), "heading of the page")(
      "other-problems", "the runs may have different problems");
  add_analysis_options(verb);
  verb.execute = make_report;
  return verb;
}

}  // namespace wisk::cli
