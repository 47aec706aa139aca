#pragma once
// The mean of values under random (Dirichlet) weights: what a Bayesian bootstrap draws, without drawing.

#include <vector>

namespace wisk::stats {

/// Distinct values in ascending order and the mass of each. [D], [D]; masses > 0.
struct Masses {
  std::vector<double> values, masses;
  void add(double value, double mass);
};

/// The q with P(sum_i w_i v_i <= q) = probability for w ~ Dirichlet(masses). The sum is at most q exactly
/// when sum_i G_i (v_i - q) <= 0 with independent gammas G_i of shape masses[i], whose distribution function
/// comes from a saddlepoint (Barndorff-Nielsen 1986, Biometrika 73, 307-322, r*). The error in probability is
/// about 0.001 for a total mass of 10 and falls with the mass. Two values give a beta distribution, taken
/// exactly.
double dirichlet_mean_quantile(const Masses& masses, double probability);

}  // namespace wisk::stats
