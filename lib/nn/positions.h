// Sinusoidal position encodings: PE(p, 2i) = sin(p / 10000^(2i/d)), PE(p, 2i+1) = cos(the same) (Vaswani et al. 2017,
// §3.5), or tensor2tensor's layout of the same idea: all sines, then all cosines, with its own spacing of the
// wavelengths.
#pragma once

#include <cstdint>
#include <vector>

namespace storm {

enum class SinusoidLayout : uint8_t { interleaved, concatenated };

class SinusoidTable {
 public:
  SinusoidTable(int64_t d_model, SinusoidLayout layout) : d_model_(d_model), layout_(layout) {}

  // [at least `positions`, d_model]; a pointer of an earlier call is void when this one had to grow the table.
  const float* rows(int64_t positions);
  int64_t size() const { return static_cast<int64_t>(values_.size()) / d_model_; }

 private:
  int64_t d_model_;
  SinusoidLayout layout_;
  std::vector<float> values_;
};

}  // namespace storm
