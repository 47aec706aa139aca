// The end of a step: logits, or the choice of a token, and what the ranks of a replica exchange for it.
#include <algorithm>

#include <wisk/model/transformer.hpp>

#include "workspace.hpp"

namespace wisk::model {

/// The product that makes the logits of the chosen rows from norm(x).
device::Linear Transformer::head_of(std::span<const std::int32_t> rows, std::int64_t count) {
  const Architecture& a = architecture_;
  float* taken = work_->taken.get(device_, count * a.width);
  const device::Operands normed = work_->rows.operands(device_, count * a.width, compute_);
  device_.take_rows(work_->x, a.width, rows, taken);
  device_.rms_norm(taken, weights_.final_norm.as<float>(), a.norm_epsilon, count, a.width, compute_, normed);
  device::Linear head{};
  head.a = normed;
  head.lda = a.width;
  head.w = &weights_.output_embedding();
  head.ldo = logit_stride();
  head.inputs = compute_;
  head.softcap = a.logit_softcap;
  return head;
}

/// logits = cap(E norm(x)) for the chosen rows
void Transformer::multiply_logits(std::span<const std::int32_t> rows, std::int64_t count) {
  device::Linear head = head_of(rows, count);
  head.out = work_->logits.get(device_, count * head.ldo);
  head.maxima = work_->maxima.get(device_, count * device::logit_blocks(head.w->rows));
  work_->products.push_back(head);
  device_.linear(work_->products, count);
  work_->products.clear();
}

/// The next token of the chosen rows: in each of this rank's slices of the vocabulary, then over all slices
/// in their order, so that any tensor-parallel degree sums in the same order.
void Transformer::choose(std::span<const std::int32_t> rows, std::int64_t count,
                         const device::Choosing& choosing) {
  const int slices = architecture_.slices(), first = replica_.rank() * weights_.local_slices();
  device::VocabularyParts parts;
  parts.vocabulary = static_cast<std::int32_t>(architecture_.vocabulary);
  parts.count = weights_.local_slices();
  for (int part = 0; part <= parts.count; ++part) {
    const int slice = std::min(first + part, slices - 1);
    const auto [begin, end] = vocabulary_range(architecture_, slice, slices);
    parts.edges[part] = static_cast<std::int32_t>(first + part < slices ? begin : end);
  }
  static_assert(sizeof(device::PartChoice) % sizeof(float) == 0);
  constexpr std::int64_t kWords = sizeof(device::PartChoice) / sizeof(float);
  const std::int64_t words = parts.count * count * kWords;
  float* choices = work_->part_choices.get(device_, words);
  device::Linear head = head_of(rows, count);
  if (replica_.size() > 1 && choosing.filters(architecture_.vocabulary)) share_logits(head, count);
  device_.choose_in_parts(head, count, parts, reinterpret_cast<device::PartChoice*>(choices));
  if (replica_.size() > 1) {
    float* all = work_->all_choices.get(device_, words * replica_.size());
    gather(choices, words, all);
    choices = all;
  }
  std::byte* result =
      work_->row_choices.bytes(device_, count * static_cast<std::int64_t>(sizeof(device::RowChoice)));
  device_.choose_in_rows(reinterpret_cast<const device::PartChoice*>(choices), slices, count,
                         reinterpret_cast<device::RowChoice*>(result));
}

/// Computes this rank's logits where `head` says from then on, and finds the filters' cuts in those of all.
void Transformer::share_logits(device::Linear& head, std::int64_t count) {
  device::WholeLogits all;
  all.parts = replica_.size();
  for (int r = 0; r < all.parts; ++r) {
    const auto [first, last] = vocabulary_range(architecture_, r, all.parts);
    all.edges[r + 1] = static_cast<std::int32_t>(last);
    all.stride = std::max(all.stride, (last - first + 3) / 4 * 4);  // the same on all ranks; whole vectors
  }
  head.ldo = all.stride;
  head.out = work_->logits.get(device_, count * all.stride);
  device_.linear({&head, 1}, count);
  float* gathered = work_->whole_logits.get(device_, count * all.stride * all.parts);
  gather(head.out, count * all.stride, gathered);
  all.data = gathered;
  device_.find_cuts(all, count);
}

/// Rows a power of two apart would compete for a few places in the caches.
std::int64_t Transformer::logit_stride() const {
  const std::int64_t rows = weights_.output_embedding().rows;
  return replica_.size() == 1 ? (rows + 15) / 16 * 16 + 16 : rows;
}

Logits Transformer::logits(std::int64_t count) {
  if (count == 0) return {};
  const std::int64_t stride = logit_stride(), local = weights_.output_embedding().rows,
                     blocks = device::logit_blocks(local);
  if (replica_.size() > 1) return gather_logits(count, local);
  std::span<const float> maxima;  // other devices don't look for them
  if (device_.is_host_memory())
    maxima = {work_->maxima.get(device_, 0), static_cast<std::size_t>(count * blocks)};
  return {device_.host_view(work_->logits.get(device_, count * stride), count * stride), maxima,
          architecture_.vocabulary, stride};
}

/// The parts of the vocabulary that the ranks hold, put together.
Logits Transformer::gather_logits(std::int64_t count, std::int64_t local_vocabulary) {
  const Architecture& a = architecture_;
  std::vector<std::size_t> bytes;
  for (int r = 0; r < replica_.size(); ++r) {
    const auto [first, last] = vocabulary_range(a, r, replica_.size());
    bytes.push_back(static_cast<std::size_t>((last - first) * count) * sizeof(float));
  }
  const auto total = static_cast<std::size_t>(count * a.vocabulary);
  work_->local_logits.resize(total);
  work_->all_logits.resize(total);
  const std::int64_t mine = count * local_vocabulary;  // [count, local_vocabulary]
  replica_.all_gather_v(std::as_bytes(device_.host_view(work_->logits.get(device_, mine), mine)),
                        std::as_writable_bytes(std::span(work_->local_logits)), bytes);
  std::size_t from = 0;
  for (int r = 0; r < replica_.size(); ++r) {  // rank by rank, row by row, into [rows, V]
    const auto [first, last] = vocabulary_range(a, r, replica_.size());
    for (std::int64_t row = 0; row < count; ++row, from += static_cast<std::size_t>(last - first)) {
      std::copy_n(work_->local_logits.data() + from, last - first,
                  work_->all_logits.data() + row * a.vocabulary + first);
    }
  }
  return {work_->all_logits, {}, a.vocabulary, a.vocabulary};
}

}  // namespace wisk::model
