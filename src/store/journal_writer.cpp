#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/store/journal.hpp>

#include "journal_format.hpp"

namespace wisk::store {
namespace {

/// At most this much work is lost when the power fails.
constexpr std::chrono::seconds kSyncInterval{5};

std::string numbered(const std::string& stem, int number) {
  const std::string digits = std::to_string(number);
  return stem + "-" + std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits + ".journal";
}

}  // namespace

JournalWriter::JournalWriter(const std::filesystem::path& folder, const std::string& stem,
                             std::uint64_t job_hash)
    : job_hash_(job_hash), last_sync_(std::chrono::steady_clock::now()) {
  for (int number = 0;; ++number) {
    file_ = folder / numbered(stem, number);
    // O_EXCL: a name is free for exactly one writer, also between hosts.
    const int descriptor = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor >= 0) {
      descriptor_ = FileDescriptor(descriptor);
      break;
    }
    if (errno != EEXIST) throw EnvironmentError::from_errno(file_.string(), "open for writing", errno);
  }
  const std::vector<std::byte> header = encode_file_header(job_hash);
  write_all(descriptor_.get(), header, file_.string());
  size_ = header.size();
  sync();
  sync_path(folder);  // the name itself
}

void JournalWriter::append(const SampleRecord& sample) {
  append_record(kSampleType, encode(sample));
}

void JournalWriter::append(const PrefixRecord& prefix) {
  append_record(kPrefixType, encode(prefix));
}

void JournalWriter::note_weights(std::uint32_t arm, std::uint64_t resident_hash) {
  append_record(kWeightsType, encode(WeightsRecord{arm, resident_hash}));
}

void JournalWriter::append_record(std::uint32_t type, const std::vector<std::byte>& payload) {
  const std::vector<std::byte> record = encode_record(type, payload, job_hash_);
  try {
    write_all(descriptor_.get(), record, file_.string());
  } catch (const EnvironmentError&) {
    // A part of a record between whole ones would read as damage. Where cutting fails too, it reads as a torn
    // tail.
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_.get(), static_cast<off_t>(size_));
    throw;
  }
  size_ += record.size();
  unsynced_ = true;
  sync_if_due();
}

void JournalWriter::sync() {
  if (::fdatasync(descriptor_.get()) != 0)
    throw EnvironmentError::from_errno(file_.string(), "fdatasync", errno);
  unsynced_ = false;
  last_sync_ = std::chrono::steady_clock::now();
}

void JournalWriter::sync_if_due() {
  if (unsynced_ && std::chrono::steady_clock::now() - last_sync_ >= kSyncInterval) sync();
}

}  // namespace wisk::store
