// Rows of ids laid out for a model: packed end to end with offsets, no padding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

inline constexpr int64_t kMostTokens = 1 << 24;  // that a batch may be asked to have

struct PackedSentences {
  std::vector<int32_t> ids;         // [tokens]
  std::vector<int32_t> offsets{0};  // [sentences + 1]
  int32_t longest = 0;              // tokens of the longest sentence
  // [tokens]: which segment of its text each token is of, for models that tell them apart; none: all are of 0.
  std::vector<int32_t> segments = {};

  int64_t sentences() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  std::vector<int32_t> positions() const;         // [tokens]: each token's place in its sentence, from 0
  std::vector<int32_t> sentence_numbers() const;  // [tokens]: which sentence each token is of, from 0
  std::vector<int32_t> ranges() const;  // [sentences, 2]: the rows of each sentence, from and to (not included)
  // Appends one sentence: `first` (when it is not negative), the ids, `last` (likewise).
  void add(int32_t first, std::span<const int32_t> sentence, int32_t last);

  // A batch that memory is measured by: so many sentences of up to this length, with exactly so many tokens in all.
  static PackedSentences of_size(int64_t tokens, int64_t sentences, int64_t longest);
};

// What a task makes of rows for one pass of a model. Which inputs and labels there are is the task's to say.
struct Batch {
  std::vector<PackedSentences> inputs;
  std::vector<std::vector<int32_t>> labels;  // what the model must say, a list for each loss
  // [rows, width] The state that the pass begins with: what the rows of the batch before ended in, zeros at the start
  // of an epoch. None: nothing is carried from batch to batch.
  std::vector<float> carried = {};
};

}  // namespace storm
