// What all threads that learn word vectors share: settings, what is drawn from, and the two tables.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "vectors/draws.h"
#include "vectors/huffman.h"
#include "vectors/subwords.h"
#include "vectors/training_text.h"

namespace storm {

// Continuous skip-gram and continuous bag of words (Mikolov et al. 2013a, "Efficient estimation of word
// representations in vector space", section 3).
enum class VectorMethod : uint8_t { skipgram, cbow };

struct LearnSettings {
  VectorMethod method = VectorMethod::skipgram;
  int64_t width = 100;
  int64_t window = 5;    // words to each side at most; how many, is drawn anew from 1 to this for every word
  int64_t negative = 5;  // samples a word; 0: hierarchical softmax instead
  double sample = 1e-3;  // the threshold of sub-sampling; 0: every word is kept
  int64_t epochs = 5;
  double learning_rate = 0.025;  // at the beginning; it falls with the text to 1/10,000 of this
  Subwords subwords;
  uint64_t seed = 1;
  bool deterministic = false;  // with several threads, the same bits for as many
};

// The rows of the table of inputs that make a word's vector, their mean: its own, then those of its n-grams.
class InputRows {
 public:
  InputRows(const CountedWords& table, const Subwords& subwords);
  std::span<const int32_t> operator()(int32_t word) const {
    const auto k = static_cast<std::size_t>(word);
    return std::span(rows_).subspan(begins_[k], begins_[k + 1] - begins_[k]);
  }

 private:
  std::vector<std::size_t> begins_{0};
  std::vector<int32_t> rows_;
};

// Tables of rows of `stride` numbers, of which the first `width` count and the others are 0.
struct VectorTables {
  // Inputs begin uniform in +- 1/2 / width (with n-grams, as fastText: +- 1 / width), outputs with 0.
  VectorTables(int64_t words, const LearnSettings& settings);

  std::span<float> inputs() const {
    return all_inputs.as<float>().first(static_cast<std::size_t>(input_rows * stride));
  }
  std::span<float> outputs() const { return all_outputs.as<float>().first(static_cast<std::size_t>(words * stride)); }
  float* input(int64_t row) const { return all_inputs.as<float>().data() + row * stride; }

  int64_t words, width, stride, input_rows;  // input_rows: of words, then of n-grams
  Buffer all_inputs, all_outputs;            // outputs: of words, or of the inner nodes of Huffman's tree
};

struct LearnPlan {
  LearnPlan(const TrainingText& from, const LearnSettings& how);

  // The learning rate when so many words of all epochs are behind.
  float rate(double words) const;

  // How many words in a row have the same negative samples: one, whose window's words all meet them, or of CBOW, where
  // a window is one input, some. Otherwise most of the time goes into fetching and writing samples.
  int64_t samples_for() const { return settings.method == VectorMethod::cbow ? 4 : 1; }

  const TrainingText& text;
  LearnSettings settings;
  NoiseDistribution noise;
  SubSampling sub_sampling;
  std::optional<HuffmanTree> tree;  // of hierarchical softmax
  InputRows input_rows;
  VectorTables tables;
  std::vector<bool> frozen;  // words whose rows of inputs stay; empty: none
};

}  // namespace storm
