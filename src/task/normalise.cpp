#include "normalise.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "ascii.hpp"

namespace wisk::task {
namespace {

using Spelling = std::pair<std::string_view, std::string_view>;

// clang-format off
/// UTF-8 sequences in the order of their bytes, and what stands for them.
constexpr std::array kCharacters = std::to_array<Spelling>({
    {"\xc2\xa0", "\x1f"},  // no-break space
    {"\xc2\xa2", " "},  // cent sign: a unit
    {"\xc2\xa3", "$"},  // pound
    {"\xc2\xa5", "$"},  // yen
    {"\xc2\xb2", "^2"},  // superscripts
    {"\xc2\xb3", "^3"},
    {"\xc2\xb7", "*"},  // middle dot
    {"\xc2\xb9", "^1"},
    {"\xc2\xbc", " 1/4"},
    {"\xc2\xbd", " 1/2"},
    {"\xc2\xbe", " 3/4"},
    {"\xc3\x97", "*"},  // multiplication sign
    {"\xc3\xb7", "/"},  // division sign
    {"\xcf\x80", "\\pi "},
    {"\xe2\x80\x87", "\x1f"},  // figure space
    {"\xe2\x80\x88", "\x1f"},  // punctuation space
    {"\xe2\x80\x89", "\x1f"},  // thin space
    {"\xe2\x80\x8a", "\x1f"},  // hair space
    {"\xe2\x80\x8b", ""},  // zero-width space
    {"\xe2\x80\x90", "-"},  // hyphens, en dash
    {"\xe2\x80\x91", "-"},
    {"\xe2\x80\x93", "-"},
    {"\xe2\x80\xaf", "\x1f"},  // narrow no-break space
    {"\xe2\x81\x84", "/"},  // fraction slash
    {"\xe2\x81\xa0", ""},  // word joiner
    {"\xe2\x85\x93", " 1/3"},
    {"\xe2\x85\x94", " 2/3"},
    {"\xe2\x85\x95", " 1/5"},
    {"\xe2\x85\x96", " 2/5"},
    {"\xe2\x85\x97", " 3/5"},
    {"\xe2\x85\x98", " 4/5"},
    {"\xe2\x85\x99", " 1/6"},
    {"\xe2\x85\x9a", " 5/6"},
    {"\xe2\x85\x9b", " 1/8"},
    {"\xe2\x85\x9c", " 3/8"},
    {"\xe2\x85\x9d", " 5/8"},
    {"\xe2\x85\x9e", " 7/8"},
    {"\xe2\x88\x92", "-"},  // minus sign
    {"\xe2\x88\x95", "/"},  // division slash
    {"\xe2\x88\x9a", "\\sqrt "},
    {"\xe2\x89\x88", "="},  // almost equal
    {"\xe2\x8b\x85", "*"},  // dot operator
    {"\xef\xb9\xa3", "-"},  // small hyphen-minus
    {"\xef\xbb\xbf", ""},  // byte-order mark
    {"\xef\xbc\x84", "$"},  // full-width signs
    {"\xef\xbc\x85", "%"},
    {"\xef\xbc\x8b", "+"},
    {"\xef\xbc\x8c", ","},
    {"\xef\xbc\x8d", "-"},
    {"\xef\xbc\x8e", "."},
    {"\xef\xbc\x8f", "/"},
    {"\xef\xbc\x9a", ":"},
    {"\xef\xbc\x9d", "="},
});

// clang-format on
static_assert(std::is_sorted(kCharacters.begin(), kCharacters.end()));

constexpr std::array kFractions =
    std::to_array<std::string_view>({"frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "flatfrac"});

/// Commands that only dress their argument, or nothing.
constexpr std::array kWrappers = std::to_array<std::string_view>(
    {"text",    "textbf",       "textit",    "textrm", "textnormal", "texttt",     "textsf",    "textup",
     "mathrm",  "mathbf",       "mathit",    "mathsf", "mathtt",     "mathnormal", "mbox",      "hbox",
     "fbox",    "boxed",        "bm",        "emph",   "pmb",        "boldsymbol", "underline", "left",
     "right",   "big",          "Big",       "bigl",   "bigr",       "quad",       "qquad",     "space",
     "enspace", "displaystyle", "textstyle", "hspace", "thinspace",  "units",      "unit",      "mathord",
     "phantom", "ensuremath",   "large",     "Large",  "bf"});

constexpr std::array kCommands = std::to_array<Spelling>({{"times", "*"},
                                                          {"cdot", "*"},
                                                          {"ast", "*"},
                                                          {"div", "/"},
                                                          {"approx", "="},
                                                          {"simeq", "="},
                                                          {"textdollar", "$"},
                                                          {"dollar", "$"},
                                                          {"euro", "$"},
                                                          {"pounds", "$"}});

/// Never the beginning of something that has another spelling.
bool is_plain(char c) {
  return is_ascii(c) && c != '\\' && c != '{' && c != '*';
}

class Normaliser {
 public:
  explicit Normaliser(std::string_view text) : text_(text) { out_.reserve(text.size() + 8); }

  std::string run() {
    while (at_ < text_.size()) {
      const auto special = std::find_if_not(rest().begin(), rest().end(), is_plain);
      if (special != rest().begin()) {
        replace(static_cast<std::size_t>(special - rest().begin()), {rest().begin(), special});
        continue;
      }
      const char c = text_[at_];
      if (c == '\\') {
        command();
      } else if (c == '{' && (rest().starts_with("{,}") || rest().starts_with("{.}"))) {
        replace(3, rest().substr(1, 1));
      } else if (c == '*' && rest().starts_with("**")) {
        stars();
      } else if (is_ascii(c)) {
        replace(1, rest().substr(0, 1));
      } else {
        character();
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

  void replace(std::size_t bytes, std::string_view with) {
    out_ += with;
    at_ += bytes;
  }

  void stars() {
    const std::size_t length = std::min(rest().find_first_not_of('*'), rest().size());
    const bool power = length == 2 && !out_.empty() && is_digit(out_.back()) && at_ + 2 < text_.size() &&
                       is_digit(text_[at_ + 2]);
    replace(length, power ? "^" : "");
  }

  void character() {
    const std::string_view three = rest().substr(0, 3);
    if (three.size() == 3 && three.starts_with("\xef\xbc")) {  // full-width digits
      const auto last = static_cast<unsigned char>(three[2]);
      if (last >= 0x90 && last <= 0x99) {
        at_ += 3;
        out_ += static_cast<char>('0' + (last - 0x90));
        return;
      }
    }
    if (three.size() == 3 && three.starts_with("\xe2\x82")) {  // U+20A0 to U+20BF: currency signs
      if (static_cast<unsigned char>(three[2]) >= 0xa0) return replace(3, "$");
    }
    const std::string_view key = rest().substr(0, static_cast<unsigned char>(rest()[0]) < 0xe0 ? 2 : 3);
    const auto found =
        std::lower_bound(kCharacters.begin(), kCharacters.end(), key,
                         [](const Spelling& entry, std::string_view k) { return entry.first < k; });
    if (found != kCharacters.end() && found->first == key) return replace(key.size(), found->second);
    replace(1, rest().substr(0, 1));
  }

  void command() {
    if (at_ + 1 >= text_.size()) return replace(1, "\\");
    if (!is_letter(text_[at_ + 1])) return escaped(text_[at_ + 1]);
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    const std::size_t bytes = end - at_;
    const std::string_view gap = end < text_.size() && text_[end] == '{' ? "" : " ";
    if (std::find(kFractions.begin(), kFractions.end(), name) != kFractions.end())
      return replace(bytes, "\\frac");
    if (std::find(kWrappers.begin(), kWrappers.end(), name) != kWrappers.end()) return replace(bytes, gap);
    if (name == "circ" || name == "degree" || name == "degrees") {
      if (out_.ends_with("^{")) out_.pop_back();
      if (out_.ends_with('^')) out_.pop_back();
      return replace(bytes, " ");
    }
    for (const auto& [spelling, meaning] : kCommands) {
      if (name == spelling) return replace(bytes, meaning);
    }
    replace(bytes, rest().substr(0, bytes));
  }

  void escaped(char c) {
    switch (c) {
      case '$':
      case '%':
      case '#':
      case '&':
      case '_':
        return replace(2, rest().substr(1, 1));
      case '!':
        return replace(2, "");
      case ',':
        return replace(2, "\x1f");
      case '{':
        return replace(2, "(");
      case '}':
        return replace(2, ")");
      case '\\':
        return replace(2, "\n");
      case ';':
      case ':':
      case ' ':
      case '(':
      case ')':
      case '[':
      case ']':
        return replace(2, " ");
      default:
        return replace(1, "\\");
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string normalise(std::string_view text) {
  return Normaliser(text).run();
}

}  // namespace wisk::task
