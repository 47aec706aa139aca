#include "support/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace wisk::test {
namespace {

constexpr std::chrono::milliseconds kPoll{2};
constexpr int kCouldNotStart = 127;

/// What tests/CMakeLists.txt tells mpiexec, as "name=value"; other programs ignore it.
constexpr const char* kMpiEnvironment[] = {WISK_MPI_ENVIRONMENT};

/// In the child: never returns. Nothing here allocates but setenv, and the child has one thread.
[[noreturn]] void start(const std::vector<char*>& arguments, const ProgramOptions& options, int out,
                        int error) {
  ::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  if (options.closed_stdout) ::close(STDOUT_FILENO);
  for (const char* setting : kMpiEnvironment) ::putenv(const_cast<char*>(setting));
  for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(kCouldNotStart);
  if (options.file_size_limit != 0) {
    const struct rlimit limit { options.file_size_limit, options.file_size_limit };
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);  // write() then fails with EFBIG
  }
  ::execvp(arguments[0], arguments.data());
  ::_exit(kCouldNotStart);
}

void read_all(int descriptor, std::string& text) {
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got <= 0) return;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Program::Program(const std::vector<std::string>& command, const ProgramOptions& options)
    : options_(options), start_(std::chrono::steady_clock::now()) {
  std::vector<std::string> copy = command;
  std::vector<char*> arguments;
  for (std::string& argument : copy) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::array<int, 2> out{}, error{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(error.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("pipe");
  id_ = ::fork();
  if (id_ == 0) start(arguments, options, out[1], error[1]);
  ::close(out[1]);
  ::close(error[1]);
  if (id_ < 0) throw std::runtime_error("fork");
  ::setpgid(id_, id_);  // whoever comes first
  out_ = out[0];
  error_ = error[0];
  for (const int descriptor : {out_, error_}) ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

Program::~Program() {
  ::kill(-id_, SIGKILL);
  if (!ended_) ::waitpid(id_, nullptr, 0);
  ::close(out_);
  ::close(error_);
}

void Program::read_output() {
  read_all(out_, result_.out);
  read_all(error_, result_.error);
}

bool Program::running() {
  if (ended_) return false;
  read_output();
  int status = 0;
  const pid_t got = ::waitpid(id_, &status, WNOHANG);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  result_.seconds = elapsed.count();
  if (got == id_) {
    ended_ = true;
    result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_output();
  } else if (elapsed > options_.limit && !result_.timed_out) {
    result_.timed_out = true;
    ::kill(-id_, SIGKILL);
  }
  return !ended_;
}

void Program::send(int signal) const {
  if (!ended_) ::kill(id_, signal);
}

bool Program::wait_until(const std::function<bool()>& condition) {
  while (running()) {
    if (condition()) return true;
    std::this_thread::sleep_for(kPoll);
  }
  return false;
}

ProgramResult Program::wait() {
  while (running()) std::this_thread::sleep_for(kPoll);
  return result_;
}

ProgramResult run_program(const std::vector<std::string>& command, const ProgramOptions& options) {
  return Program(command, options).wait();
}

std::string read_proc(const std::filesystem::path& file) {
  std::string text;  // not by a stream: what ends between open and read makes it throw
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return text;
  read_all(descriptor, text);
  ::close(descriptor);
  return text;
}

std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> ids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (read_proc(entry->path() / "cmdline").find(text) != std::string::npos)
      ids.push_back(static_cast<pid_t>(std::stoi(name)));
  }
  return ids;
}

std::vector<pid_t> processes_of(const std::string& name, const std::string& text) {
  std::vector<pid_t> ids = processes_with(text);
  std::erase_if(ids, [&](pid_t id) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/" + std::to_string(id) + "/exe", error).filename() != name;
  });
  return ids;
}

bool all_gone(const std::string& text) {
  constexpr std::chrono::seconds kLongest{15};
  constexpr std::chrono::milliseconds kBetween{20};
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (!processes_with(text).empty()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kBetween);
  }
  return true;
}

}  // namespace wisk::test
