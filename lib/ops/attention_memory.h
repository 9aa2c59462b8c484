// What every layer of multi-step attention looks at (Gehring et al. 2017, §3.3): keys are the encoder's outputs z,
// values z + e, e the source embeddings, scaled by `scale` and by the square root m * sqrt(1 / m) of their number m,
// which keeps the variance of a mean of m values (§3.5).
#pragma once

#include "tensor/graph.h"

namespace storm {

// z, e: [tokens, d]; offsets: I32 [sentences + 1, 1] -> [tokens, 2 d]: keys, then values.
// z's gradient is multiplied by z_gradient: as many layers look at one encoder, its gradient is scaled down; e's is
// not.
Value attention_memory(Graph& graph, Value z, Value e, Value offsets, float scale, float z_gradient);

struct AttentionMemoryAttributes {  // what its node carries, for the kernels
  float scale, z_gradient;
};

}  // namespace storm
