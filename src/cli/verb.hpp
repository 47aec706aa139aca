#pragma once
// A subcommand: its name, its options (Boost.Program_options) and what it does.

#include <boost/program_options.hpp>
#include <functional>
#include <string>

#include <wisk/comm/communicator.hpp>

namespace wisk::cli {

namespace po = boost::program_options;

struct Verb {
  std::string name;                 ///< "merge"
  std::string synopsis;             ///< "wisk merge --early A --late B --delta D --out DIR"
  std::string summary;              ///< one line for `wisk --help`
  std::string details;              ///< paragraphs for `wisk merge --help`, written for a stranger
  po::options_description options;  ///< named options
  po::positional_options_description positional;  ///< names of options that are hidden from the help
  std::function<int(const po::variables_map&, comm::Communicator& world)>
      execute;  ///< exit status; throws wisk::Error
  /// Signals ask it to stop (run::InterruptHandler) from before MPI starts until after it has ended.
  bool interruptible = false;
};

Verb run_verb();
Verb plan_verb();
Verb show_verb();
Verb report_verb();
Verb status_verb();
Verb submit_verb();
Verb fsck_verb();
Verb merge_verb();
Verb score_verb();
Verb generate_verb();
Verb tokenize_verb();
Verb inspect_verb();

}  // namespace wisk::cli
