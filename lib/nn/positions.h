// Sinusoidal position encodings: PE(p, 2i) = sin(p / 10000^(2i/d)), PE(p, 2i+1) = cos(the same) (Vaswani et al. 2017,
// §3.5), or tensor2tensor's layout of the same idea: all sines, then all cosines, with its own spacing of the
// wavelengths.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace storm {

enum class SinusoidLayout : uint8_t { interleaved, concatenated };

// Grows with the longest sentence seen; several threads may ask at once.
class SinusoidTable {
 public:
  SinusoidTable(int64_t d_model, SinusoidLayout layout) : d_model_(d_model), layout_(layout) {}

  // [at least `positions`, d_model]; the pointer holds as long as the table lives.
  const float* rows(int64_t positions) const;

 private:
  int64_t d_model_;
  SinusoidLayout layout_;
  mutable std::mutex growing_;
  mutable std::vector<std::vector<float>> tables_;  // each at least twice as long as the one before, which stays in use
};

}  // namespace storm
