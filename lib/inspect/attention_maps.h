// The attention of one sentence pair, or of one text, ready to be written, summed up or drawn. The text is the target
// of a model that continues it, and the source of one that only reads it; the other side is empty.
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
  std::vector<std::string> source, target;          // pieces: the source's and its ends; BOS, the target's and EOS
  std::vector<AttentionMap> maps;                   // by kind, layer, head
  std::vector<int32_t> source_ids{}, target_ids{};  // of the pieces
};

}  // namespace storm
