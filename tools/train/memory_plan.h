// What of a training's settings follows from the model, the data and the memory that there is.
#pragma once

#include "tools/cli.h"
#include "train/checkpoint.h"
#include "train/memory.h"
#include "train/train_settings.h"

namespace storm {

// Settles what is "auto" and follows from the model and the task: all but what memory decides.
void resolve_automatic(const Args& args, const Model& model, const TaskKind& kind, const Task& task,
                       TrainSettings& settings);
// Settles --max-tokens auto and the parts that batches are run in. The model must have its gradients allocated.
void resolve_memory(const Args& args, const Model& model, const Task& task, const RowSource& rows, const Device* device,
                    TrainSettings& settings);
// The parts of a resumed run's batches: the checkpoint's, unless the device or --memory is another.
void resolve_resumed(const Args& args, const Checkpoint& checkpoint, const Model& model, const Task& task,
                     const RowSource& rows, const Device* device, TrainSettings& settings);

}  // namespace storm
