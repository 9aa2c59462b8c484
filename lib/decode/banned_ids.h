// DecodeOptions::banned_ids where graphs run; banned_ids.cc has the processor, too.
#pragma once

#include "decode/generate.h"

namespace storm {

// logits: [rows, vocabulary], or log-probabilities -> the same without what may not follow, which is kBanned; in place
// where the planner can.
Value without_banned(Graph& graph, Value logits, const DecodeOptions& options);

}  // namespace storm
