// Masked language modelling: what stood in a text's masked places is told from what stands on both sides of them.
#pragma once

#include "tasks/task.h"

namespace storm {

// Its models are read, not trained: the kind says which column they read, and refuses to make a task.
const TaskKind& masked_language_model_task();

}  // namespace storm
