#pragma once
// Distribution functions and their inverses, for intervals and tests. Pure functions of doubles.

namespace wisk::stats {

/// P(Z <= z) of the standard normal distribution.
double normal_probability(double z);

/// The z with P(Z <= z) = probability. Needs 0 < probability < 1; relative error below 1e-12.
double normal_quantile(double probability);

/// Regularised incomplete beta function I_x(a, b) by its continued fraction (Numerical Recipes, section 6.4;
/// modified Lentz method). a, b > 0; 0 <= x <= 1.
double incomplete_beta(double a, double b, double x);

/// The x with I_x(a, b) = probability, by safeguarded Newton steps. a, b > 0; 0 < probability < 1.
double beta_quantile(double probability, double a, double b);

/// The t with P(T <= t) = probability for Student's t with `degrees` degrees of freedom, by inverting the
/// regularised incomplete beta function; relative error below 1e-9 up to 10^5 degrees. Needs 0 < probability
/// < 1, degrees > 0.
double student_t_quantile(double probability, double degrees);

}  // namespace wisk::stats
