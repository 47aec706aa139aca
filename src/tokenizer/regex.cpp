#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.hpp"

#include <array>

#include <pcre2.h>

#include <wisk/core/error.hpp>

#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

struct FreeCompileContext {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string message_of(int error) {
  std::array<PCRE2_UCHAR8, 256> buffer{};
  pcre2_get_error_message(error, buffer.data(), buffer.size());
  std::string text;
  for (const PCRE2_UCHAR8 unit : buffer) {
    if (unit == 0) break;
    text.push_back(static_cast<char>(unit));
  }
  return text;
}

}  // namespace

void Regex::FreeCode::operator()(pcre2_real_code_8* code) const {
  pcre2_code_free(code);
}

Regex::Regex(std::string_view pattern, std::string where) : where_(std::move(where)) {
  const std::string translated = translate_oniguruma(pattern, where_);
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(
      pcre2_compile_context_create(nullptr));
  if (!context) throw EnvironmentError("out of memory compiling a regular expression");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  constexpr std::uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR8>(translated.data()), translated.size(), kOptions,
                            &error, &offset, context.get()));
  if (!code_)
    throw InputError(where_, "a regular expression", message_of(error) + " in \"" + translated + "\"");
  // No JIT on this machine, or a pattern that it cannot do, is no error: matching falls back to the
  // interpreter.
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

std::vector<ByteRange> Regex::find_all(std::string_view text) const {
  const std::unique_ptr<pcre2_match_data, FreeMatchData> data(
      pcre2_match_data_create_from_pattern(code_.get(), nullptr));
  const std::unique_ptr<pcre2_match_context, FreeMatchContext> context(pcre2_match_context_create(nullptr));
  if (!data || !context) throw EnvironmentError("out of memory matching a regular expression");
  // Enough for one pass of backtracking over the whole text, far too little for an exponential pattern to
  // hang.
  constexpr std::size_t kStepsPerByte = 16, kLeastSteps = 10'000'000, kMostSteps = 4'000'000'000;
  pcre2_set_match_limit(context.get(), static_cast<std::uint32_t>(
                                           std::min(kLeastSteps + kStepsPerByte * text.size(), kMostSteps)));
  constexpr std::uint32_t kHeapLimit = 1U << 20U;  // KiB
  pcre2_set_heap_limit(context.get(), kHeapLimit);

  const auto* subject = reinterpret_cast<PCRE2_SPTR8>(text.data());
  std::vector<ByteRange> matches;
  std::size_t at = 0;
  while (at <= text.size()) {
    int found =
        pcre2_match(code_.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK, data.get(), context.get());
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {  // long runs: the interpreter keeps its frames on the heap
      found = pcre2_match(code_.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                          data.get(), context.get());
    }
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) throw InputError(where_, "a regular expression that is cheap to match", message_of(found));
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data.get());
    const std::size_t begin = range[0], end = std::max(range[0], range[1]);
    const bool is_empty = begin == end;
    const bool touches = !matches.empty() && begin == matches.back().end;
    if (!is_empty || !touches) matches.push_back({begin, end});
    at = end;
    if (is_empty) at += end < text.size() ? utf8_length(text[end]) : 1;
  }
  return matches;
}

}  // namespace wisk::tokenizer
