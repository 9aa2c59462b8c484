// Incremental decoding of the recurrent models: each row is a sentence of one token that begins with the states of its
// parent.
#pragma once

#include <array>
#include <vector>

#include "models/rnn/model.h"
#include "nn/beam_rows.h"

namespace storm {

class RnnDecoder : public Decoder {
 public:
  RnnDecoder(const RnnModel& model, Workspace& workspace, const PackedSentences& source);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  // Two buffers that take turns: of the step before, and of this one.
  struct Piece {
    std::array<float*, 2> at{};
    std::array<int64_t, 2> room{};  // rows
  };
  // The value is computed into the piece, in the buffer of this step.
  void place(Graph& graph, Value v, std::size_t piece);
  // The rows of the piece as the step before left them that this step goes on from.
  Value rows_before(Graph& graph, std::size_t piece, Value parents) const;
  // Which of a piece's buffers this step writes; before the first step, the encoder.
  std::size_t turn() const { return static_cast<std::size_t>(beams_.step() + 1) & 1; }

  const RnnModel& model_;
  Slabs& slabs_;                              // where all this lies
  const std::vector<int32_t> source_ranges_;  // [sentences, 2]
  float *memory_ = nullptr, *keys_ = nullptr;
  int64_t source_tokens_;

  BeamRows beams_;
  std::vector<Piece> pieces_;  // h of each layer, c of each (lstm), the output (input feeding)
};

}  // namespace storm
