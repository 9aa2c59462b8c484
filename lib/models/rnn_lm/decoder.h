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
  const RnnLmModel& model_;
  BeamRows beams_;
  StepStates states_;                   // h of each layer, c of each (lstm)
  std::vector<int32_t> row_of_;         // of each context: where its states lie among those that the contexts leave
  std::vector<int32_t> ids_, offsets_;  // of the step under way
};

}  // namespace storm
