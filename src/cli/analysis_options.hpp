#pragma once
// Options that `show` and `report` share: what to compute, and against what.

#include <sstream>
#include <string>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/report/analysis.hpp>
#include <wisk/report/runs.hpp>

#include "verb.hpp"

namespace wisk::cli {

/// The numbers of a list such as "1,4,16". Throws UsageError naming the option.
template <class T>
std::vector<T> numbers_of(const std::string& option, const std::string& list) {
  std::vector<T> numbers;
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    std::istringstream one(item);
    T number{};
    if (!(one >> number) || !(one >> std::ws).eof())
      throw UsageError(option + " " + list + ": expected numbers with commas between them, found \"" + item +
                       "\"");
    numbers.push_back(number);
  }
  if (numbers.empty()) throw UsageError(option + ": expected numbers with commas between them, found none");
  return numbers;
}

/// Adds them to `verb`, and RUN... as its positional arguments.
void add_analysis_options(Verb& verb);

/// The runs that were named, each with its own samples. Throws UsageError when there is none.
std::vector<report::LoadedRun> load_runs(const po::variables_map& options);

/// What the options ask for. A score file is read for `run`. Throws UsageError, InputError.
report::AnalysisOptions analysis_options(const po::variables_map& options, const report::LoadedRun& run);

}  // namespace wisk::cli
