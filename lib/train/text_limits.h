// What a training can ask of running text.
#pragma once

#include "tasks/task.h"
#include "train/train_settings.h"

namespace storm {

// Throws UsageError for settings of running text that contradict one another, or that the model is not able to follow.
void require_text(const TrainSettings& settings, const Model& model, const Task& task);
// The same for a block that is larger than a batch.
void require_block_fits(const TrainSettings& settings, const Task& task);

}  // namespace storm
