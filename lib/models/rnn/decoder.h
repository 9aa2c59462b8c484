// Incremental decoding of the recurrent models: each row is a sentence of one token that begins with the states of its
// parent.
#pragma once

#include <vector>

#include "models/rnn/model.h"
#include "nn/step_states.h"

namespace storm {

class RnnDecoder : public Decoder {
 public:
  RnnDecoder(const RnnModel& model, Workspace& workspace, const PackedSentences& source);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  const RnnModel& model_;
  Slabs& slabs_;                              // where all this lies
  const std::vector<int32_t> source_ranges_;  // [sentences, 2]
  float *memory_ = nullptr, *keys_ = nullptr;
  int64_t source_tokens_;

  BeamRows beams_;
  StepStates states_;  // h of each layer, c of each (lstm), the output (input feeding)
};

}  // namespace storm
