#include "product_lists.hpp"

#include <algorithm>

#include <wisk/core/assert.hpp>

#include "product.hpp"

namespace wisk::device {

bool ProductLists::takes_pairs(const Linear& x) const {
  return kernels_.multiplies_pairs && x.inputs == Compute::kBFloat16 && x.w->dtype == DType::kBFloat16 &&
         x.w->columns % 2 == 0;
}

ProductLists::List ProductLists::keep(std::span<const Linear> products, std::int64_t rows) {
  List list{products_.size(), products.size(), rows, 0, false};
  std::int64_t pairs = 0;
  for (const Linear& x : products) {
    const std::int64_t k = x.w->columns;
    Product product{x, -1, false};
    if (takes_pairs(x)) {
      const bool again = products_.size() > list.first && products_.back().pairs >= 0 &&
                         products_.back().x.a.data == x.a.data && products_.back().x.lda == x.lda &&
                         products_.back().x.w->columns == k;
      product.pairs = again ? products_.back().pairs : pairs;
      product.makes_pairs = !again;
      if (!again) pairs += rows * (k / 2);
      list.any_pairs = true;
    }
    products_.push_back(product);
    list.panels += x.w->panels();
  }
  if (static_cast<std::size_t>(pairs) > pairs_.size()) pairs_.resize(static_cast<std::size_t>(pairs));
  return list;
}

void ProductLists::make_pairs(const List& list, std::int64_t begin, std::int64_t end) {
  for (std::size_t i = list.first; i < list.first + list.count; ++i) {
    const Product& product = products_[i];
    if (!product.makes_pairs) continue;
    const std::int64_t half = product.x.w->columns / 2;
    for (std::int64_t r = begin; r < end; ++r)
      pack_pairs(product.x.a.f32() + r * product.x.lda, half, pairs_.data() + product.pairs + r * half);
  }
}

void ProductLists::multiply(const List& list, std::int64_t begin, std::int64_t end) const {
  std::int64_t first = 0;  // of this product
  for (std::size_t i = list.first; i < list.first + list.count && first < end; ++i) {
    const Product& product = products_[i];
    const std::int64_t panels = product.x.w->panels();
    const std::int64_t from = std::max(begin - first, std::int64_t{0}), to = std::min(end - first, panels);
    if (from < to) {
      const std::uint32_t* pairs = product.pairs < 0 ? nullptr : pairs_.data() + product.pairs;
      if (product.x.maxima == nullptr) {
        kernels_.linear(product.x, pairs, list.rows, from, to);
      } else {
        multiply_logits(product.x, pairs, list.rows, from, to);
      }
    }
    first += panels;
  }
}

/// Block by block of the vocabulary, so that a block is capped and searched while it is in the cache.
void ProductLists::multiply_logits(const Linear& x, const std::uint32_t* pairs, std::int64_t rows,
                                   std::int64_t begin, std::int64_t end) const {
  constexpr std::int64_t kBlock = kLogitBlock, kPanels = kBlock / PackedMatrix::kPanel;
  WISK_ASSERT(begin % kPanels == 0);
  const std::int64_t blocks = logit_blocks(x.w->rows);
  for (std::int64_t panel = begin; panel < end; panel += kPanels) {
    kernels_.linear(x, pairs, rows, panel, std::min(panel + kPanels, end));
    const std::int64_t block = panel / kPanels, first = block * kBlock,
                       count = std::min(kBlock, x.w->rows - first);
    for (std::int64_t r = 0; r < rows; ++r) {
      kernels_.block_maximum(x.out + r * x.ldo + first, count, x.softcap, x.maxima + r * blocks + block);
    }
  }
}

}  // namespace wisk::device
