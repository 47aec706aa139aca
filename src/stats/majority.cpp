#include <wisk/stats/majority.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <wisk/core/error.hpp>

#include "gauss_legendre.hpp"
#include "subsets.hpp"

// With m votes for a correct class, the other classes' sizes m_j and r samples in none of them, the number of
// k-subsets in which that class has t votes and no other has more, each weighted with 1 / (1 + s) for the s
// others that have t as well, is C(m, t) times the coefficient of x^(k-t) in
//   integral over y in 0..1 of (1 + x)^r prod_j (sum_{u<t} C(m_j, u) x^u + y C(m_j, t) x^t),
// as the integral of y^s is 1 / (1 + s). The integrand is a polynomial in y of at most min(classes with
// m_j >= t, (k-t)/t) degrees, so Gauss and Legendre's rule with half as many nodes is exact, and every term
// is positive: nothing cancels. A class with fewer than t votes is (1 + x)^m_j, one with the r.
namespace wisk::stats {
namespace {

/// Binomial coefficients grow to 2^n, so those of m samples that follow `before` others are divided by 2^e,
/// e = (before + m) / 2 - before / 2: products of rows are then within 2^(-n/2)..2^(n/2), and any grouping of
/// the n samples into rows has been divided by 2^(n/2) in all.
int scale_of(std::int64_t before, std::int64_t m) {
  return static_cast<int>((before + m) / 2 - before / 2);
}

/// C(m, 0..degree) / 2^scale_of(before, m), degree <= m.
template <typename Real>
void binomial_row(std::int64_t before, std::int64_t m, std::int64_t degree, std::vector<Real>& row) {
  row.resize(static_cast<std::size_t>(degree + 1));
  auto value = std::ldexp(1.0L, -scale_of(before, m));
  for (std::int64_t u = 0; u <= degree; ++u) {
    row[static_cast<std::size_t>(u)] = static_cast<Real>(value);
    value = value * static_cast<long double>(m - u) / static_cast<long double>(u + 1);
  }
}

/// Majority@k of one problem. Real: double while 2^(n/2) is far within its range, else long double.
template <typename Real>
class Majority {
 public:
  Majority(std::span<const AnswerClass> classes, std::int64_t n, std::int64_t largest_k)
      : n_(n), largest_k_(largest_k) {
    for (const AnswerClass& answers : classes) {
      if (answers.votes > 0) sizes_.push_back(answers.votes);
    }
    std::sort(sizes_.rbegin(), sizes_.rend());
    binomial_row<Real>(0, n, largest_k, all_);
    sums_.assign(static_cast<std::size_t>(largest_k + 1), Real{0});
  }

  /// Adds what a correct class of m votes brings, `times` such classes.
  void add_class(std::int64_t m, std::int64_t times) {
    others_ = sizes_;
    others_.erase(std::find(others_.begin(), others_.end(), m));
    binomial_row<Real>(0, m, std::min(m, largest_k_), own_);
    for (std::int64_t t = 1; t <= std::min(m, largest_k_); ++t) add_votes(m, t, static_cast<Real>(times));
  }

  [[nodiscard]] double value(std::int64_t k) const {
    const auto i = static_cast<std::size_t>(k);
    return std::min(1.0, static_cast<double>(sums_[i] / all_[i]));
  }

 private:
  /// The subsets in which the class at hand wins with t votes.
  void add_votes(std::int64_t m, std::int64_t t, Real times) {
    const auto rivals =
        std::find_if(others_.begin(), others_.end(), [=](auto size) { return size < t; }) - others_.begin();
    const std::int64_t degree = std::min(largest_k_ - t, rivals * t);
    integrate(m, t, static_cast<std::size_t>(rivals), degree);
    std::int64_t before = m;
    for (std::int64_t j = 0; j < rivals; ++j) before += others_[static_cast<std::size_t>(j)];
    const std::int64_t rest = n_ - before;
    binomial_row<Real>(before, rest, std::min(rest, largest_k_ - t), rest_);
    const Real factor = own_[static_cast<std::size_t>(t)] * times;
    for (std::size_t i = 0; i < rivals_.size(); ++i) {
      const Real scaled = factor * rivals_[i];
      Real* const to = sums_.data() + t + i;
      const std::size_t count = std::min(rest_.size(), static_cast<std::size_t>(largest_k_ - t) + 1 - i);
      for (std::size_t j = 0; j < count; ++j) to[j] += scaled * rest_[j];
    }
  }

  /// rivals_ = coefficients 0..degree of the integral of the rivals' product.
  void integrate(std::int64_t m, std::int64_t t, std::size_t rivals, std::int64_t degree) {
    rivals_.assign(static_cast<std::size_t>(degree + 1), Real{0});
    if (rivals == 0) {
      rivals_[0] = 1;
      return;
    }
    rows_.resize(rivals);
    std::int64_t before = m;
    for (std::size_t j = 0; j < rivals; ++j) {
      binomial_row<Real>(before, others_[j], std::min(t, degree), rows_[j]);
      before += others_[j];
    }
    const auto ties = std::min(rivals, static_cast<std::size_t>(degree / t));
    const QuadratureRule& rule = gauss_legendre(ties / 2 + 1);
    for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
      multiply_rows(rivals, static_cast<std::size_t>(t), static_cast<Real>(rule.nodes[i]), rivals_.size());
      const auto weight = static_cast<Real>(rule.weights[i]);
      for (std::size_t j = 0; j < product_.size(); ++j) rivals_[j] += weight * product_[j];
    }
  }

  /// product_ = product of the rivals' rows with y for t votes, cut after `limit` coefficients.
  void multiply_rows(std::size_t rivals, std::size_t t, Real y, std::size_t limit) {
    product_.assign(1, Real{1});
    for (std::size_t row = 0; row < rivals; ++row) {
      next_.assign(std::min(limit, product_.size() + rows_[row].size() - 1), Real{0});
      for (std::size_t u = 0; u < rows_[row].size(); ++u) {
        const Real factor = u == t ? y * rows_[row][u] : rows_[row][u];
        const std::size_t count = std::min(product_.size(), next_.size() - std::min(u, next_.size()));
        for (std::size_t j = 0; j < count; ++j) next_[u + j] += factor * product_[j];
      }
      std::swap(product_, next_);
    }
  }

  std::int64_t n_, largest_k_;
  std::vector<std::int64_t> sizes_, others_;  // falling
  std::vector<Real> all_, sums_;              // by k: C(n, k), and the weighted number of subsets
  std::vector<Real> own_, rest_, rivals_, product_, next_;
  std::vector<std::vector<Real>> rows_;
};

void check(std::span<const AnswerClass> classes, std::int64_t n, std::span<const std::int64_t> k) {
  check_subset_sizes("Majority@k", n, k);
  std::int64_t votes = 0;
  for (const AnswerClass& answers : classes) {
    if (answers.votes < 0) {
      throw InputError("Majority@k", "votes of at least 0", std::to_string(answers.votes));
    }
    votes += answers.votes;
  }
  if (votes > n) {
    throw InputError("Majority@k", "at most n = " + std::to_string(n) + " votes", std::to_string(votes));
  }
}

template <typename Real>
std::vector<double> values_of(std::span<const AnswerClass> classes, std::int64_t n,
                              std::span<const std::int64_t> k) {
  Majority<Real> majority(classes, n, *std::max_element(k.begin(), k.end()));
  std::vector<std::int64_t> correct;
  for (const AnswerClass& answers : classes) {
    if (answers.correct && answers.votes > 0) correct.push_back(answers.votes);
  }
  std::sort(correct.begin(), correct.end());
  for (std::size_t first = 0, end = 0; first < correct.size(); first = end) {
    while (end < correct.size() && correct[end] == correct[first]) ++end;
    majority.add_class(correct[first], static_cast<std::int64_t>(end - first));
  }
  std::vector<double> values;
  for (const std::int64_t size : k) values.push_back(majority.value(size));
  return values;
}

}  // namespace

std::vector<double> majority_at_k(std::span<const AnswerClass> classes, std::int64_t n,
                                  std::span<const std::int64_t> k) {
  check(classes, n, k);
  if (k.empty()) return {};
  constexpr std::int64_t kDoubleReaches = 1900;
  return n <= kDoubleReaches ? values_of<double>(classes, n, k) : values_of<long double>(classes, n, k);
}

}  // namespace wisk::stats
