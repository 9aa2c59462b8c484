// Weights away from where training begins, so that no two layers are alike and no bias is zero.
#pragma once

#include "base/random.h"
#include "models/model.h"

namespace storm::test {

// Initialises all parameters, and adds normal noise to each.
inline void initialize_with_noise(Model& model, uint64_t seed, uint64_t noise_seed, float scale) {
  model.parameters().initialize(seed);
  uint64_t stream = 0;
  for (const auto& spec : model.parameters().specs()) {
    RandomStream random(noise_seed, RandomUse::initial_weights, ++stream << 32);
    for (float& x : model.parameters().view(spec.name)) x += scale * static_cast<float>(random.normal());
  }
}

}  // namespace storm::test
