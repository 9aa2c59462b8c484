// How a model does on data that it was not trained on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/batches.h"
#include "tasks/task.h"
#include "train/replicas.h"
#include "train/step.h"

namespace storm {

// Where rows are cut into parts of about the same size, each with up to max_tokens on its larger side, and one row at
// least. Rows of streams stay together.
std::vector<int64_t> cuts_of(const Rows& rows, const BatchSource& source, int64_t max_tokens);

// The sums over all rows, in the source's order, without dropout, streams with a carried state of their own; none when
// a signal asks to stop. What is run at once has max_tokens on its larger side, so that it takes no more memory than
// training does. Of several processes each has its own batches, which are dealt in turn, and their sums.
std::optional<Losses> validation_losses(TrainingStep& step, const Task& task, const BatchSource& source,
                                        int64_t max_tokens, const Replicas& replicas);

// What all processes have lost, on each.
void sum(Replicas& replicas, Losses& losses);

}  // namespace storm
