// wisk status: how runs are doing.

#include <iostream>

#include <wisk/core/error.hpp>
#include <wisk/report/status.hpp>

#include "verb.hpp"

namespace wisk::cli {

Verb status_verb() {
  Verb verb;
  verb.name = "status";
  verb.synopsis = "wisk status RUN... [--json]";
  verb.summary = "how a run is doing: running, killed, interrupted or complete; how far; how fast";
  verb.details =
      "Reads only small files of the run directory, so it works from a login node while the run goes on "
      "elsewhere. With --json\n"
      "one object a run.\n\n"
      "  wisk status runs/gsm8k";
  verb.options.add_options()("run", po::value<std::vector<std::string>>(), "run directories");
  verb.options.add_options()("json", "for machines");
  verb.options.add_options()("help,h", "this text");
  verb.positional.add("run", -1);
  verb.execute = [](const po::variables_map& options, comm::Communicator& world) {
    if (options.count("run") == 0) throw UsageError("status needs a run directory; see wisk status --help");
    if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
    for (const std::string& run : options["run"].as<std::vector<std::string>>()) {
      const report::Status status = report::status_of(run);
      std::cout << (options.count("json") != 0 ? report::status_json(status)
                                               : report::status_text(status, run));
    }
    std::cout.flush();
    return static_cast<int>(ExitStatus::kOk);
  };
  return verb;
}

}  // namespace wisk::cli
