// Incremental decoding of ConvS2S. Each layer keeps the last inputs that its next convolution will see, row by row;
// attention's keys and values and the normalised weights are made once.
#pragma once

#include <map>
#include <vector>

#include "models/convs2s/model.h"
#include "nn/beam_rows.h"

namespace storm {

class ConvS2SDecoder : public Decoder {
 public:
  ConvS2SDecoder(const ConvS2SModel& model, Workspace& workspace, const PackedSentences& source);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  float* take(int64_t floats);                    // of the slabs
  void follow(std::span<const int32_t> parents);  // moves sentences and windows on to this step's rows

  const ConvS2SModel& model_;
  std::vector<int32_t> source_offsets_;  // [sentences + 1]
  Slabs& slabs_;                         // everything that outlives a step lies here
  int64_t source_tokens_;
  float* memory_;                      // [source tokens, 2 d_model]
  std::map<int32_t, float*> weights_;  // normalised, by the number of the layer's weight

  BeamRows beams_;
  // A layer's windows of the last step and of this one; none where the kernel is 1.
  struct Windows {
    float* data = nullptr;  // [rows, kernel * in]
    int64_t room = 0;       // rows that it can hold
  };
  struct Past {
    Windows last, now;
  };
  std::vector<Past> past_;  // of each layer
};

}  // namespace storm
