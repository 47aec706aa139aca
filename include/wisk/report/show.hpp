#pragma once
// The tables of a run for people (text) and machines (CSV, JSON).

#include <cstddef>
#include <string>
#include <string_view>

#include <wisk/report/analysis.hpp>

namespace wisk::report {

/// Tables and words, at most `width` letters wide where possible.
std::string show_text(const Analysis& analysis, std::size_t width);
/// Only Pass@k and its differences, under a heading: a part of a run (a subject, a level).
std::string show_part(const Analysis& analysis, const std::string& heading, std::size_t width);
/// Two arms against each other, k by k: means, difference, interval, and the p-value of this one comparison.
std::string show_pair(const Analysis& analysis, const std::string& arm, std::size_t width);
/// One row an arm and k, all of an arm's columns repeated (RFC 4180); empty where there is no number.
std::string show_csv(const Analysis& analysis);
/// The rows of all parts, the part's value in a first column named `field`.
std::string show_csv(const std::string& field, const std::vector<std::pair<std::string, Analysis>>& parts);
/// {"by": field, "parts": {value: object of show_json}}.
std::string show_json(const std::string& field, const std::vector<std::pair<std::string, Analysis>>& parts);
/// One object (docs/results-format.md), among its members `results` in the shape of lm-evaluation-harness;
/// null where there is no number.
std::string show_json(const Analysis& analysis);

}  // namespace wisk::report
