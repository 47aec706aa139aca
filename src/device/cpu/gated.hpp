#pragma once
// The feed-forward gate: act(g) * u. SiLU: x / (1 + e^-x); GELU in its tanh form (Hendrycks and Gimpel, arXiv
// 1606.08415).

#include <cstdint>

#include <wisk/device/device.hpp>

#include "elementwise.hpp"

namespace wisk::device {

template <class L>
constexpr typename L::Vector silu_lanes(typename L::Vector x) {
  const auto one = L::set1(1.0f);
  return L::div(x, L::add(one, exp_lanes<L>(L::sub(L::set1(0.0f), x))));
}

template <class L>
constexpr typename L::Vector gelu_tanh_lanes(typename L::Vector x) {
  const auto cube = L::mul(L::mul(x, x), x);
  const auto inner = L::mul(L::set1(0.7978845608028654f), L::fma(L::set1(0.044715f), cube, x));
  return L::mul(L::mul(L::set1(0.5f), x), L::add(L::set1(1.0f), tanh_lanes<L>(inner)));
}

/// out[i] = act(gate[i]) * up[i]; a tail goes through padded copies.
template <class L>
void gated_range(Activation activation, const float* gate, const float* up, std::int64_t count,
                 Compute rounding, float* out) {
  const auto one = [&](const float* g, const float* u, float* o) {
    const auto x = L::load(g);
    const auto active = activation == Activation::kSilu ? silu_lanes<L>(x) : gelu_tanh_lanes<L>(x);
    const auto y = L::mul(active, L::load(u));
    L::store(o, rounding == Compute::kBFloat16 ? L::round_to_bf16(y) : y);
  };
  std::int64_t i = 0;
  for (; i + L::kWidth <= count; i += L::kWidth) one(gate + i, up + i, out + i);
  if (i < count) {
    float g[L::kWidth] = {}, u[L::kWidth] = {}, o[L::kWidth];
    for (std::int64_t j = i; j < count; ++j) {
      g[j - i] = gate[j];
      u[j - i] = up[j];
    }
    one(g, u, o);
    for (std::int64_t j = i; j < count; ++j) out[j] = o[j - i];
  }
}

}  // namespace wisk::device
