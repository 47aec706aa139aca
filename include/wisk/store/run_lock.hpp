#pragma once
// The right to write in a run directory: one process at a time, on any file system, and not for ever.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include <wisk/core/clock.hpp>
#include <wisk/core/file.hpp>

namespace wisk::store {

/// What run.lock says: who works here, and a counter that he raises while he lives.
struct LockHolder {
  std::string host, boot_id;  ///< boot_id: of the kernel that the process runs on
  std::int64_t process = 0;
  std::string nonce;      ///< of this holding
  std::int64_t beat = 0;  ///< raised every few seconds
  std::int64_t time = 0;  ///< Unix seconds of the last beat, by the holder's clock
  [[nodiscard]] std::string in_words() const;
};

/// The holder that DIRECTORY/run.lock names; an empty host when nobody holds it or there is no such file.
LockHolder read_lock(const std::filesystem::path& directory);

/// Whether that holder is known to be dead: same kernel, and its lock is free.
bool lock_is_free(const std::filesystem::path& directory);

/// Held until it is destroyed. Between processes of one kernel, flock decides: it ends with its holder. A
/// holder on another host is alive while its counter rises: one that stands still for `lease_seconds` of this
/// process's own time is dead (its node is gone) and its lock is taken over. Move-only; take and beat may be
/// called by different threads, one after the other.
class RunLock {
 public:
  struct Options {
    double lease_seconds = 60;
    std::function<bool()> give_up;  ///< asked while a holder on another host is watched; may be empty
  };
  /// Throws EnvironmentError naming the holder when it is alive, Interrupted when give_up() said so, and
  /// EnvironmentError when the file cannot be written.
  static RunLock take(const std::filesystem::path& directory, const Options& options);

  /// Raises the counter (writes every 5 s, however often it is called), after check().
  void beat();
  /// Throws EnvironmentError when the run directory is gone or somebody else has taken the lock. Any thread.
  void check() const;

  RunLock(RunLock&&) = default;
  RunLock& operator=(RunLock&&) = default;
  /// Says that nobody holds it.
  ~RunLock();

 private:
  RunLock(std::filesystem::path directory, FileDescriptor descriptor, LockHolder self);
  void write();

  std::filesystem::path directory_;
  FileDescriptor descriptor_;
  LockHolder self_;
  Stopwatch since_written_;
};

}  // namespace wisk::store
