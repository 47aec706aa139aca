#include "child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

extern char** environ;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

namespace wisk::run {

ChildOutput run_child(const std::vector<std::string>& command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw EnvironmentError::from_errno(command[0], "pipe", errno);
  const FileDescriptor from(ends[0]);
  pid_t child = -1;
  int failed = 0;
  {
    const FileDescriptor to(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, to.get(), STDERR_FILENO);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  if (failed == ENOENT) return {127, command[0] + ": no such program"};
  if (failed != 0) throw EnvironmentError::from_errno(command[0], "start", failed);
  ChildOutput output;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(from.get(), buffer.data(), buffer.size())) != 0;) {
    if (got > 0) output.text.append(buffer.data(), static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  while (!output.text.empty() && output.text.back() == '\n') output.text.pop_back();
  return output;
}

}  // namespace wisk::run
