#include "json_lines.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <wisk/core/error.hpp>

namespace wisk::task {
namespace {

constexpr std::size_t kBufferBytes = 1u << 18u;
constexpr std::size_t kMaxLineBytes = 64u << 20u;

}  // namespace

LineReader::LineReader(const std::filesystem::path& file)
    : name_(file == "-" ? "standard input" : file.string()), buffer_(new char[kBufferBytes]) {
  if (file == "-") {
    descriptor_ = STDIN_FILENO;
  } else {
    owner_ = open_for_reading(file);
    descriptor_ = owner_.get();
  }
}

bool LineReader::fill() {
  while (true) {
    const ssize_t got = ::read(descriptor_, buffer_.get(), kBufferBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw EnvironmentError::from_errno(name_, "read", errno);
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
    return got > 0;
  }
}

bool LineReader::next(std::string& line) {
  line.clear();
  bool any = false;
  while (true) {
    if (begin_ == end_ && !fill()) break;
    any = true;
    const char* from = buffer_.get() + begin_;
    const void* newline = std::memchr(from, '\n', end_ - begin_);
    const std::size_t bytes =
        newline ? static_cast<std::size_t>(static_cast<const char*>(newline) - from) : end_ - begin_;
    line.append(from, bytes);
    begin_ += bytes + (newline ? 1 : 0);
    if (line.size() > kMaxLineBytes) {
      ++number_;
      throw InputError(where(), "lines of at most " + std::to_string(kMaxLineBytes >> 20u) + " MiB",
                       "a longer one");
    }
    if (newline) break;
  }
  if (!any) return false;
  ++number_;
  if (line.ends_with('\r')) line.pop_back();
  if (number_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
  return true;
}

std::string LineReader::where() const {
  return name_ + ":" + std::to_string(number_);
}

}  // namespace wisk::task
