#include <wisk/core/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace wisk {

void assertion_failed(const char* expression, std::source_location where) {
  std::fprintf(stderr, "wisk: broken invariant: %s at %s:%u in %s\n", expression, where.file_name(),
               where.line(), where.function_name());
  std::abort();
}

}  // namespace wisk
