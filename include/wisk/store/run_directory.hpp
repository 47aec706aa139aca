#pragma once
// The folder of a run: who may work in it, and that a resume is the same job.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wisk/store/run_lock.hpp>

namespace wisk::store {

/// Everything that changes a run's results: key and canonical value, in the job's order.
using ResultKeys = std::vector<std::pair<std::string, std::string>>;

/// The job hash: of all keys and values, in their order.
std::uint64_t hash_of(const ResultKeys& keys);

/// The keys that the run in `directory` was started with. Throws InputError when it is no run directory.
ResultKeys read_keys(const std::filesystem::path& directory);

/// A run directory and the right to write in it. Owns the lock until it is destroyed; move-only; one thread
/// of rank 0.
class RunDirectory {
 public:
  /// Makes `path` a run directory (job.yaml, journal/), or takes up the run in it. On a resume the
  /// files of the first start stay as they are. Throws InputError when `path` holds another job (all
  /// differing keys are named with both values), or is a non-empty folder or a file; EnvironmentError when
  /// another process works in it or it cannot be written.
  static RunDirectory create_or_resume(const std::filesystem::path& path, const ResultKeys& keys,
                                       std::string_view resolved_job_yaml, const RunLock::Options& lock = {});

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path job() const { return path_ / "job.yaml"; }
  [[nodiscard]] std::filesystem::path journal() const { return path_ / "journal"; }
  [[nodiscard]] std::filesystem::path results() const { return path_ / "results.h5"; }
  [[nodiscard]] std::filesystem::path summary() const { return path_ / "summary.json"; }
  [[nodiscard]] std::filesystem::path metrics() const { return path_ / "wisk.prom"; }
  [[nodiscard]] RunLock& lock() { return lock_; }
  [[nodiscard]] const RunLock& lock() const { return lock_; }
  /// Whether the run had been started before.
  [[nodiscard]] bool resumed() const { return resumed_; }

 private:
  RunDirectory(std::filesystem::path path, RunLock lock, bool resumed)
      : path_(std::move(path)), lock_(std::move(lock)), resumed_(resumed) {}

  std::filesystem::path path_;
  RunLock lock_;
  bool resumed_;
};

}  // namespace wisk::store
