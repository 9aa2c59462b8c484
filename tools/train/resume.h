// How a training is begun from files: from a model (--init), from a checkpoint (--resume), or anew.
#pragma once

#include <memory>
#include <optional>

#include "tools/train/streams.h"
#include "train/trainer.h"

namespace storm {

// What the checkpoint keeps of the flags that no update depends on.
PlanFlags plan_flags(const Args& args);
// A resumed run takes its settings from the checkpoint, and these from the command line alone: what is left out there
// would be missed only at the end.
void warn_of_missing(const Args& args, const Checkpoint& checkpoint);

// What --init begins with, where it is given.
struct InitialModel {
  Document document;
  LoadedModel loaded;
};
std::optional<InitialModel> initial_model(const Args& args);

// What --resume goes on from, where there is such; initial: what it was made of, where it was adapted (null: nothing).
std::optional<Checkpoint> checkpoint_of(const Args& args, const TrainPlan& plan, const InitialModel* initial);
// Throws Error for other vocabularies, and UsageError for flags that contradict the checkpoint's model.
void check_resumed(const Args& args, const Checkpoint& checkpoint, const Streams& streams);
// The checkpoint's settings, but for what the command line changes, which a warning names.
TrainSettings resumed_settings(const Args& args, const Checkpoint& checkpoint, const Device* device);

// The task that the command line asks for, or that `begun` is for, the model that the training begins with (null:
// none), or its architecture.
const TaskKind& wanted_task(const Args& args, const LoadedModel* begun);
// The model of --init with the command line's settings, or (null) a fresh one, whose weights are drawn unless it is
// only planned.
std::unique_ptr<Model> new_model(const Args& args, const Streams& streams, const InitialModel* initial);

}  // namespace storm
