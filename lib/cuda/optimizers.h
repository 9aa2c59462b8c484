// Adam and Nesterov's momentum over all parameters in one launch, and the norm of all gradients.
#pragma once

#include <cstdint>

#include "cuda/context.h"
#include "tensor/device.h"

namespace storm::cuda {

constexpr int kNormBlocks = 256;

// sums: [kNormBlocks], of squares, in an order that n alone decides.
void queue_square_sums(Context& context, const float* x, int64_t n, double* sums);
// norm: the root of what they add up to.
void queue_root(Context& context, const double* sums, double* norm);

// What the gradients are multiplied by: a number, and what brings a norm that the device has down to `most` (0: any).
struct GradientScale {
  double factor = 1;             // of a float's value; as wide as the rest, so that nothing undefined lies between
  const double* norm = nullptr;  // may be null
  double most = 0;
};

// first, second: [n], the optimizer's buffers; second is null where it has one alone. decay_turns: the update's, on the
// device. gradients are zero afterwards. Throws Error for a rule that has no kernel.
void queue_update(Context& context, float* values, float* gradients, float* first, float* second, int64_t n,
                  const Update& update, const int64_t* decay_turns, const GradientScale& scale);

// mean += weight * (values - mean), of n numbers.
void queue_move_towards(Context& context, const float* values, float weight, float* mean, int64_t n);

}  // namespace storm::cuda
