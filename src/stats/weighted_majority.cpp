#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include <wisk/core/error.hpp>
#include <wisk/core/philox.hpp>
#include <wisk/stats/majority.hpp>

#include "subsets.hpp"

namespace wisk::stats {
namespace {

/// Sums closer than this share of all |weights| are tied: they may have been added in different orders.
constexpr double kTie = 1e-12;

struct Ballot {
  std::size_t answer;  // kNone: no vote
  double weight;
};
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// The votes with answers numbered from 0.
struct Ballots {
  std::vector<Ballot> votes;          // [n]
  std::vector<std::uint8_t> correct;  // [answers]
  double tie = 0.0;                   // sums that differ by less are equal
};

Ballots number_answers(std::span<const Vote> votes) {
  Ballots ballots;
  std::map<std::int32_t, std::size_t> numbers;
  double magnitude = 0.0;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    const auto& [answer, weight, correct] = votes[i];
    if (answer < 0) {
      ballots.votes.push_back({kNone, 0.0});
      continue;
    }
    if (!std::isfinite(weight)) {
      throw InputError("weighted majority", "a finite weight for each vote (a score column without gaps)",
                       std::to_string(weight) + " for sample " + std::to_string(i));
    }
    const auto [place, is_new] = numbers.try_emplace(answer, numbers.size());
    if (is_new) ballots.correct.push_back(correct ? 1 : 0);
    ballots.votes.push_back({place->second, weight});
    magnitude += std::abs(weight);
  }
  ballots.tie = kTie * magnitude;
  return ballots;
}

/// The sums of the votes counted so far, by answer.
class Count {
 public:
  explicit Count(const Ballots& ballots)
      : ballots_(ballots), sums_(ballots.correct.size()), voters_(ballots.correct.size()) {}

  void clear() {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(voters_.begin(), voters_.end(), 0);
  }
  /// Returns the answer's sum before, for undo.
  double add(const Ballot& ballot) {
    if (ballot.answer == kNone) return 0.0;
    ++voters_[ballot.answer];
    return std::exchange(sums_[ballot.answer], sums_[ballot.answer] + ballot.weight);
  }
  void undo(const Ballot& ballot, double sum_before) {
    if (ballot.answer == kNone) return;
    --voters_[ballot.answer];
    sums_[ballot.answer] = sum_before;
  }
  /// Share of the winning vote that is correct; 0 without a vote.
  [[nodiscard]] double correct_share() const {
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      if (voters_[i] > 0) highest = std::max(highest, sums_[i]);
    }
    int winners = 0;
    int correct = 0;
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      if (voters_[i] == 0 || sums_[i] < highest - ballots_.tie) continue;
      ++winners;
      correct += ballots_.correct[i];
    }
    return winners == 0 ? 0.0 : static_cast<double>(correct) / winners;
  }

 private:
  const Ballots& ballots_;
  std::vector<double> sums_;
  std::vector<int> voters_;
};

/// Sum of correct_share over all ways to add `left` of the votes from `first` on.
double sum_over_subsets(const Ballots& ballots, Count& count, std::size_t first, std::size_t left) {
  if (left == 0) return count.correct_share();
  double sum = 0.0;
  for (std::size_t i = first; i + left <= ballots.votes.size(); ++i) {
    const double before = count.add(ballots.votes[i]);
    sum += sum_over_subsets(ballots, count, i + 1, left - 1);
    count.undo(ballots.votes[i], before);
  }
  return sum;
}

/// C(n, k), rounded, or infinity.
double subsets(std::int64_t n, std::int64_t k) {
  double value = 1.0;
  for (std::int64_t i = 1; i <= std::min(k, n - k); ++i) {
    value = value * static_cast<double>(n - std::min(k, n - k) + i) / static_cast<double>(i);
  }
  return std::round(value);
}

/// Random 32-bit words of one (seed, draw).
class Words {
 public:
  Words(std::uint64_t seed, std::uint32_t draw)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}, draw_(draw) {}
  /// Uniform on 0..limit-1 (Lemire 2019, arXiv 1805.10941, without the rejection: off by at most
  /// limit / 2^32).
  std::size_t below(std::size_t limit) {
    if (used_ == words_.size()) {
      words_ = philox4x32({draw_, block_++, 0, 0}, key_);
      used_ = 0;
    }
    return static_cast<std::size_t>((static_cast<std::uint64_t>(words_[used_++]) * limit) >> 32);
  }

 private:
  PhiloxKey key_;
  std::uint32_t draw_, block_ = 0;
  PhiloxCounter words_{};
  std::size_t used_ = 4;
};

/// Estimates for the k at `places` of `k`, from the same random orders: the first k of a random order are a
/// random subset.
void draw_orders(const Ballots& ballots, std::span<const std::int64_t> k, std::vector<std::size_t> places,
                 std::uint64_t seed, std::vector<WeightedValue>& values) {
  std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return k[a] < k[b]; });
  std::vector<double> sums(places.size()), squares(places.size());
  Count count(ballots);
  std::vector<Ballot> order = ballots.votes;
  for (std::uint32_t draw = 0; draw < kWeightedDraws; ++draw) {
    Words words(seed, draw);
    count.clear();
    std::size_t drawn = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (; drawn < static_cast<std::size_t>(k[places[i]]); ++drawn) {
        std::swap(order[drawn], order[drawn + words.below(order.size() - drawn)]);
        count.add(order[drawn]);
      }
      const double share = count.correct_share();
      sums[i] += share;
      squares[i] += share * share;
    }
  }
  constexpr double kDraws = kWeightedDraws;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double mean = sums[i] / kDraws;
    const double variance = std::max(0.0, (squares[i] - kDraws * mean * mean) / (kDraws - 1.0));
    values[places[i]] = {mean, std::max(std::sqrt(variance / kDraws), 1.0 / kDraws)};
  }
}

/// Whether all votes have the same positive weight: then they are plain votes.
bool equal_weights(const Ballots& ballots) {
  double weight = 0.0;
  for (const Ballot& ballot : ballots.votes) {
    if (ballot.answer == kNone) continue;
    if (weight == 0.0) weight = ballot.weight;
    if (ballot.weight != weight || weight <= 0.0) return false;
  }
  return true;
}

/// The votes without their weights.
std::vector<AnswerClass> plain_classes(const Ballots& ballots) {
  std::vector<AnswerClass> classes;
  for (const std::uint8_t correct : ballots.correct) classes.push_back({0, correct != 0});
  for (const Ballot& ballot : ballots.votes) {
    if (ballot.answer != kNone) ++classes[ballot.answer].votes;
  }
  return classes;
}

/// Whether the weights don't matter: the winner is always correct, or never, or the weights are equal.
bool is_plain(const Ballots& ballots) {
  const auto& correct = ballots.correct;
  return std::count(correct.begin(), correct.end(), correct.empty() ? 0 : correct.front()) ==
             static_cast<std::ptrdiff_t>(correct.size()) ||
         equal_weights(ballots);
}

}  // namespace

std::vector<WeightedValue> weighted_majority_at_k(std::span<const Vote> votes,
                                                  std::span<const std::int64_t> k, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(votes.size());
  check_subset_sizes("weighted majority", n, k);
  const Ballots ballots = number_answers(votes);
  std::vector<WeightedValue> values(k.size());
  if (is_plain(ballots)) {
    const auto plain = majority_at_k(plain_classes(ballots), n, k);
    for (std::size_t i = 0; i < k.size(); ++i) values[i] = {plain[i], 0.0};
    return values;
  }
  std::vector<std::size_t> to_draw;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const double total = subsets(n, k[i]);
    if (total > kWeightedSubsets) {
      to_draw.push_back(i);
      continue;
    }
    Count count(ballots);
    values[i] = {sum_over_subsets(ballots, count, 0, static_cast<std::size_t>(k[i])) / total, 0.0};
  }
  if (!to_draw.empty()) draw_orders(ballots, k, std::move(to_draw), seed, values);
  return values;
}

}  // namespace wisk::stats
