#pragma once
// The lists of products of a step: what was asked for until it is done, and their operands as pairs, which
// several products of a list share.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <wisk/device/device.hpp>

#include "kernels.hpp"

namespace wisk::device {

/// Lists are kept by one thread. Afterwards any number of threads make the operands and multiply. Owns the
/// lists and the pairs; matrices, operands and results are the callers', and `kernels` outlives it.
class ProductLists {
 public:
  /// Products that read nothing from each other.
  struct List {
    std::size_t first, count;  ///< where they are kept
    std::int64_t rows, panels;
    bool any_pairs;  ///< make_pairs comes before multiply
  };

  explicit ProductLists(const Kernels& kernels) : kernels_(kernels) {}

  /// The operands' and results' memory is the caller's until the list is multiplied.
  List keep(std::span<const Linear> products, std::int64_t rows);
  /// Forgets all lists; their memory stays.
  void clear() { products_.clear(); }

  /// Rows [begin, end) of the operands that the list's products want as pairs. Of one list at a time: the
  /// pairs of an earlier one are overwritten.
  void make_pairs(const List& list, std::int64_t begin, std::int64_t end);
  /// Panels [begin, end) of a list, counted through all its products. Those of logits begin at whole blocks
  /// of the vocabulary.
  void multiply(const List& list, std::int64_t begin, std::int64_t end) const;

 private:
  struct Product {
    Linear x;
    std::int64_t pairs;  // where its operand lies in pairs_, once it is made; -1: not as pairs
    bool makes_pairs;    // the first of those that share them
  };

  [[nodiscard]] bool takes_pairs(const Linear& x) const;
  void multiply_logits(const Linear& x, const std::uint32_t* pairs, std::int64_t rows, std::int64_t begin,
                       std::int64_t end) const;

  const Kernels& kernels_;
  std::vector<Product> products_;
  std::vector<std::uint32_t> pairs_;  // operands of one list's products, [rows, K/2] each
};

}  // namespace wisk::device
