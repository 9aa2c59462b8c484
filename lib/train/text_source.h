// Running text as a training reads it: how its settings cut the text, and whether they can.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "data/text_rows.h"
#include "tasks/task.h"
#include "train/train_settings.h"

namespace storm {

// The file's one column as the settings say. eos: its vocabulary's. seed: of the places where blocks begin; none: for
// validation, which cuts every epoch alike and leaves nothing out. The file must be indexed and outlive what is
// returned. Throws Error for a text to train on that is shorter than its streams are many.
std::unique_ptr<RowSource> text_source(const TokenFile& file, int32_t eos, const TextSettings& text,
                                       std::optional<uint64_t> seed);

// Throws UsageError for settings of running text that contradict one another, or that the model is not able to follow.
void require_text(const TrainSettings& settings, const Model& model, const Task& task);
// The same for a block that is larger than a batch.
void require_block_fits(const TrainSettings& settings);

}  // namespace storm
