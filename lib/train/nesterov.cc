#include "train/nesterov.h"

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "train/decay_turns.h"

namespace storm {

namespace {

constexpr int64_t kGrain = 4096;

struct Factors {
  float momentum, rate, gradient_scale;
  float keep;  // 1 - rate * weight_decay
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

}  // namespace

Nesterov::Nesterov(std::size_t count, const NesterovOptions& options, std::vector<int64_t> decay_turns)
    : count_(count), options_(options), decay_turns_(std::move(decay_turns)), m_(count * sizeof(float)) {}

void Nesterov::update(std::span<float> values, std::span<float> gradients, double rate, float gradient_scale) {
  require(values.size() == count_ && gradients.size() == count_, "Nesterov: made for ", count_, " parameters, given ",
          values.size(), " and ", gradients.size(), " gradients");
  const Factors f{.momentum = static_cast<float>(options_.momentum),
                  .rate = static_cast<float>(rate),
                  .gradient_scale = gradient_scale,
                  .keep = static_cast<float>(1 - rate * options_.weight_decay)};
  Factors spared = f;
  spared.keep = 1;
  parallel_ranges(static_cast<int64_t>(count_), kGrain, [&](int64_t begin, int64_t end) {
    for_stretches(decay_turns_, begin, end, [&](int64_t from, int64_t to, bool decays) {
      update_range(decays ? f : spared, values.data() + from, gradients.data() + from, momentum().data() + from,
                   to - from);
    });
  });
}

}  // namespace storm
