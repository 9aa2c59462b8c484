// Gradient descent with Nesterov's accelerated momentum (Sutskever et al. 2013, in the form that keeps the weights
// where the gradient was taken, as Bengio et al. 2013 have it), with decoupled weight decay. With the gradients g,
// m = momentum * m + g, and values move by -rate * (g + momentum * m).
#include "cpu/simd.h"
#include "train/optimizer.h"

namespace storm {

namespace {

// In this order on a device, too (cuda/optimizers.cu).
struct Factors {
  float momentum, rate;
  float keep, gradient_scale;
};

STORM_CLONES void update_range(const Factors& f, float* p, float* g, float* m, int64_t n) {
  const Factors k = f;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float gradient = g[i] * k.gradient_scale;
    const float m1 = k.momentum * m[i] + gradient;
    p[i] = k.keep * p[i] - k.rate * (gradient + k.momentum * m1);
    m[i] = m1;
    g[i] = 0;
  }
}

std::array<float, Update::kFactors> factors(const OptimizerOptions& options, int64_t, double rate) {
  return {static_cast<float>(options.numbers.at("momentum")), static_cast<float>(rate)};
}

void update(const OptimizerKind::Step& s, float* values, float* gradients, std::span<float* const> state, int64_t n) {
  update_range({s.factors[0], s.factors[1], s.keep, s.gradient_scale}, values, gradients, state[0], n);
}

}  // namespace

const OptimizerKind& nesterov() {
  // Momentum, rate and clipping: Gehring et al. 2017, §4.2.
  static const OptimizerKind kind{
      .name = "nesterov",
      .numbers = {{"momentum", 0.99, kMostDecay, "nesterov: share of the last update that goes on"}},
      .buffers = {"nesterov.m"},
      .training = {{"lr", 0.25}, {"clip_norm", 0.1}},
      .factors = factors,
      .update = update};
  return kind;
}

}  // namespace storm
