// How a model does on data that it was not trained on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/batches.h"
#include "tasks/task.h"
#include "train/step.h"

namespace storm {

// The source's rows as the task lays them out, in parts of about the same size, each with up to max_tokens on its
// larger side, and one row at least. Rows of streams stay together.
std::vector<Batch> batches_of(const Task& task, const Rows& rows, const BatchSource& source, int64_t max_tokens);

// The sums over all rows, in the source's order, without dropout, streams with a carried state of their own; none when
// a signal asks to stop. What is run at once has max_tokens on its larger side, so that it takes no more memory than
// training does.
std::optional<Losses> validation_losses(TrainingStep& step, const Task& task, const BatchSource& source,
                                        int64_t max_tokens);

}  // namespace storm
