#pragma once
// The activations of gates, the CPU's own templates on one float.

#include "cpu/gated.hpp"
#include "scalar_lane.cuh"

namespace wisk::device::cuda {

__device__ inline float activated(Activation activation, float gate) {
  return activation == Activation::kSilu ? silu_lanes<ScalarLane>(gate) : gelu_tanh_lanes<ScalarLane>(gate);
}

}  // namespace wisk::device::cuda
