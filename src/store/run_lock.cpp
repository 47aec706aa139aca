#include <wisk/store/run_lock.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/core/host.hpp>
#include <wisk/core/log.hpp>

namespace wisk::store {
namespace {

constexpr std::string_view kFile = "run.lock";
constexpr double kSecondsBetweenBeats = 5;
constexpr auto kLook = std::chrono::milliseconds(500);

/// As text for people and machines; one read sees a whole state, for it is shorter than a block.
std::string as_text(const LockHolder& holder) {
  const nlohmann::ordered_json json = {{"host", holder.host},   {"process", holder.process},
                                       {"beat", holder.beat},   {"time", holder.time},
                                       {"nonce", holder.nonce}, {"boot_id", holder.boot_id}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

LockHolder parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  LockHolder holder;
  if (!json.is_object()) return holder;
  holder.host = json.value("host", "");
  holder.boot_id = json.value("boot_id", "");
  holder.process = json.value("process", std::int64_t{0});
  holder.nonce = json.value("nonce", "");
  holder.beat = json.value("beat", std::int64_t{0});
  holder.time = json.value("time", std::int64_t{0});
  return holder;
}

EnvironmentError held(const std::filesystem::path& directory, const LockHolder& holder) {
  return EnvironmentError(directory.string() + ": another wisk works in this run directory (" +
                          holder.in_words() + " holds " + std::string(kFile) + ")");
}

/// Waits until the holder's counter rises (then it is alive: throws) or `lease_seconds` have passed.
void watch(const std::filesystem::path& directory, const LockHolder& holder,
           const RunLock::Options& options) {
  log_warning((directory / kFile).string() + ": held by " + holder.in_words() +
              ", which cannot be asked from here; watching for a sign of life for " +
              std::to_string(static_cast<int>(options.lease_seconds)) + " s");
  for (const Stopwatch watching; watching.seconds() < options.lease_seconds;) {
    if (options.give_up && options.give_up())
      throw Interrupted("interrupted while waiting for " + (directory / kFile).string());
    std::this_thread::sleep_for(kLook);
    const LockHolder now = read_lock(directory);  // opened anew: network file systems look again then
    if (now.host.empty()) return;
    if (now.nonce != holder.nonce || now.beat != holder.beat) throw held(directory, now);
  }
  log_warning((directory / kFile).string() + ": " + holder.in_words() +
              " gave no sign of life; its lock is taken over");
}

}  // namespace

std::string LockHolder::in_words() const {
  return "host " + host + ", process " + std::to_string(process);
}

LockHolder read_lock(const std::filesystem::path& directory) {
  std::ifstream file(directory / kFile);
  std::string text;
  std::getline(file, text);
  LockHolder holder;
  try {
    holder = parse(text);
  } catch (const nlohmann::json::exception&) {  // a value of another type
  }
  return holder;
}

bool lock_is_free(const std::filesystem::path& directory) {
  const FileDescriptor descriptor(::open((directory / kFile).c_str(), O_RDONLY | O_CLOEXEC));
  return descriptor.get() >= 0 && ::flock(descriptor.get(), LOCK_SH | LOCK_NB) == 0;
}

RunLock RunLock::take(const std::filesystem::path& directory, const Options& options) {
  const std::filesystem::path file = directory / kFile;
  FileDescriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (descriptor.get() < 0) throw EnvironmentError::from_errno(file.string(), "open for writing", errno);
  bool locked = false;
  for (int attempt = 0; attempt < 4 && !locked; ++attempt) {  // `wisk status` holds it for a moment
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    locked = ::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK) break;
  }
  if (!locked && errno == EWOULDBLOCK) throw held(directory, read_lock(directory));
  const LockHolder before = read_lock(directory);
  // With flock, the same kernel's processes are dead for certain. Elsewhere the flock may be local to a host.
  if (!before.host.empty() && !(locked && before.boot_id == boot_id())) watch(directory, before, options);
  LockHolder self;
  self.host = host_name();
  self.boot_id = boot_id();
  self.process = ::getpid();
  self.nonce = hex64((std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}());
  RunLock lock(directory, std::move(descriptor), std::move(self));
  lock.write();
  return lock;
}

RunLock::RunLock(std::filesystem::path directory, FileDescriptor descriptor, LockHolder self)
    : directory_(std::move(directory)), descriptor_(std::move(descriptor)), self_(std::move(self)) {}

RunLock::~RunLock() {
  if (descriptor_.get() < 0) return;  // moved from
  if (read_lock(directory_).nonce != self_.nonce) return;
  [[maybe_unused]] const int ignored = ::ftruncate(descriptor_.get(), 0);
}

void RunLock::write() {
  const std::string name = (directory_ / kFile).string();
  self_.time = unix_seconds();
  // One write over the old text, padded: a reader never sees an empty file in between.
  std::string text = as_text(self_);
  constexpr std::size_t kWidth = 512;
  if (text.size() < kWidth) text.insert(text.size() - 1, kWidth - text.size(), ' ');
  const ssize_t written = ::pwrite(descriptor_.get(), text.data(), text.size(), 0);
  if (written < 0) throw EnvironmentError::from_errno(name, "write", errno);
  // What cannot sync (a full disk) is no reason to end: the next beat tries again.
  [[maybe_unused]] const int ignored = ::fdatasync(descriptor_.get());
  since_written_.restart();
}

void RunLock::check() const {
  const LockHolder there = read_lock(directory_);
  if (there.nonce != self_.nonce) {
    const bool gone = !std::filesystem::exists(directory_);
    throw EnvironmentError((directory_ / kFile).string() + ": expected to find this process's lock, found " +
                           (gone ? "that the run directory is gone"
                            : there.host.empty()
                                ? "none: somebody has removed it"
                                : "that of " + there.in_words() + ": another wisk works here now"));
  }
}

void RunLock::beat() {
  if (since_written_.seconds() < kSecondsBetweenBeats) return;
  check();
  ++self_.beat;
  try {
    write();
  } catch (const EnvironmentError& error) {
    if (errno != ENOSPC && errno != EDQUOT) throw;
    since_written_.restart();
  }
}

}  // namespace wisk::store
