#pragma once
// Integrals of polynomials over 0..1 as weighted sums.

#include <cstddef>
#include <vector>

namespace wisk::stats {

/// Nodes and weights on 0..1. Computed in long double: the outermost weights lose digits.
struct QuadratureRule {
  std::vector<long double> nodes, weights;
};

/// The Gauss-Legendre rule that integrates polynomials of degree 2 count - 1 exactly; computed once a thread.
const QuadratureRule& gauss_legendre(std::size_t count);

}  // namespace wisk::stats
