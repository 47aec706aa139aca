#pragma once
// Broken invariants: a defect of wisk, not of its input. On in every build type.

#include <source_location>

namespace wisk {

/// Prints the expression and its place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* expression, std::source_location where);

}  // namespace wisk

#define WISK_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::wisk::assertion_failed(#condition, std::source_location::current()))
