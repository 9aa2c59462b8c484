// Sentences with made-up attention, for tests and for looking at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inspect/attention_maps.h"
#include "pictures/scatter_plot.h"

namespace storm::test {

struct Sample {
  AttentionMaps maps;
  std::vector<std::vector<float>> weights;  // what the maps' spans point to
};

// Every kind, layer and head over these pieces (EOS and BOS are added): rows that sum to 1, causal zeros in the
// decoder's; as logits, scores from about -8 to 8 and -infinity.
Sample sample(int64_t sentence, std::vector<std::string> source, std::vector<std::string> target, int64_t layers,
              int64_t heads, AttentionScores scores = AttentionScores::probabilities);

// Pieces w0, w1, ... of various lengths.
std::vector<std::string> pieces(int64_t count);

// Points in a few clouds with words of several scripts.
ScatterPlot scattered(int count);

}  // namespace storm::test
