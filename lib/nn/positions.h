// Sinusoidal position encodings: PE(p, 2i) = sin(p / 10000^(2i/d)), PE(p, 2i+1) = cos(the same) (Vaswani et al. 2017,
// §3.5). Halves: the same numbers, the sines before the cosines, as Marian has them. Concatenated: tensor2tensor's
// layout of the same idea, sines before cosines with its own spacing of the wavelengths.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace storm {

enum class SinusoidLayout : uint8_t { interleaved, concatenated, halves };

// Where halves have column i of the interleaved layout, of a model as wide as d_model, which may be odd.
constexpr int64_t halves_column(int64_t i, int64_t d_model) { return i % 2 == 0 ? i / 2 : (d_model + 1) / 2 + i / 2; }

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
