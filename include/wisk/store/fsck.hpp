#pragma once
// Verifying everything that a run directory holds, and taking its samples out.

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include <wisk/store/journal.hpp>
#include <wisk/store/results.hpp>
#include <wisk/store/run_directory.hpp>

namespace wisk::store {

/// What a check of a run directory found. problems empty: all is well.
struct FsckReport {
  std::uint64_t job_hash = 0;
  std::size_t files = 0, samples = 0, prefixes = 0, attempts = 0;
  std::uint64_t bytes = 0;            ///< of the journals
  std::int64_t missing = -1;          ///< samples that the plan has and the journal has not; -1: unknown
  std::vector<std::string> notes;     ///< what is unusual and harmless
  std::vector<std::string> problems;  ///< damage, each with its place
};

/// Reads run.json, every record of every journal, and results.h5, and compares them. Changes nothing. Throws
/// InputError when `run` is no run directory or a journal is another job's.
FsckReport check_run(const std::filesystem::path& run);

/// One JSON object a finished sample and line, sorted by arm, problem and sample: arm, problem, sample,
/// verdict, finish, answer, text, logprob, token_ids, token_logprobs, device. Names of arms and problems come
/// from results.h5. Bytes that are no UTF-8 become U+FFFD. Returns the number of lines. Throws InputError
/// when there is no results.h5 to take the names from.
std::size_t export_samples(const std::filesystem::path& run, std::ostream& out);

}  // namespace wisk::store
