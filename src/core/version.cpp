#include <wisk/core/version.hpp>

namespace wisk {

std::string_view version() {
  return WISK_VERSION;
}

}  // namespace wisk
