#include <wisk/checkpoint/names.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include <wisk/checkpoint/tensor_view.hpp>

namespace wisk::checkpoint {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The digits at `at` without leading zeros; `at` moves behind them.
std::string_view take_number(std::string_view text, std::size_t& at) {
  while (at + 1 < text.size() && text[at] == '0' && is_digit(text[at + 1])) ++at;
  const std::size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return text.substr(begin, at - begin);
}

struct Numbered {
  std::string before, after;
  std::uint64_t number = 0;
  bool has_number = false;
};

/// Splits around the first number that stands between dots ("layers.12.mlp"), the index of a layer.
Numbered split(const std::string& name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_digit(name[i]) || (i > 0 && name[i - 1] != '.')) continue;
    std::size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    if ((end == name.size() || name[end] == '.') && end - i <= 9 && (name[i] != '0' || end == i + 1)) {
      return {name.substr(0, i), name.substr(end), std::stoull(name.substr(i, end - i)), true};
    }
  }
  return {name, "", 0, false};
}

/// "0-11,13" of sorted numbers.
std::string ranges(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] <= numbers[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(numbers[i]);
    if (numbers[last] != numbers[i]) text += '-' + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace

std::int64_t TensorView::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

std::string to_string(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view x = take_number(a, i), y = take_number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if ((i == a.size()) != (j == b.size())) return i == a.size();
  return a < b;  // equal but for leading zeros
}

std::vector<std::string> summarize_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end(), natural_less);
  std::vector<std::pair<Numbered, std::vector<std::uint64_t>>> groups;
  std::map<std::pair<std::string, std::string>, std::size_t> group_of;
  for (const std::string& name : names) {
    const Numbered parts = split(name);
    const auto [place, added] = group_of.try_emplace({parts.before, parts.after}, groups.size());
    if (added || !parts.has_number) {
      groups.emplace_back(parts, std::vector<std::uint64_t>{parts.number});
    } else {
      groups[place->second].second.push_back(parts.number);
    }
  }
  std::vector<std::string> summary;
  for (const auto& [parts, numbers] : groups) {
    std::string number = parts.has_number ? std::to_string(numbers.front()) : "";
    std::string count;
    if (numbers.size() > 1) {
      number = '{' + ranges(numbers) + '}';
      count = " (" + std::to_string(numbers.size()) + " tensors)";
    }
    summary.push_back(printable(parts.before + number + parts.after) + count);
  }
  return summary;
}

std::string printable(std::string_view text, std::size_t limit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (out.size() >= limit) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace wisk::checkpoint
