#pragma once
// The files of src/report/page/, as page/embed.cmake wrote them into the library.

#include <string_view>

namespace wisk::report {

extern const std::string_view kPageMarkup;  ///< page.html, with the places @POLICY@, @TITLE@, ...
extern const std::string_view kPageStyle;   ///< page.css
extern const std::string_view kPageScript;  ///< the scripts, one after the other

}  // namespace wisk::report
