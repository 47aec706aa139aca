#pragma once
// The journal: every finished sample, durable, in append-only files of checksummed records
// (docs/results-format.md). It is the truth of a run; results.h5 is derived from it.

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <wisk/core/file.hpp>
#include <wisk/core/verdict.hpp>

namespace wisk::store {

/// Rows of the plan: arm of A, problem of P, sample of N.
struct SampleId {
  std::uint32_t arm, problem, sample;
  auto operator<=>(const SampleId&) const = default;
};

/// A finished sample.
struct SampleRecord {
  SampleId id{};
  Verdict verdict = Verdict::kWrong;
  FinishReason finish = FinishReason::kEndOfSequence;
  double logprob = 0;                ///< sum over its tokens, natural logarithm
  std::vector<std::int32_t> tokens;  ///< [T] generated token ids
  std::vector<float> logprobs;       ///< [T] of each token
  std::string answer;                ///< as extracted; bytes of the model
  std::string text;                  ///< the completion; bytes of the model, not always UTF-8
  bool operator==(const SampleRecord&) const = default;
};

/// What an unfinished sample had when the run was interrupted.
struct PrefixRecord {
  SampleId id{};
  std::vector<std::int32_t> tokens;  ///< [T]
  std::vector<float> logprobs;       ///< [T]
  bool operator==(const PrefixRecord&) const = default;
};

/// Appends to one file that it made itself, so no two writers and no two attempts ever share a file.
/// Owns the file; one thread. A record is one write(): after `kill -9` everything appended is there. After a
/// power loss, what was appended since the last sync may be missing; append and sync_if_due sync every 5 s.
class JournalWriter {
 public:
  /// Makes FOLDER/STEM-NNN.journal with the first free number. Throws EnvironmentError.
  JournalWriter(const std::filesystem::path& folder, const std::string& stem, std::uint64_t job_hash);

  /// Throws EnvironmentError naming the file (a full disk); the file then ends with its last whole record and
  /// appending may be tried again.
  void append(const SampleRecord& sample);
  void append(const PrefixRecord& prefix);
  /// The hash of the weights that an arm's samples were drawn with.
  void note_weights(std::uint32_t arm, std::uint64_t resident_hash);

  /// Puts everything appended on the disk (fdatasync).
  void sync();
  /// sync() when something was appended and the last sync is 5 s old: to be called when appending may pause.
  void sync_if_due();

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  void append_record(std::uint32_t type, const std::vector<std::byte>& payload);

  std::filesystem::path file_;
  FileDescriptor descriptor_;
  std::uint64_t job_hash_;
  std::uint64_t size_ = 0;  // bytes of whole records
  bool unsynced_ = false;
  std::chrono::steady_clock::time_point last_sync_;
};

/// A place in a journal that could not be read; the samples that stood there are absent.
struct JournalDamage {
  std::filesystem::path file;
  std::uint64_t offset;
  std::string what;
};

/// All journal files of a run, read back. Owns their mappings; const calls are thread-safe.
class Journal {
 public:
  struct Entry {
    SampleId id;
    Verdict verdict;
    FinishReason finish;
    std::uint32_t tokens;  ///< T
    double logprob;
    std::uint32_t file;    ///< index of its file
    std::uint64_t offset;  ///< of its record
  };

  /// Reads every *.journal of `folder` in the order of their names. A torn tail (what a killed writer leaves)
  /// is ignored; any other damage is listed in damage(), and reading goes on at the next whole record. Throws
  /// InputError when a file belongs to another job, is of a newer format, or the folder is missing.
  static Journal read(const std::filesystem::path& folder, std::uint64_t job_hash);

  /// Sorted by id, each id once. Of records with the same id the first one (by file name, then offset)
  /// counts; one that differs from it is damage.
  [[nodiscard]] const std::vector<Entry>& samples() const { return samples_; }
  [[nodiscard]] bool contains(const SampleId& id) const;
  /// The whole record of an entry of samples().
  [[nodiscard]] SampleRecord load(const Entry& entry) const;
  /// Of samples that are not finished, the longest prefix of each; sorted by id.
  [[nodiscard]] const std::vector<PrefixRecord>& prefixes() const { return prefixes_; }
  /// Arm -> hash of the weights it was sampled with.
  /// Throws InputError naming the arm and both places when two hashes were noted for one arm.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> weights() const;
  [[nodiscard]] const std::vector<JournalDamage>& damage() const { return damage_; }

 private:
  struct WeightsNote {
    std::uint32_t arm;
    std::uint64_t hash;
    std::uint32_t file;
    std::uint64_t offset;
  };

  void scan(std::uint32_t file, std::uint64_t job_hash);
  bool take(std::uint32_t file, std::uint64_t offset, std::string& what);
  void sort_samples();
  void keep_longest_prefixes();

  std::vector<MappedFile> files_;
  std::vector<Entry> samples_;
  std::vector<PrefixRecord> prefixes_;
  std::vector<WeightsNote> weights_;
  std::vector<JournalDamage> damage_;
};

}  // namespace wisk::store
