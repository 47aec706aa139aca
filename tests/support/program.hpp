#pragma once
// Starting a program as a user would: with arguments and an environment, its output caught, ended when it
// takes too long.

#include <sys/types.h>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace wisk::test {

struct ProgramOptions {
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours and to what mpiexec needs
  std::filesystem::path folder;                                  ///< working folder; empty: ours
  std::chrono::seconds limit{300};                               ///< then its process group is killed
  std::uint64_t file_size_limit = 0;  ///< largest file it can write (a full disk); 0: none
  bool closed_stdout = false;         ///< starts with descriptor 1 closed
};

struct ProgramResult {
  int status = -1;  ///< exit status; 128 + signal when one ended it
  bool timed_out = false;
  std::string out, error;  ///< what it wrote
  double seconds = 0;
};

/// A running program in a process group of its own. Owns it: the destructor kills the group. One thread.
class Program {
 public:
  Program(const std::vector<std::string>& command, const ProgramOptions& options = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  [[nodiscard]] pid_t id() const { return id_; }
  /// Whether it still runs; reads what it wrote meanwhile.
  bool running();
  void send(int signal) const;
  /// Waits until `condition` holds; false when the program ended or its time was over before.
  bool wait_until(const std::function<bool()>& condition);
  /// Waits for the end.
  ProgramResult wait();
  [[nodiscard]] const ProgramResult& so_far() const { return result_; }

 private:
  void read_output();

  ProgramOptions options_;
  pid_t id_ = -1;
  int out_ = -1, error_ = -1;
  bool ended_ = false;
  std::chrono::steady_clock::time_point start_;
  ProgramResult result_;
};

/// Starts a program and waits for its end.
ProgramResult run_program(const std::vector<std::string>& command, const ProgramOptions& options = {});

/// Processes whose command line holds `text`: their ids. For a folder's name that nobody else uses.
std::vector<pid_t> processes_with(const std::string& text);
/// Those of them that run the program `name`.
std::vector<pid_t> processes_of(const std::string& name, const std::string& text);
/// Waits a little until there is no process with `text`: those that were told to end take a moment. False
/// where some are left.
bool all_gone(const std::string& text);
/// A file of /proc; "" where its process has ended.
std::string read_proc(const std::filesystem::path& file);

}  // namespace wisk::test
