#pragma once
// The journal: every finished sample, durable, in append-only files of checksummed records
// (docs/journal-format.md). It is the truth of a run; results.h5 is derived from it.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
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
  std::string device = {};  ///< kind of hardware that drew it: of a record that was read; "" where not noted
  bool operator==(const PrefixRecord&) const = default;
};

/// One writer's start: by whom and where the samples of its file were made. Keys and values in order; the key
/// "device" says what kind of hardware computed.
using AttemptRecord = std::vector<std::pair<std::string, std::string>>;

/// The value of a key; empty where there is none.
std::string value_of(const AttemptRecord& attempt, std::string_view key);
/// Its kind of hardware; "unknown" where it was not noted.
std::string device_of(const AttemptRecord& attempt);

/// When a record is on the disk, and what happens when it does not fit there.
struct Durability {
  /// fdatasync before append() returns, so that a power loss takes no finished sample. Otherwise a thread
  /// syncs every `sync_seconds`: a power loss takes at most what was appended in that time and in one sync.
  bool strict = false;
  double sync_seconds = 5;
  /// A full disk or quota is waited for so long, until somebody makes room; then append() throws.
  double patience_seconds = 60;
  std::function<bool()> give_up;  ///< ends that waiting at once (a signal); may be empty
};

/// Appends to one file that it made itself, so no two writers and no two attempts ever share a file.
/// Owns the file and the syncing thread; one thread calls. A record is one write(): after `kill -9`
/// everything appended is there.
class JournalWriter {
 public:
  /// Makes FOLDER/STEM-NNN.journal with the first free number. Throws EnvironmentError.
  JournalWriter(const std::filesystem::path& folder, const std::string& stem, std::uint64_t job_hash,
                Durability durability = {});
  JournalWriter(JournalWriter&&) noexcept;
  JournalWriter& operator=(JournalWriter&&) = delete;
  /// Does not sync: who ends in order calls sync() before.
  ~JournalWriter();

  void append(const AttemptRecord& attempt);
  /// Throws EnvironmentError naming the file (a full disk, or a sync that failed on the thread); the file
  /// then ends with its last whole record and appending may be tried again.
  void append(const SampleRecord& sample);
  void append(const PrefixRecord& prefix);
  /// The hash of the weights that an arm's samples were drawn with.
  void note_weights(std::uint32_t arm, std::uint64_t resident_hash);

  /// Puts everything appended on the disk (fdatasync). Throws EnvironmentError.
  void sync();

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  class Syncer;  // the thread
  void append_record(std::uint32_t type, const std::vector<std::byte>& payload);
  bool wait_for_room(int error, double& waited) const;

  std::filesystem::path file_;
  FileDescriptor descriptor_;
  std::uint64_t job_hash_;
  Durability durability_;
  std::uint64_t size_ = 0;  // bytes of whole records
  std::unique_ptr<Syncer> syncer_;
};

/// Puts all records of `journal` that count into one new file and removes the files that they came from.
/// Killed at any moment, what is left reads the same. Returns the new file. Throws EnvironmentError.
std::filesystem::path compact(const std::filesystem::path& folder, std::uint64_t job_hash);

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
  /// Of samples that are not finished, the longest prefix that each kind of hardware drew of each; sorted by
  /// id.
  [[nodiscard]] const std::vector<PrefixRecord>& prefixes() const { return prefixes_; }
  /// Arm -> hash of the weights it was sampled with.
  /// Throws InputError naming the arm and both places when two hashes were noted for one arm.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> weights() const;
  [[nodiscard]] const std::vector<JournalDamage>& damage() const { return damage_; }
  /// What stopped writers left at the ends of files; not damage.
  struct TornTail {
    std::filesystem::path file;
    std::uint64_t offset, bytes;
  };
  [[nodiscard]] const std::vector<TornTail>& torn_tails() const { return torn_tails_; }
  /// Of every writer that ever worked here, in the order of the files.
  [[nodiscard]] const std::vector<AttemptRecord>& attempts() const { return attempts_; }
  /// The attempt that an entry's sample was made in: of the last such record before it in its file; empty
  /// when there is none.
  [[nodiscard]] const AttemptRecord& attempt_of(const Entry& entry) const;
  [[nodiscard]] std::vector<std::filesystem::path> files() const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct AttemptPlace {
    std::uint32_t file;
    std::uint64_t offset;
  };
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
  std::vector<AttemptRecord> attempts_;
  std::vector<AttemptPlace> attempt_places_;  // [attempts], ascending
  std::vector<JournalDamage> damage_;
  std::vector<TornTail> torn_tails_;
};

/// How many samples each kind of hardware drew; "unknown" where it was not noted.
using HardwareCounts = std::map<std::string, std::int64_t>;
HardwareCounts hardware_of(const Journal& journal);
/// Whether two known kinds have samples in it: tables then mix what need not be drawn the same.
bool is_mixed(const HardwareCounts& counts);
/// "12 on cpu, 24 on cuda sm_90".
std::string in_words(const HardwareCounts& counts);

}  // namespace wisk::store
