// Questions of the form "a is to b as c is to what?", and two ways to count the answers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vectors/nearest_to_sums.h"
#include "vectors/word_table.h"

namespace storm {

struct AnalogySection {
  std::string name;
  std::vector<std::array<std::string, 4>> questions;  // the fourth word is the answer
};

// word2vec's questions-words.txt: ": NAME" begins a section, and a line of four words is a question. Empty lines are
// passed over. Throws Error for other lines, a question before the first section, and a file without a question.
std::vector<AnalogySection> read_analogies(const std::string& path);

struct AnalogyCount {
  std::string name;  // of the section, or of a total
  int64_t right = 0, counted = 0, questions = 0;
};

struct AnalogyCounts {
  std::vector<AnalogyCount> gensim;            // the sections, and "Total accuracy"
  std::vector<AnalogyCount> compute_accuracy;  // the sections, "Semantic accuracy", "Syntactic accuracy", "Total ..."
};

// The answer is the row nearest to b - a + c, of the `most_frequent` first ones of the table. Both conventions pass
// over questions of which a word has no row there, and compare words whatever their case: of several variants the most
// frequent one stands for all. They differ in this:
// - gensim, evaluate_word_analogies of 4.4: letters of all scripts have cases. The rows of a, b and c are left out, and
//   then the nearest five are looked at in their order: the first that is no case variant of a, b or c is the answer;
//   where all five are variants, the fifth.
// - compute-accuracy, of word2vec (https://github.com/tmikolov/word2vec): only ASCII's letters have cases. The nearest
//   but for the rows of a, b and c is the answer, a case variant of them, too; its cosine must be above zero. The first
//   five sections are semantic, the others syntactic.
// Throws Error where not one question has rows for its words, and for a word whose vector is zero.
AnalogyCounts count_analogies(const WordTable& table, std::span<const AnalogySection> sections, int64_t most_frequent,
                              SumScore score);

}  // namespace storm
