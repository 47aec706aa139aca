#pragma once
#include <string>
#include <string_view>
namespace wisk::report { std::string page_of(std::string_view title, std::string_view data_json); }
