// What of a model is trained, as train's flags say it (nn/adaptation.h).
#pragma once

#include <optional>

#include "nn/adaptation.h"
#include "tools/train/resume.h"
#include "tools/train/streams.h"

namespace storm {

std::vector<Flag> adaptation_flags();

// None where no flag asks for one. Without what hangs on the model that it is for. Throws UsageError for flags that
// contradict one another.
std::optional<Adaptation> wanted_adaptation(const Args& args);

// The configuration of a model that is begun (grown: how its vocabularies go on) with the adaptation that the flags ask
// for. Throws UsageError for one that needs a model to be made for where there is none.
void put_adaptation(const Args& args, const InitialModel* initial, const std::vector<GrownVocabulary>& grown,
                    nlohmann::json& config);

// The model of --init with what --init-adapter holds. Throws Error for other vocabularies.
std::unique_ptr<Model> model_with_adapter(const Args& args, const Streams& streams, const InitialModel& initial);

// Throws UsageError for flags that ask for another adaptation than a checkpoint's model has.
void check_resumed_adaptation(const Args& args, const Checkpoint& checkpoint);
// Throws UsageError for a --save-adapter where there is nothing to be saved, or no mean of it.
void check_saved_adapter(const TrainPlan& plan, const Model& model);

}  // namespace storm
