#include "train/adam.h"

#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "train/decay_turns.h"

namespace storm {

namespace {

constexpr int64_t kGrain = 4096;

struct Factors {
  float beta1, beta2, rest1, rest2;  // rest: 1 - beta
  float gradient_scale;
  float step_size;  // rate / (1 - beta1^step)
  float root2;      // 1 / sqrt(1 - beta2^step)
  float epsilon;
  float keep;  // 1 - rate * weight_decay
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

}  // namespace

Adam::Adam(std::size_t count, const AdamOptions& options, std::vector<int64_t> decay_turns)
    : count_(count),
      options_(options),
      decay_turns_(std::move(decay_turns)),
      m_(count * sizeof(float)),
      v_(count * sizeof(float)) {}

void Adam::update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                  float gradient_scale) {
  require(values.size() == count_ && gradients.size() == count_, "Adam: made for ", count_, " parameters, given ",
          values.size(), " and ", gradients.size(), " gradients");
  const auto t = static_cast<double>(step);
  const Factors f{.beta1 = static_cast<float>(options_.beta1),
                  .beta2 = static_cast<float>(options_.beta2),
                  .rest1 = static_cast<float>(1 - options_.beta1),
                  .rest2 = static_cast<float>(1 - options_.beta2),
                  .gradient_scale = gradient_scale,
                  .step_size = static_cast<float>(rate / (1 - std::pow(options_.beta1, t))),
                  .root2 = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t))),
                  .epsilon = static_cast<float>(options_.epsilon),
                  .keep = static_cast<float>(1 - rate * options_.weight_decay)};
  Factors spared = f;
  spared.keep = 1;
  parallel_ranges(static_cast<int64_t>(count_), kGrain, [&](int64_t begin, int64_t end) {
    for_stretches(decay_turns_, begin, end, [&](int64_t from, int64_t to, bool decays) {
      update_range(decays ? f : spared, values.data() + from, gradients.data() + from, first().data() + from,
                   second().data() + from, to - from);
    });
  });
}

}  // namespace storm
