#pragma once
// Tables of plain text for a terminal: aligned columns, no boxes, at most so many columns of letters wide.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::report {

/// A table; the first column is the rows' name (left), the others are values (right). A value type.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  /// As many cells as the header has.
  void add_row(std::vector<std::string> cells);
  /// Lines of at most `width` letters, where that is possible: columns that find no room follow below, each
  /// time with the rows' names.
  [[nodiscard]] std::string text(std::size_t width) const;
  [[nodiscard]] std::size_t columns() const { return rows_.front().size(); }

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// `text` without what a terminal would obey: control characters become '?'. For names that come from a file.
std::string printable(std::string_view text);

/// Letters (code points) of UTF-8 text.
std::size_t letters(std::string_view text);

/// `text` in lines of at most `width` letters, broken at spaces; lines after the first begin with `indent`
/// spaces.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

/// Columns of the terminal on stdout, from COLUMNS where that is set; 100 when stdout is no terminal.
std::size_t terminal_width();

}  // namespace wisk::report
