// Which sentence each row is of, for heads of attention that are dropped for a sentence (nn/transformer_block.h).
#pragma once

#include "data/batch.h"
#include "nn/transformer_block.h"

namespace storm {

// I32 [tokens, 1]; none where no heads are dropped.
inline Value sentences_in(Graph& graph, const BlockShape& shape, const PackedSentences& s) {
  return graph.gradients() && shape.head_dropout > 0 ? graph.column(s.sentence_numbers()) : Value{};
}

}  // namespace storm
