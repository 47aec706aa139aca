#pragma once
// Errors of input and environment: typed, carrying their data, printed once in `main`.
// A message says what was expected, what was found and where.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace wisk {

/// Exit statuses of the program (docs/architecture.md, Errors).
enum class ExitStatus : int { kOk = 0, kUsage = 2, kInput = 3, kEnvironment = 4, kInterrupted = 75 };

/// Base of everything that `main` catches. what() is one line.
class Error : public std::runtime_error {
 public:
  Error(ExitStatus status, const std::string& message) : std::runtime_error(message), status_(status) {}
  [[nodiscard]] ExitStatus status() const noexcept { return status_; }

 private:
  ExitStatus status_;
};

/// The command line is wrong: status 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(ExitStatus::kUsage, message) {}
};

/// A file or a value given by the user is wrong: status 3.
/// `where` names file, tensor, key or line; the message reads "WHERE: expected EXPECTED, found FOUND".
class InputError : public Error {
 public:
  InputError(std::string where, std::string expected, std::string found)
      : Error(ExitStatus::kInput, where + ": expected " + expected + ", found " + found),
        where_(std::move(where)),
        expected_(std::move(expected)),
        found_(std::move(found)) {}
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  [[nodiscard]] const std::string& expected() const noexcept { return expected_; }
  [[nodiscard]] const std::string& found() const noexcept { return found_; }

 private:
  std::string where_, expected_, found_;
};

/// Device, disk, memory or MPI fail: status 4.
class EnvironmentError : public Error {
 public:
  explicit EnvironmentError(const std::string& message) : Error(ExitStatus::kEnvironment, message) {}
  /// "WHERE: OPERATION failed: strerror(number)".
  static EnvironmentError from_errno(const std::string& where, const std::string& operation, int number);
};

/// Less memory than was asked for: status 4. Who can do with less may ask again.
class OutOfMemory : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// A signal asked the run to stop; what was finished is journalled: status 75.
class Interrupted : public Error {
 public:
  explicit Interrupted(const std::string& message) : Error(ExitStatus::kInterrupted, message) {}
};

/// The known word nearest to `word` by edit distance (Damerau-Levenshtein), or "" when none is near
/// (more than a third of the letters differ). Used for "unknown key X, did you mean Y?".
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

/// " (did you mean \"NEAREST\"?)", or "" when no known word is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

/// `items` joined with `separator`.
std::string join(const std::vector<std::string>& items, std::string_view separator);

}  // namespace wisk
