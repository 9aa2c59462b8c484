// Weight normalisation: each row of a weight as its direction and its length, w[o] = g[o] * v[o] / |v[o]| (Salimans and
// Kingma 2016, equation 2; gradients: equation 3). A row of v must not be all zeros.
#pragma once

#include "tensor/graph.h"

namespace storm {

// v: [out, in], g: [1, out] -> [out, in]
Value weight_norm(Graph& graph, Value v, Value g);

}  // namespace storm
