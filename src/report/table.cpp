#include <wisk/report/table.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <wisk/core/assert.hpp>

namespace wisk::report {
namespace {

constexpr std::size_t kGap = 2;  // spaces between columns

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, letters(text)), ' ');
  return right ? space + text : text + space;
}

void end_line(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
  WISK_ASSERT(cells.size() == rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t width) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], letters(row[i]));
  }
  std::string result;
  std::size_t begin = 1;
  do {
    std::size_t end = begin;
    std::size_t used = widths[0];
    while (end < widths.size() && (end == begin || used + kGap + widths[end] <= width))
      used += kGap + widths[end++];
    if (begin > 1) result += '\n';
    for (const auto& row : rows_) {
      std::string line = padded(row[0], widths[0], false);
      for (std::size_t i = begin; i < end; ++i)
        line += std::string(kGap, ' ') + padded(row[i], widths[i], true);
      end_line(line);
      result += line;
    }
    begin = end;
  } while (begin < widths.size());
  return result;
}

std::string printable(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {  // U+0080 to U+009F
      result += '?';
      ++i;
    } else {
      result += byte < 0x20 || byte == 0x7F ? '?' : text[i];
    }
  }
  return result;
}

std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (column > indent && column + 1 + letters(word) > width) {
      result += '\n';
      result.append(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    }
    result += word;
    column += letters(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  result += '\n';
  return result;
}

std::size_t terminal_width() {
  constexpr std::size_t kDefault = 100;
  constexpr std::size_t kLeast = 40;
  if (const char* columns = std::getenv("COLUMNS")) {
    const long value = std::strtol(columns, nullptr, 10);
    if (value > 0 && value < 100'000) return std::max(kLeast, static_cast<std::size_t>(value));
  }
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return std::max(kLeast, std::size_t{size.ws_col});
  }
  return kDefault;
}

}  // namespace wisk::report
