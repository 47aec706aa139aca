// wisk submit: a job file into Slurm's queue.

#include <filesystem>
#include <iostream>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>
#include <wisk/run/submit.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

/// slurm/run.sbatch of the installation (share/wisk) or of the source tree that this program was built in.
std::filesystem::path find_script(const std::filesystem::path& program) {
  const std::filesystem::path folder = program.parent_path();
  for (const char* place : {"../share/wisk/slurm/run.sbatch", "../../../slurm/run.sbatch"}) {
    std::error_code error;
    const std::filesystem::path file = std::filesystem::canonical(folder / place, error);
    if (!error) return file;
  }
  throw InputError("--script", "slurm/run.sbatch", "none beside " + program.string() + ": say where it is");
}

std::string text_of(const po::variables_map& options, const char* name) {
  return options.count(name) != 0 ? options[name].as<std::string>() : "";
}

run::SubmitRequest request_of(const po::variables_map& options) {
  if (options.count("job") == 0)
    throw UsageError("wisk submit: expected a job file, found none; see wisk submit --help");
  run::SubmitRequest request;
  request.job_file = options["job"].as<std::string>();
  request.out = text_of(options, "out");
  if (options.count("set") != 0) request.overrides = options["set"].as<std::vector<std::string>>();
  request.program = std::filesystem::read_symlink("/proc/self/exe");
  const std::string script = text_of(options, "script");
  request.script = script.empty() ? find_script(request.program) : std::filesystem::path(script);
  request.nodes = options["nodes"].as<int>();
  request.tasks_per_node = options["ntasks-per-node"].as<int>();
  request.cpus_per_task = options["cpus-per-task"].as<int>();
  if (request.nodes < 1 || request.tasks_per_node < 0 || request.cpus_per_task < 0)
    throw UsageError("wisk submit: expected at least one node, and counts that are not negative");
  request.time = text_of(options, "time");
  request.memory = text_of(options, "mem");
  request.partition = text_of(options, "partition");
  if (options.count("sbatch") != 0) request.options = options["sbatch"].as<std::vector<std::string>>();
  return request;
}

int submit(const po::variables_map& options, comm::Communicator& world) {
  if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
  const run::Submission submission = run::plan_submission(request_of(options));
  log_info(fmt::format("{} samples, at most {} tokens, about {:.1f} h on these cores; {:.1f} GiB a node",
                       submission.samples, submission.tokens, submission.hours,
                       static_cast<double>(submission.memory_per_node) / (1 << 30)));
  if (options.count("dry-run") != 0) {
    if (!submission.existing.empty()) log_info("in the queue already: " + submission.existing);
    if (submission.complete) log_info("this run is complete already");
    std::cout << run::shell_line(submission.command) << std::endl;
  } else if (!submission.existing.empty()) {
    log_info("in the queue already, nothing submitted: " + submission.existing);
    std::cout << submission.existing.substr(0, submission.existing.find(' ')) << std::endl;
  } else if (submission.complete) {
    log_info("this run is complete already, nothing submitted");
  } else {
    std::cout << run::submit(submission) << std::endl;
  }
  return static_cast<int>(ExitStatus::kOk);
}

}  // namespace

Verb submit_verb() {
  Verb verb;
  verb.name = "submit";
  verb.synopsis = "wisk submit JOB.yaml [--out DIR] [--set KEY=VALUE]... [--dry-run]";
  verb.summary = "submits a job file to Slurm, with what its sizes ask for; once, however often it is called";
  verb.details =
      "Writes the sbatch line for slurm/run.sbatch: ranks, cores, memory and time follow from the job's "
      "sizes "
      "unless given.\n"
      "Prints the id of the Slurm job. While a job for the same run directory is queued or runs, or when the "
      "run is complete,\n"
      "nothing is submitted. A job that is interrupted requeues itself and goes on.\n\n"
      "  wisk submit job.yaml --out runs/gsm8k --dry-run\n"
      "  wisk submit job.yaml --out runs/gsm8k --nodes 4 --partition cpu --sbatch=--account=nlp";
  auto add = verb.options.add_options();
  add("job", po::value<std::string>(), "the job file");
  add("out", po::value<std::string>(), "run directory (default: runs/NAME, NAME being the job's)");
  add("set", po::value<std::vector<std::string>>()->composing(), "KEY=VALUE: sets a key of the job file");
  add("dry-run", "prints the line instead of submitting it");
  add("nodes", po::value<int>()->default_value(1), "nodes");
  add("ntasks-per-node", po::value<int>()->default_value(0), "ranks a node; 0: those of one replica");
  add("cpus-per-task", po::value<int>()->default_value(0), "cores a rank; 0: a node's cores among its ranks");
  add("time", po::value<std::string>(), "time limit (default: estimated; a run that reaches it goes on)");
  add("mem", po::value<std::string>(), "memory a node (default: from the model's size)");
  add("partition", po::value<std::string>(), "partition");
  add("script", po::value<std::string>(), "run.sbatch (default: the one that came with this wisk)");
  add("sbatch", po::value<std::vector<std::string>>()->composing(),
      "an option handed to sbatch as it is; may be repeated");
  add("help,h", "this text");
  verb.positional.add("job", 1);
  verb.execute = submit;
  return verb;
}

}  // namespace wisk::cli
