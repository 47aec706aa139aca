#include <wisk/store/run_lock.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <wisk/core/error.hpp>

#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

RunLock::Options quick() {
  RunLock::Options options;
  options.lease_seconds = 1.2;
  return options;
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// As another host's process would have left it.
void write_foreign(const test::TempFolder& folder, int beat) {
  const std::filesystem::path file = folder.path() / "foreign";
  std::ofstream(file) << R"({"host": "node7", "process": 42, "beat": )" << beat
                      << R"(, "time": 1, "nonce": "abc", "boot_id": "another-kernel"})" << std::endl;
  std::filesystem::rename(file, folder.path() / "run.lock");  // nobody sees half of it
}

TEST(RunLock, NamesItsHolderAndIsFreeAfterwards) {
  const test::TempFolder folder;
  {
    const RunLock lock = RunLock::take(folder.path(), quick());
    EXPECT_EQ(read_lock(folder.path()).process, ::getpid());
    EXPECT_FALSE(lock_is_free(folder.path()));
    const std::string second = error_of([&] { std::ignore = RunLock::take(folder.path(), quick()); });
    EXPECT_NE(second.find("another wisk works in this run directory"), std::string::npos) << second;
    EXPECT_NE(second.find("process " + std::to_string(::getpid())), std::string::npos) << second;
  }
  EXPECT_EQ(read_lock(folder.path()).host, "");
  std::ignore = RunLock::take(folder.path(), quick());
}

TEST(RunLock, ADeadProcessOfThisKernelIsNotWaitedFor) {
  const test::TempFolder folder;
  std::string text;
  {
    const RunLock lock = RunLock::take(folder.path(), quick());
    std::ifstream file(folder.path() / "run.lock");
    std::getline(file, text);
  }
  std::ofstream(folder.path() / "run.lock") << text << std::endl;  // as `kill -9` leaves it
  RunLock::Options patient;
  patient.lease_seconds = 1000;
  std::ignore = RunLock::take(folder.path(), patient);
}

TEST(RunLock, AnotherHostsSilentHolderIsTakenOver) {
  const test::TempFolder folder;
  write_foreign(folder, 5);
  const auto begin = std::chrono::steady_clock::now();
  const RunLock lock = RunLock::take(folder.path(), quick());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1200));
  EXPECT_EQ(read_lock(folder.path()).process, ::getpid());
}

TEST(RunLock, AnotherHostsLivingHolderIsRefused) {
  const test::TempFolder folder;
  write_foreign(folder, 5);
  std::atomic<bool> end = false;
  std::thread holder([&] {
    for (int beat = 6; !end; ++beat) {
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
      write_foreign(folder, beat);
    }
  });
  RunLock::Options patient;
  patient.lease_seconds = 30;
  const std::string error = error_of([&] { std::ignore = RunLock::take(folder.path(), patient); });
  end = true;
  holder.join();
  EXPECT_NE(error.find("host node7, process 42"), std::string::npos) << error;
}

TEST(RunLock, WaitingEndsWhenAskedTo) {
  const test::TempFolder folder;
  write_foreign(folder, 5);
  RunLock::Options options;
  options.lease_seconds = 1000;
  options.give_up = [] { return true; };
  EXPECT_THROW(std::ignore = RunLock::take(folder.path(), options), Interrupted);
}

TEST(RunLock, ABeatFindsThatTheLockWasTakenOrTheFolderIsGone) {
  test::TempFolder folder;
  const auto run = folder.path() / "run";
  std::filesystem::create_directory(run);
  RunLock lock = RunLock::take(run, quick());
  lock.beat();  // too early to write: nothing happens
  const LockHolder before = read_lock(run);
  std::this_thread::sleep_for(std::chrono::milliseconds(5100));
  lock.beat();
  EXPECT_EQ(read_lock(run).beat, before.beat + 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(5100));
  std::filesystem::remove_all(run);
  EXPECT_NE(error_of([&] { lock.beat(); }).find("run directory is gone"), std::string::npos);
}

TEST(RunLock, NonsenseInTheFileIsNobody) {
  const test::TempFolder folder;
  for (const char* text : {"", "node1, process 7", "{\"host\": 3}", "[]", "\xff"}) {
    std::ofstream(folder.path() / "run.lock") << text;
    EXPECT_EQ(read_lock(folder.path()).host, "") << text;
    std::ignore = RunLock::take(folder.path(), quick());
  }
}

}  // namespace
}  // namespace wisk::store
