// Adam over all parameters at once (Kingma and Ba 2015), with decoupled weight decay (Loshchilov and Hutter 2019).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/buffer.h"

namespace storm {

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.98, epsilon = 1e-9;  // Vaswani et al. 2017, §5.3
  double weight_decay = 0;                           // each step takes rate * weight_decay of what decays
};

class Adam {
 public:
  // decay_turns: what decays (train/decay_turns.h).
  Adam(std::size_t count, const AdamOptions& options, std::vector<int64_t> decay_turns = {});

  // The step-th update (from 1), in one pass over the buffers: values move by the gradients, each times
  // gradient_scale (what clipping leaves), and the gradients are zero afterwards.
  void update(std::span<float> values, std::span<float> gradients, int64_t step, double rate, float gradient_scale = 1);

  std::span<float> first() const { return m_.as<float>().first(count_); }  // moments, in the order of the parameters
  std::span<float> second() const { return v_.as<float>().first(count_); }

 private:
  std::size_t count_;
  AdamOptions options_;
  std::vector<int64_t> decay_turns_;
  Buffer m_, v_;
};

}  // namespace storm
