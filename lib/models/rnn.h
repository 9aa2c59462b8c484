// Recurrent sequence-to-sequence models: Sutskever et al. 2014, Cho et al. 2014; with attention Bahdanau et al. 2015
// and Luong et al. 2015.
#pragma once

#include "models/architecture.h"

namespace storm {

const Architecture& rnn_architecture();

}  // namespace storm
