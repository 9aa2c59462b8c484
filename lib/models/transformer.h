// The Transformer: "Attention Is All You Need" (Vaswani et al. 2017), with the variations of its Table 3 and the usual
// later ones (pre-norm, GELU, concatenated sinusoids) as settings.
#pragma once

#include "models/architecture.h"

namespace storm {

const Architecture& transformer_architecture();

}  // namespace storm
