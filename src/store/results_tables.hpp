#pragma once
// The parts of results.h5 at its root, each written by one function.

#include <wisk/stats/counts.hpp>
#include <wisk/stats/samples.hpp>
#include <wisk/store/results.hpp>

#include "netcdf_writer.hpp"

namespace wisk::store {

/// Arms, problems, k, verdicts, and what describes an arm. Throws InputError when the journal noted other
/// weights of an arm than the plan.
void write_coordinates(NetcdfWriter& file, const ResultsPlan& plan, const Journal& journal);

/// Questions, golds, sides of the split and fields of the problems.
void write_about(NetcdfWriter& file, const ResultsPlan& plan);

/// Counts.
void write_tables(NetcdfWriter& file, const ResultsPlan& plan, const stats::Counts& counts);

/// Means over problems with intervals: Pass@k, majority, best by mean log-probability, distinct answers.
void write_metrics(NetcdfWriter& file, const ResultsPlan& plan, const stats::Samples& samples);

}  // namespace wisk::store
