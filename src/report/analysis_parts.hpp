#pragma once
// The parts of an analysis, each in its file; analysis.cpp puts them together.

#include <functional>
#include <vector>

#include <wisk/report/analysis.hpp>

namespace wisk::report {

/// value(cell) of every problem. [P]
std::vector<double> per_problem(const stats::Samples& samples, std::size_t arm,
                                const std::function<double(const stats::Cell&)>& value);

/// [A, K]
std::vector<stats::Estimate> bounds_of(const Analysis& analysis, const stats::Samples& samples);

/// Values of every problem: [K][A][P].
using MetricByProblem = std::vector<std::vector<std::vector<double>>>;

/// Fills differences and choices. `values`: of the analysis' metric.
void compare_arms(Analysis& analysis, const MetricByProblem& values);

/// Early and late half each, and what was asked for.
std::vector<Mixture> mixtures_of(const Analysis& analysis, const stats::Samples& samples,
                                 const AnalysisOptions& options);
std::vector<Prediction> predictions_of(const Analysis& analysis);

/// What a reader must know before believing the numbers.
std::vector<std::string> warnings_of(const Analysis& analysis);

/// Whether the arm is the checkpoint of that name alone.
bool is_checkpoint(const store::ArmColumns& arm, const std::string& name);

/// Index of the arm of that name. Throws UsageError naming the arms.
std::size_t arm_named(const store::ResultsPlan& plan, const std::string& name, const std::string& option);

}  // namespace wisk::report
