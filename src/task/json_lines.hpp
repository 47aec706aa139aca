#pragma once
// Reading JSONL files line by line: memory for one line, whatever the file's size.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include <wisk/core/file.hpp>

namespace wisk::task {

/// Owns its descriptor and buffer; not thread-safe.
class LineReader {
 public:
  /// "-" is standard input. Throws InputError when the file cannot be opened.
  explicit LineReader(const std::filesystem::path& file);
  /// The next line without its end ("\n" or "\r\n"); false at the end of the file. A byte-order mark is
  /// skipped. Throws InputError when a line is longer than 64 MiB, EnvironmentError when reading fails.
  bool next(std::string& line);
  /// "FILE:NUMBER" of the line that next() gave last.
  [[nodiscard]] std::string where() const;
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  bool fill();

  std::string name_;
  FileDescriptor owner_;
  int descriptor_ = -1;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::size_t number_ = 0;
};

}  // namespace wisk::task
