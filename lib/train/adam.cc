// Adam over all parameters at once (Kingma and Ba 2015), with decoupled weight decay (Loshchilov and Hutter 2019).
#include <cmath>

#include "cpu/simd.h"
#include "train/optimizer.h"

namespace storm {

namespace {

// In this order on a device, too (cuda/optimizers.cu).
struct Factors {
  float beta1, beta2, rest1, rest2;  // rest: 1 - beta
  float step_size;                   // rate / (1 - beta1^step)
  float root2;                       // 1 / sqrt(1 - beta2^step)
  float epsilon;
  float keep, gradient_scale;
};

STORM_CLONES void update_range(const Factors& f, float* p, float* g, float* m, float* v, int64_t n) {
  const Factors k = f;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float gradient = g[i] * k.gradient_scale;
    const float m1 = k.beta1 * m[i] + k.rest1 * gradient;
    const float v1 = k.beta2 * v[i] + k.rest2 * gradient * gradient;
    p[i] = k.keep * p[i] - k.step_size * m1 / (__builtin_sqrtf(v1) * k.root2 + k.epsilon);
    m[i] = m1;
    v[i] = v1;
    g[i] = 0;
  }
}

std::array<float, Update::kFactors> factors(const OptimizerOptions& options, int64_t step, double rate) {
  const double beta1 = options.numbers.at("beta1"), beta2 = options.numbers.at("beta2");
  const auto t = static_cast<double>(step);
  return {static_cast<float>(beta1),
          static_cast<float>(beta2),
          static_cast<float>(1 - beta1),
          static_cast<float>(1 - beta2),
          static_cast<float>(rate / (1 - std::pow(beta1, t))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, t))),
          static_cast<float>(options.numbers.at("epsilon"))};
}

void update(const OptimizerKind::Step& s, float* values, float* gradients, std::span<float* const> state, int64_t n) {
  const auto& f = s.factors;
  update_range({f[0], f[1], f[2], f[3], f[4], f[5], f[6], s.keep, s.gradient_scale}, values, gradients, state[0],
               state[1], n);
}

}  // namespace

const OptimizerKind& adam() {
  static const OptimizerKind kind{.name = "adam",  // its numbers' presets: Vaswani et al. 2017, §5.3
                                  .numbers = {{"beta1", 0.9, kMostDecay, "Adam: decay of the mean"},
                                              {"beta2", 0.98, kMostDecay, "Adam: decay of the variance"},
                                              {"epsilon", 1e-9, 1, "Adam: added to the root of the variance"}},
                                  .buffers = {"adam.m", "adam.v"},
                                  .training = {},
                                  .factors = factors,
                                  .update = update};
  return kind;
}

}  // namespace storm
