// The text that word vectors are learned of: lines of words from files that are mapped (a pipe is copied to a temporary
// file), or the pieces of a token stream. It is cut into units, which are read in any order and by any thread; memory
// does not grow with it, but for 8 bytes a unit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_index.h"

namespace storm {

// Words and how often each comes, the most frequent first, those of the same count by their bytes.
struct CountedWords {
  WordIndex words;
  std::vector<int64_t> counts;
  int64_t total = 0;  // the sum of the counts

  int64_t size() const { return words.size(); }
};

constexpr int32_t kLineEnd = -1;

class TrainingText {
 public:
  virtual ~TrainingText() = default;

  int64_t units() const { return static_cast<int64_t>(words_before_.size()) - 1; }
  // Words of the text in units before this one (units(): in all), those among them that are too rare to have a row.
  int64_t words_before(int64_t unit) const { return words_before_[static_cast<std::size_t>(unit)]; }
  const CountedWords& table() const { return table_; }
  // Of all that is read: another text has another one.
  uint64_t fingerprint() const { return fingerprint_; }
  // The pieces' vocabulary; null: words.
  virtual const Vocabulary* vocabulary() const { return nullptr; }

  // rows becomes the table's rows of a unit's words, in their order, with kLineEnd behind each line that has one. Words
  // without a row are left out. Safe to call from many threads.
  virtual void read(int64_t unit, std::vector<int32_t>& rows) const = 0;

 protected:
  // Sets the table from words and their counts: those that come min_count times or more. Throws Error for none.
  void set_table(const WordIndex& words, const std::vector<int64_t>& counts, int64_t min_count);

  CountedWords table_;
  std::vector<int64_t> words_before_{0};
  uint64_t fingerprint_ = 0;
};

// Counts the text of these files ("-" and an empty list: standard input), on all threads. Words are what stands between
// spaces, TABs and CRs. Files are token streams where the first one is; then the text is the stream's only column, and
// a list's unknown word is left out. Throws Error for a text without a word that comes min_count times, and for words
// that are no UTF-8, with file and line.
std::unique_ptr<TrainingText> open_training_text(const std::vector<std::string>& paths, int64_t min_count);

}  // namespace storm
