#include <wisk/report/page.hpp>
namespace wisk::report { std::string page_of(std::string_view, std::string_view d) { return std::string(d); } }
