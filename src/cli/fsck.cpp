// wisk fsck: verifies a run directory.

#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/store/fsck.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

void print_text(const store::FsckReport& report) {
  std::cout << "job " << hex64(report.job_hash) << ": " << report.samples << " samples, " << report.prefixes
            << " unfinished ones, in " << report.files << (report.files == 1 ? " file, " : " files, ")
            << report.bytes << " bytes, of " << report.attempts
            << (report.attempts == 1 ? " writer" : " writers");
  if (report.missing >= 0) std::cout << "; " << report.missing << " samples still to draw";
  std::cout << "\n";
  for (const std::string& note : report.notes) std::cout << "note: " << note << "\n";
  for (const std::string& problem : report.problems) std::cout << "damage: " << problem << "\n";
  std::cout << (report.problems.empty()
                    ? "no damage\n"
                    : "damaged: what is lost is drawn again when the job runs again, to the same bytes\n");
}

void print_json(const store::FsckReport& report) {
  const nlohmann::ordered_json json = {
      {"job_hash", hex64(report.job_hash)},
      {"files", report.files},
      {"bytes", report.bytes},
      {"samples", report.samples},
      {"prefixes", report.prefixes},
      {"writers", report.attempts},
      {"missing", report.missing < 0 ? nlohmann::json(nullptr) : nlohmann::json(report.missing)},
      {"notes", report.notes},
      {"damage", report.problems}};
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

/// The samples into `file`, which appears whole or not at all; "-": standard output.
void export_to(const std::filesystem::path& run, const std::string& file) {
  if (file == "-") {
    store::export_samples(run, std::cout);
    return;
  }
  const std::filesystem::path temporary = file + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary);
    if (!out) throw EnvironmentError(temporary.string() + ": expected to write, could not open it");
    store::export_samples(run, out);
    out.flush();
    if (!out) throw EnvironmentError(temporary.string() + ": expected to write, found the disk full or gone");
  }
  sync_path(temporary);
  std::error_code error;
  std::filesystem::rename(temporary, file, error);
  if (error) throw EnvironmentError::from_errno(file, "rename into place", error.value());
}

int fsck(const po::variables_map& options, comm::Communicator& world) {
  if (options.count("run") == 0) throw UsageError("fsck needs a run directory; see wisk fsck --help");
  if (world.rank() != 0) return static_cast<int>(ExitStatus::kOk);
  const std::filesystem::path run = options["run"].as<std::string>();
  const bool to_stdout = options.count("export") != 0 && options["export"].as<std::string>() == "-";
  const store::FsckReport report = store::check_run(run);
  if (!to_stdout) options.count("json") != 0 ? print_json(report) : print_text(report);
  if (options.count("export") != 0) export_to(run, options["export"].as<std::string>());
  std::cout.flush();
  return static_cast<int>(report.problems.empty() ? ExitStatus::kOk : ExitStatus::kInput);
}

}  // namespace

Verb fsck_verb() {
  Verb verb;
  verb.name = "fsck";
  verb.synopsis = "wisk fsck RUN [--json] [--export FILE.jsonl]";
  verb.summary = "verifies everything in a run directory; takes its samples out as JSONL";
  verb.details =
      "Reads every record of every journal of RUN and compares results.h5 with them. Changes nothing, and "
      "may "
      "be used while the\n"
      "run is going. Damage is named with file and byte; the exit status is then 3. A torn tail, which a "
      "killed run leaves, is\n"
      "no damage.\n\n"
      "  wisk fsck runs/gsm8k\n"
      "  wisk fsck runs/gsm8k --export samples.jsonl     # one JSON object a finished sample";
  verb.options.add_options()("run", po::value<std::string>(), "run directory");
  verb.options.add_options()("json", "the report for machines");
  verb.options.add_options()("export", po::value<std::string>(),
                             "writes the finished samples; - is standard output");
  verb.options.add_options()("help,h", "this text");
  verb.positional.add("run", 1);
  verb.execute = fsck;
  return verb;
}

}  // namespace wisk::cli
