// `wisk run`: executes a job file.

#include <iostream>

#include <wisk/core/log.hpp>
#include <wisk/run/run_job.hpp>

#include "verb.hpp"

namespace wisk::cli {

Verb run_verb() {
  Verb verb;
  verb.name = "run";
  verb.synopsis = "wisk run JOB.yaml [--out DIR] [--set KEY=VALUE]...";
  verb.summary = "blend, sample, verify and reduce, as a job file says; resumes what was interrupted";
  verb.details =
      "Executes a job file (docs/job-file.md): blends the checkpoints of every arm in memory, samples "
      "completions of every\n"
      "problem, verifies them, and writes Pass@k tables to DIR/results.h5. Run the same command again after "
      "an interruption\n"
      "and it goes on where it stopped, with any number of ranks, to the same bytes.\n\n"
      "  wisk run jobs/demo/job.yaml --out runs/demo\n"
      "  mpirun -n 4 wisk run job.yaml --set decode.samples=16\n\n"
      "SIGTERM, SIGINT, SIGHUP, SIGUSR1 or SIGUSR2, sent to any rank, stop it in order, with exit status 75; "
      "`wisk show DIR` prints the "
      "tables.";
  verb.options.add_options()("job", po::value<std::string>(), "the job file");
  verb.options.add_options()("out", po::value<std::string>(),
                             "run directory (default: runs/NAME, NAME being the job's)");
  verb.options.add_options()("set", po::value<std::vector<std::string>>()->composing(),
                             "KEY=VALUE: sets a key of the job file, e.g. decode.samples=8; may be repeated");
  verb.options.add_options()(
      "allow-other-hardware",
      "go on although another kind of hardware sampled before; show, status and report say so");
  verb.options.add_options()("help,h", "this text");
  verb.positional.add("job", 1);
  verb.interruptible = true;
  verb.execute = [](const po::variables_map& values, comm::Communicator& world) {
    if (values.count("job") == 0)
      throw UsageError("wisk run: expected a job file, found none; see wisk run --help");
    run::RunRequest request;
    request.job_file = values["job"].as<std::string>();
    if (values.count("out") != 0) request.out = values["out"].as<std::string>();
    if (values.count("set") != 0) request.overrides = values["set"].as<std::vector<std::string>>();
    request.allow_other_hardware = values.count("allow-other-hardware") != 0;
    const run::RunOutcome outcome = run::run_job(request, world);
    if (world.rank() == 0) {
      log_info(outcome.complete ? "results in " + (outcome.directory / "results.h5").string() +
                                      "; wisk show " + outcome.directory.string() + " prints them"
                                : "interrupted; the same command goes on from here");
    }
    return static_cast<int>(outcome.complete ? ExitStatus::kOk : ExitStatus::kInterrupted);
  };
  return verb;
}

}  // namespace wisk::cli
