// wisk: one program, a verb for each thing it does. Parsing, --help, the start of MPI and the one catch.

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <set>

#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/host.hpp>
#include <wisk/core/log.hpp>
#include <wisk/core/version.hpp>
#include <wisk/run/interrupt.hpp>

#include "verb.hpp"

namespace wisk::cli {

namespace {

std::vector<Verb> all_verbs() {
  std::vector<Verb> verbs;
  verbs.push_back(run_verb());
  verbs.push_back(plan_verb());
  verbs.push_back(show_verb());
  verbs.push_back(report_verb());
  verbs.push_back(status_verb());
  verbs.push_back(submit_verb());
  verbs.push_back(fsck_verb());
  verbs.push_back(merge_verb());
  verbs.push_back(generate_verb());
  verbs.push_back(score_verb());
  verbs.push_back(tokenize_verb());
  verbs.push_back(inspect_verb());
  return verbs;
}

void print_help(const std::vector<Verb>& verbs) {
  std::cout << "wisk " << version()
            << ": finds the blend of model checkpoints that reasons best, and at which k.\n\n"
            << "  wisk VERB [ARGUMENTS]       wisk VERB --help explains a verb\n"
            << "  mpirun -n R wisk run JOB    the same on R ranks\n\n";
  for (const Verb& verb : verbs)
    std::cout << "  " << verb.name << std::string(12 - verb.name.size(), ' ') << verb.summary << "\n";
  std::cout << "\n  --version   print the version\n"
            << "\nExit status: 0 done, 2 wrong usage, 3 bad input, 4 the machine failed (disk, memory, MPI), "
               "75 interrupted: run the\n"
               "same command again and it goes on.\n";
}

/// Names of positional arguments: they are options too, but not shown as such.
std::set<std::string> positional_names(const Verb& verb) {
  std::set<std::string> names;
  for (unsigned i = 0; i < std::min(verb.positional.max_total_count(), 8u); ++i)
    names.insert(verb.positional.name_for_position(i));
  return names;
}

void print_help(const Verb& verb) {
  po::options_description shown("Options");
  const std::set<std::string> hidden = positional_names(verb);
  for (const auto& option : verb.options.options()) {
    if (hidden.count(option->long_name()) == 0) shown.add(option);
  }
  std::cout << verb.synopsis << "\n\n" << verb.details << "\n\n" << shown << std::flush;
}

std::vector<std::string> option_names(const Verb& verb) {
  std::vector<std::string> names;
  for (const auto& option : verb.options.options()) names.push_back("--" + option->long_name());
  return names;
}

po::variables_map parse(const Verb& verb, const std::vector<std::string>& arguments) {
  po::variables_map values;
  try {
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments)
                  .options(verb.options)
                  .positional(verb.positional)
                  .style(style)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    throw UsageError("wisk " + verb.name + ": unknown option " + error.get_option_name() +
                     did_you_mean(error.get_option_name(), option_names(verb)) + "; see wisk " + verb.name +
                     " --help");
  } catch (const po::error& error) {
    throw UsageError("wisk " + verb.name + ": " + error.what() + "; see wisk " + verb.name + " --help");
  }
  return values;
}

/// What a message begins with on several ranks.
std::string rank_prefix(const comm::Communicator& world) {
  return world.size() == 1 ? "" : "[" + world.host() + ":" + std::to_string(world.rank()) + "] ";
}

int run(const Verb& verb, const std::vector<std::string>& arguments, std::string& prefix) {
  const po::variables_map values = parse(verb, arguments);
  std::optional<run::InterruptHandler> interrupts;
  if (verb.interruptible) interrupts.emplace();
  std::optional<comm::MpiSession> session;
  if (comm::launched_by_mpi()) session.emplace();
  const std::unique_ptr<comm::Communicator> world =
      session ? session->world() : comm::make_self_communicator();
  prefix = rank_prefix(*world);
  configure_log(LogLevel::kInfo, prefix);
  return verb.execute(values, *world);
}

int main_without_catch(const std::vector<std::string>& arguments, std::string& prefix) {
  std::vector<Verb> verbs = all_verbs();
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    print_help(verbs);
    return arguments.empty() ? static_cast<int>(ExitStatus::kUsage) : 0;
  }
  if (arguments[0] == "--version") {
    std::cout << "wisk " << version() << "\n";
    return 0;
  }
  const auto verb =
      std::find_if(verbs.begin(), verbs.end(), [&](const Verb& v) { return v.name == arguments[0]; });
  if (verb == verbs.end()) {
    std::vector<std::string> names;
    for (const Verb& v : verbs) names.push_back(v.name);
    throw UsageError("expected a verb of " + join(names, ", ") + ", found \"" + arguments[0] + "\"" +
                     did_you_mean(arguments[0], names));
  }
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  for (const std::string& argument : rest) {
    if (argument == "--help" || argument == "-h") {
      print_help(*verb);
      return 0;
    }
    if (argument == "--") break;
  }
  return run(*verb, rest, prefix);
}

/// This process's rank by the launcher's environment, before MPI has started: 0 for a lone process.
int launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* text = std::getenv(name)) return std::atoi(text);
  }
  return 0;
}

/// Prints the one line, in one write, and ends all ranks. What fails before MPI starts fails on every rank
/// alike: the first one says so.
int fail(const std::string& prefix, const std::string& message, ExitStatus status) {
  std::cout.flush();
  if (!prefix.empty() || launched_rank() == 0) {
    const std::string line = "wisk: " + prefix + message + "\n";
    std::fputs(line.c_str(), stderr);  // stderr is unbuffered: one write
  }
  if (!prefix.empty()) comm::abort_all(static_cast<int>(status));
  return static_cast<int>(status);
}

}  // namespace

}  // namespace wisk::cli

int main(int argc, char** argv) {
  ::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of write(), with a message
  using wisk::ExitStatus;
  std::string prefix;
  try {
    const int status = wisk::cli::main_without_catch({argv + 1, argv + argc}, prefix);
    std::cout.flush();
    if (!std::cout)
      throw wisk::EnvironmentError("standard output: expected to write, found it closed or full");
    return status;
  } catch (const wisk::Error& error) {
    return wisk::cli::fail(prefix, error.what(), error.status());
  } catch (const std::bad_alloc&) {
    return wisk::cli::fail(prefix, "memory: expected more, found none left on " + wisk::host_name(),
                           ExitStatus::kEnvironment);
  } catch (const std::exception& error) {
    return wisk::cli::fail(prefix, std::string("unexpected: ") + error.what(), ExitStatus::kEnvironment);
  }
}
