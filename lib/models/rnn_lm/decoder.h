// Incremental decoding of the recurrent language model: one pass over the contexts leaves their last states, and each
// row of a step is a text of one token that begins with the states of its parent.
#pragma once

#include <vector>

#include "models/rnn_lm/model.h"
#include "nn/step_states.h"

namespace storm {

class RnnLmDecoder : public Decoder {
 public:
  RnnLmDecoder(const RnnLmModel& model, Workspace& workspace, const PackedSentences& contexts);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  // Attention of the step: over the window of each row's parent, behind which the row's own key and value are left.
  Value attend_past(Graph& graph, const RnnLmParts& parts);
  // Where the keys and values of the windows lie among the states.
  std::size_t keys_at() const { return 2 * model_.layers_.layers.size(); }
  std::size_t values_at() const { return keys_at() + 1; }

  const RnnLmModel& model_;
  BeamRows beams_;
  StepStates states_;                   // h of each layer, c of each (lstm), keys and values of the windows
  std::vector<int32_t> row_of_;         // of each context: where its states lie among those that the contexts leave
  std::vector<int32_t> ids_, offsets_;  // of the step under way
  // Of each row, before the first step of each context: where its window's keys and values lie among those that the
  // step before left; of this step's rows' parents, while it is recorded.
  std::vector<std::vector<int32_t>> windows_;
};

}  // namespace storm
