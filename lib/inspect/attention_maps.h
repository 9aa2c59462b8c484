// The attention of one sentence pair, or of one text (then there is no source, and the target is the text), ready to be
// written, summed up or drawn.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/trace.h"

namespace storm {

struct AttentionMap {
  AttentionKind kind = AttentionKind::cross;
  int64_t layer = 0, head = 0;     // from 0
  int64_t rows = 0, cols = 0;      // queries, keys
  std::span<const float> weights;  // [rows, cols]
};

// Row i of a decoder's or a cross map has read target[i] and predicts target[i + 1]; its keys are target[0..] or
// source.
struct AttentionMaps {
  int64_t sentence = 0;                             // from 1, in the input
  std::vector<std::string> source, target;          // pieces: the source's and EOS; BOS, the target's and EOS
  std::vector<AttentionMap> maps;                   // by kind, layer, head
  std::vector<int32_t> source_ids{}, target_ids{};  // of the pieces
};

}  // namespace storm
