#pragma once
// Choosing the next token: filters, then the argmax of logit / T + Gumbel noise (docs/numerics.md).

#include <cstdint>
#include <memory>
#include <span>
#include <wisk/core/noise.hpp>
#include <wisk/sample/parameters.hpp>

namespace wisk::sample {

/// A chosen token, and the natural log of its probability under the raw logits: temperature 1, no filter.
struct Choice {
  std::int32_t token = 0;
  float logprob = 0;
};

/// Natural log of the sum of exp(logits): exponentials in f32 relative to the largest logit, summed in f32
/// within a block of 64 (a binary tree) and in double over the blocks, in order. NaN counts as -inf. -inf
/// when no logit is finite.
float log_sum_exp(std::span<const float> logits);

/// Natural log of a token's probability under raw logits; the bits that Choice::logprob has for a chosen one.
/// NaN when no logit is finite.
float log_probability(std::span<const float> logits, std::int32_t token);

/// Throws InputError for parameters outside their range: 0 < temperature < 1e-6, anything negative, top_p or
/// min_p above 1.
void check(const SamplingParameters& parameters);

/// Throws the InputError of logits of which none is finite, or one is +inf (a broken model): names the draw.
[[noreturn]] void throw_broken(std::size_t nan, std::size_t infinite, std::size_t vocabulary,
                               const Draw& draw);

/// Chooses tokens. Owns scratch memory that calls reuse: one object a thread.
///
/// The filters, in transformers' order. Each keeps a prefix of the ids sorted by (logit falling, id rising),
/// so lower ids win ties, and at least one id:
/// 1. temperature: logits are divided by T. T = 0: the largest logit, no noise; filters cannot matter.
/// 2. top_k (0 off): the first k.
/// 3. top_p (1 off): the shortest prefix whose probability among those that top_k left is at least top_p.
///    Weights are f32 exponentials (relative error 2^-22), their sums double.
/// 4. min_p (0 off): the ids whose probability is at least min_p times the largest: logit >= largest + T
/// log(min_p). A NaN logit is never chosen and counts as -inf.
class Chooser {
 public:
  explicit Chooser(int vocabulary);
  Chooser(Chooser&&) noexcept;
  Chooser& operator=(Chooser&&) noexcept;
  ~Chooser();

  /// The token for `logits` [V]. A pure function of its arguments. Throws InputError when no logit is finite
  /// or one is +inf (a broken model; names the draw), and for parameters outside their range (check()).
  Choice choose(std::span<const float> logits, const SamplingParameters& parameters, const Draw& draw);
  /// The same, given the largest logit of each block of kBlockIds ids (or nothing: then they are looked for):
  /// blocks that cannot win are not looked at.
  Choice choose(std::span<const float> logits, std::span<const float> maxima /* [blocks] */,
                const SamplingParameters& parameters, const Draw& draw);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
  int vocabulary_;
};

}  // namespace wisk::sample
