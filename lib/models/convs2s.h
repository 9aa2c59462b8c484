// ConvS2S: "Convolutional Sequence to Sequence Learning" (Gehring et al. 2017).
#pragma once

#include "models/architecture.h"

namespace storm {

const Architecture& convs2s_architecture();

}  // namespace storm
