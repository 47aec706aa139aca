#pragma once
// results.h5: the tables and samples of a run in HDF5 by the netCDF-4 conventions (docs/results-format.md).

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <wisk/stats/counts.hpp>
#include <wisk/stats/interval.hpp>
#include <wisk/stats/samples.hpp>
#include <wisk/store/journal.hpp>

namespace wisk::store {

/// One arm: a recipe with a decoding setting.
struct ArmColumns {
  std::string name;             ///< unique in the run
  std::string recipe_in_words;  ///< "0.25 x step-112 (early) + 0.75 x step-1120 (late)"
  double delta = std::numeric_limits<double>::quiet_NaN();  ///< weight of early; NaN: not the two-way form
  double step =
      std::numeric_limits<double>::quiet_NaN();  ///< training step of a trajectory's checkpoint; NaN: none
  double temperature = 1, top_p = 1, min_p = 0;
  std::int64_t top_k = 0, max_tokens = 0;
  std::int64_t samples = 0;        ///< N, samples of each problem when the run is complete
  std::uint64_t weights_hash = 0;  ///< of the resident weights; 0 while unknown
  std::uint32_t sampled_as =
      0;  ///< index of the arm whose samples it shares; its own unless weights and decoding agree
  std::string early, late;  ///< names of the two checkpoints that delta is between; "" for other recipes
};

/// Where results come from.
struct Provenance {
  std::string name, version, job_yaml;
  std::uint64_t seed = 0;
  std::vector<std::string> hosts;
  std::vector<std::pair<std::string, std::string>> input_sha256;  ///< file and SHA-256 in hexadecimal
  std::string task;                                               ///< its name
};

/// What is known of the problems besides their ids: [P] each, or empty where it was not noted.
struct ProblemColumns {
  std::vector<std::string> question, gold;
  std::vector<std::string> split;  ///< "choose", "report" or "" (on neither side); empty: no split
  std::vector<std::pair<std::string, std::vector<std::string>>>
      fields;  ///< further fields of the task's rows, "" where a row has none
};

/// What a run is to give, apart from its samples.
struct ResultsPlan {
  Provenance provenance;
  std::vector<ArmColumns> arms;       ///< [A]
  std::vector<std::string> problems;  ///< [P] ids
  ProblemColumns about;
  std::vector<std::int64_t> k;  ///< [K]
};

/// Counts of the journal's samples; an arm that shares another's samples has that arm's counts.
/// Throws InputError when a sample is not of this plan.
stats::Counts count_samples(const ResultsPlan& plan, const Journal& journal);

/// The rows of arms that share another's samples filled from that arm's: what ranks that counted only what
/// they sampled call after their all-reduce, to compare with count_samples.
stats::Counts with_shared_arms(const ResultsPlan& plan, const stats::Counts& sampled);

/// The journal's samples as columns. Reads every record once. Throws as count_samples.
stats::Samples columns_of(const ResultsPlan& plan, const Journal& journal);

/// Writes `file` under a temporary name, syncs it and renames it. The same plan and samples give the same
/// bytes, however the samples are spread over journal files. `reduced`: counts that the ranks added up
/// themselves, to be compared with the journal's; may be null. Throws InputError when a sample is not of this
/// plan, or k exceeds an arm's samples; EnvironmentError when the file cannot be written, or when journal and
/// `reduced` disagree.
void write_results(const std::filesystem::path& file, const ResultsPlan& plan, const Journal& journal,
                   const stats::Counts* reduced = nullptr);

/// The tables of a results file, without its samples.
struct Results {
  ResultsPlan plan;
  std::vector<std::int64_t> n, c, truncated;  ///< [A, P] samples, correct ones, ones that reached max_tokens
  std::vector<std::int64_t> verdicts;         ///< [A, kVerdicts]
  std::vector<double> mean_tokens;            ///< [A]; NaN without samples
  std::vector<stats::Estimate> pass_at_k;     ///< [A, K]; NaN where a problem has fewer than k samples
  std::string interval_method;
  HardwareCounts hardware;           ///< which kinds drew the samples; empty without samples
  std::int64_t missing_samples = 0;  ///< not drawn yet, over the arms that are drawn; 0: the run is complete

  [[nodiscard]] const stats::Estimate& pass(std::size_t arm, std::size_t k_index) const {
    return pass_at_k[arm * plan.k.size() + k_index];
  }
};

/// The samples of a results file as columns, checked against its counts. `results`: of the same file. Throws
/// InputError, also when the file was written before samples had these columns (start its job again).
stats::Samples read_samples(const std::filesystem::path& file, const Results& results);

/// What a sample said.
struct SampleText {
  std::string answer, text;
};
/// Of `rows` (ascending) of the group `samples`; texts are cut after `most_bytes`.
std::vector<SampleText> read_sample_texts(const std::filesystem::path& file,
                                          std::span<const std::size_t> rows, std::size_t most_bytes);

/// Reads and checks a results file. Throws InputError when it is none, of a newer format, or its shapes or
/// counts do not fit together.
Results read_results(const std::filesystem::path& file);

}  // namespace wisk::store
