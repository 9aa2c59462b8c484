// The length of the gradient over all parameters, for clipping (Pascanu, Mikolov, Bengio 2013) and for the log.
#pragma once

#include <span>

namespace storm {

// Squares are summed in double over fixed blocks, so the threads do not change a bit. Not finite when a value is not.
double gradient_norm(std::span<const float> gradients);

// What the gradients are to be multiplied by: 1, or what brings a longer norm down to clip_norm (0: no clipping).
float clip_scale(double norm, double clip_norm);

}  // namespace storm
