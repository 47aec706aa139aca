// Many files of a finished run into one.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include <wisk/core/error.hpp>
#include <wisk/store/journal.hpp>

#include "journal_format.hpp"

namespace wisk::store {
namespace {

/// Collects records and writes them in large pieces.
class RecordFile {
 public:
  RecordFile(const std::filesystem::path& file, std::uint64_t job_hash)
      : name_(file.string()),
        job_hash_(job_hash),
        descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (descriptor_.get() < 0) throw EnvironmentError::from_errno(name_, "open for writing", errno);
    pending_ = encode_file_header(job_hash);
  }
  void add(std::uint32_t type, const std::vector<std::byte>& payload) {
    const std::vector<std::byte> record = encode_record(type, payload, job_hash_);
    pending_.insert(pending_.end(), record.begin(), record.end());
    if (pending_.size() >= kPiece) flush();
  }
  void finish() {
    flush();
    if (::fsync(descriptor_.get()) != 0) throw EnvironmentError::from_errno(name_, "fsync", errno);
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{4} << 20;
  void flush() {
    write_all(descriptor_.get(), pending_, name_);
    pending_.clear();
  }
  std::string name_;
  std::uint64_t job_hash_;
  FileDescriptor descriptor_;
  std::vector<std::byte> pending_;
};

/// A name that no journal has: a second compaction must not write over the first.
std::filesystem::path free_name(const std::filesystem::path& folder) {
  for (int number = 0;; ++number) {
    std::filesystem::path file = folder / ("all-" + std::to_string(number) + ".journal");
    if (!std::filesystem::exists(file)) return file;
  }
}

}  // namespace

std::filesystem::path compact(const std::filesystem::path& folder, std::uint64_t job_hash) {
  const Journal journal = Journal::read(folder, job_hash);
  const std::filesystem::path file = free_name(folder), temporary = file.string() + ".tmp";
  RecordFile out(temporary, job_hash);
  // An attempt's samples follow its record, which says what hardware they were made on. Attempts without
  // samples are kept too: they are the run's history.
  std::map<const AttemptRecord*, std::vector<const Journal::Entry*>> samples;
  for (const Journal::Entry& entry : journal.samples()) samples[&journal.attempt_of(entry)].push_back(&entry);
  const auto add_samples = [&](const AttemptRecord* attempt) {
    const auto found = samples.find(attempt);
    if (found == samples.end()) return;
    for (const Journal::Entry* entry : found->second) out.add(kSampleType, encode(journal.load(*entry)));
    samples.erase(found);
  };
  const std::map<std::uint32_t, std::uint64_t> weights = journal.weights();
  for (const auto& [arm, hash] : weights) out.add(kWeightsType, encode(WeightsRecord{arm, hash}));
  std::vector<const AttemptRecord*> known;
  for (const AttemptRecord& attempt : journal.attempts()) known.push_back(&attempt);
  const auto nobodys = std::find_if(samples.begin(), samples.end(), [&](const auto& part) {
    return std::find(known.begin(), known.end(), part.first) == known.end();
  });
  if (nobodys != samples.end()) add_samples(nobodys->first);  // before the first attempt record
  for (const AttemptRecord* attempt : known) {
    out.add(kAttemptType, encode(*attempt));
    add_samples(attempt);
  }
  out.finish();
  if (::rename(temporary.c_str(), file.c_str()) != 0)
    throw EnvironmentError::from_errno(file.string(), "rename into place", errno);
  sync_path(folder);
  for (const std::filesystem::path& old : journal.files()) {
    if (::unlink(old.c_str()) != 0) throw EnvironmentError::from_errno(old.string(), "remove", errno);
  }
  sync_path(folder);
  return file;
}

}  // namespace wisk::store
