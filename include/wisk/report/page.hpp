#pragma once
// The self-contained HTML page of one or more runs.

#include <string>
#include <string_view>

namespace wisk::report {

/// One HTML file: markup, style, script (src/report/page/, embedded at build time) and the data in it. It
/// loads nothing: its content security policy admits its own script and style by their SHA-256 and no address
/// at all. `title`: any text. `data_json`: one JSON object in UTF-8 (docs/results-format.md); what it says is
/// never taken for markup, whatever it is.
std::string page_of(std::string_view title, std::string_view data_json);

}  // namespace wisk::report
