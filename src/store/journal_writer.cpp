#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>
#include <wisk/store/journal.hpp>

#include "journal_format.hpp"

namespace wisk::store {
namespace {

std::string numbered(const std::string& stem, int number) {
  const std::string digits = std::to_string(number);
  return stem + "-" + std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits + ".journal";
}

}  // namespace

/// Syncs a descriptor every so often while something was appended, so that a slow disk does not hold up
/// sampling. Owns its thread; note_append and sync are called by one thread.
class JournalWriter::Syncer {
 public:
  Syncer(int descriptor, std::string name, double interval_seconds)
      : descriptor_(descriptor),
        name_(std::move(name)),
        interval_(interval_seconds),
        thread_([this] { run(); }) {}
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;
  ~Syncer() {
    {
      const std::lock_guard hold(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  /// Something was appended. Throws what a sync on the thread met: the kernel may have dropped what it could
  /// not write, so the run must not go on as if it were safe.
  void note_append() {
    const std::lock_guard hold(mutex_);
    if (error_ != 0) throw EnvironmentError::from_errno(name_, "fdatasync", error_);
    const bool first = !unsynced_;
    unsynced_ = true;
    if (first) wake_.notify_one();
  }

  void sync() {
    {
      const std::lock_guard hold(mutex_);
      if (error_ != 0) throw EnvironmentError::from_errno(name_, "fdatasync", error_);
      unsynced_ = false;
    }
    if (::fdatasync(descriptor_) != 0) throw EnvironmentError::from_errno(name_, "fdatasync", errno);
  }

 private:
  void run() {
    std::unique_lock hold(mutex_);
    while (!ending_) {
      wake_.wait(hold, [this] { return ending_ || unsynced_; });
      wake_.wait_for(hold, interval_, [this] { return ending_; });
      if (ending_ || !unsynced_) continue;
      unsynced_ = false;
      hold.unlock();
      const int error = ::fdatasync(descriptor_) == 0 ? 0 : errno;
      hold.lock();
      if (error != 0) error_ = error;
    }
  }

  const int descriptor_;
  const std::string name_;
  const std::chrono::duration<double> interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool unsynced_ = false, ending_ = false;
  int error_ = 0;
  std::thread thread_;  // last: it uses the others
};

JournalWriter::JournalWriter(const std::filesystem::path& folder, const std::string& stem,
                             std::uint64_t job_hash, Durability durability)
    : job_hash_(job_hash), durability_(std::move(durability)) {
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
  syncer_ = std::make_unique<Syncer>(descriptor_.get(), file_.string(), durability_.sync_seconds);
  sync();
  sync_path(folder);  // the name itself
}

JournalWriter::JournalWriter(JournalWriter&&) noexcept = default;

JournalWriter::~JournalWriter() = default;

void JournalWriter::append(const AttemptRecord& attempt) {
  append_record(kAttemptType, encode(attempt));
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
  std::span<const std::byte> left = record;
  for (double waited = 0; !left.empty();) {
    const ssize_t written = ::write(descriptor_.get(), left.data(), left.size());
    if (written > 0) {
      left = left.subspan(static_cast<std::size_t>(written));
      continue;
    }
    const int error = written < 0 ? errno : ENOSPC;
    if (error == EINTR || wait_for_room(error, waited)) continue;
    // A part of a record between whole ones would read as damage. Where cutting fails too, it reads as a torn
    // tail.
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_.get(), static_cast<off_t>(size_));
    throw EnvironmentError::from_errno(file_.string(), "write", error);
  }
  size_ += record.size();
  if (durability_.strict) {
    sync();
  } else {
    syncer_->note_append();
  }
}

/// Sleeps a little where somebody may yet make room. False when it is no use (any more).
bool JournalWriter::wait_for_room(int error, double& waited) const {
  if (error != ENOSPC && error != EDQUOT) return false;
  if (waited >= durability_.patience_seconds || (durability_.give_up && durability_.give_up())) return false;
  if (waited == 0) {
    log_warning(EnvironmentError::from_errno(file_.string(), "write", error).what() +
                std::string("; waiting for room, at most ") +
                std::to_string(static_cast<int>(durability_.patience_seconds)) + " s");
  }
  constexpr double kPause = 0.2;
  std::this_thread::sleep_for(std::chrono::duration<double>(kPause));
  waited += kPause;
  return true;
}

void JournalWriter::sync() {
  syncer_->sync();
}

}  // namespace wisk::store
