// Gradient descent with Nesterov's accelerated momentum (Sutskever et al. 2013, in the form that keeps the weights
// where the gradient was taken, as Bengio et al. 2013 have it), with decoupled weight decay.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/buffer.h"

namespace storm {

struct NesterovOptions {
  double momentum = 0.99;   // Gehring et al. 2017, §4.2
  double weight_decay = 0;  // each step takes rate * weight_decay of what decays
};

class Nesterov {
 public:
  // decay_turns: what decays (train/decay_turns.h).
  Nesterov(std::size_t count, const NesterovOptions& options, std::vector<int64_t> decay_turns = {});

  // One update, in one pass over the buffers: with the gradients g, each times gradient_scale (what clipping leaves),
  // m = momentum * m + g, and values move by -rate * (g + momentum * m). The gradients are zero afterwards.
  void update(std::span<float> values, std::span<float> gradients, double rate, float gradient_scale = 1);

  std::span<float> momentum() const { return m_.as<float>().first(count_); }  // in the order of the parameters

 private:
  std::size_t count_;
  NesterovOptions options_;
  std::vector<int64_t> decay_turns_;
  Buffer m_;
};

}  // namespace storm
