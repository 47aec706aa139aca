#include "gauss_legendre.hpp"

#include <cmath>
#include <numbers>

namespace wisk::stats {
namespace {

/// By Newton's method on the roots of the Legendre polynomial (Numerical Recipes, section 4.6).
QuadratureRule computed_rule(std::size_t count) {
  QuadratureRule rule;
  const auto size = static_cast<long double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    long double x =
        std::cos(std::numbers::pi_v<long double> * (static_cast<long double>(i) + 0.75L) / (size + 0.5L));
    long double before = 0;  // P_(count-1)
    for (int step = 0; step < 100; ++step) {
      long double value = 1;
      before = 0;
      for (std::size_t j = 0; j < count; ++j) {
        const auto degree = static_cast<long double>(j);
        const long double next = ((2 * degree + 1) * x * value - degree * before) / (degree + 1);
        before = value;
        value = next;
      }
      const long double change = value * (x * x - 1) / (size * (x * value - before));
      x -= change;
      if (std::abs(change) < 1e-17L) break;
    }
    rule.nodes.push_back((1 + x) / 2);
    rule.weights.push_back((1 - x * x) / (size * size * before * before));
  }
  return rule;
}

}  // namespace

const QuadratureRule& gauss_legendre(std::size_t count) {
  thread_local std::vector<QuadratureRule> rules;  // by count
  if (rules.size() <= count) rules.resize(count + 1);
  if (rules[count].nodes.empty()) rules[count] = computed_rule(count);
  return rules[count];
}

}  // namespace wisk::stats
