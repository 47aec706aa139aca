#pragma once
// Seen by clang-tidy only (tests/checks/tidy): clang 14 cannot give libstdc++ 12 its std::source_location.
#if defined(__clang__) && __clang_major__ < 15
namespace std {
struct source_location {
  static constexpr source_location current() { return {}; }
  constexpr unsigned line() const { return 0; }
  constexpr unsigned column() const { return 0; }
  constexpr const char* file_name() const { return ""; }
  constexpr const char* function_name() const { return ""; }
};
}  // namespace std
#endif
