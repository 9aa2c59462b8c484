// An n-gram model in a mapped file, asked for the probability of a word after others.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ngram/ngram_tables.h"
#include "stream/document.h"
#include "text/vocabulary.h"

namespace storm {

// What a model remembers of the words before: for each number of them, from the last one alone on, where the n-grams
// stand that go on from these. It belongs to the model that gave it.
struct NgramState {
  struct History {
    uint64_t next = 0;   // where those that go on from it begin, in the table of the order above
    uint32_t count = 0;  // how many they are
    float backoff = 0;   // log10
  };
  std::array<History, kMostOrder - 1> histories;
  int length = 0;  // how many of these there are
};

class NgramModel {
 public:
  // Throws Error for a file of another kind, and one whose tables do not fit what it says of them.
  explicit NgramModel(const std::string& path);

  const std::string& name() const { return name_; }
  int order() const { return static_cast<int>(counts_.size()); }
  std::span<const uint64_t> counts() const { return counts_; }  // n-grams of each order
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const std::string& column() const { return column_; }  // of the token stream it was counted from; empty: plain text

  // Words have numbers here, from 0 (the unknown word) up to counts()[0] - 1; their order is that of the file.
  uint32_t number_of(int32_t id) const { return numbers_[static_cast<std::size_t>(id)]; }  // of an id of the vocabulary
  int32_t id_of(uint32_t number) const { return ids_[number]; }  // -1: the vocabulary has none

  NgramState after_nothing() const { return {}; }
  NgramState at_begin() const { return begin_; }  // behind <s>

  // log10 of the probability of a word; next becomes the state behind it, and may be the same object.
  float log10_prob(const NgramState& state, uint32_t word, NgramState& next) const;
  // The same of all words, in their order. log_probs: [counts()[0]].
  void log10_probs(const NgramState& state, std::span<float> log_probs) const;

  // Texts at once, each of words without <s>, of which each gets its log10 probabilities, and the end of the sentence
  // one behind them. Several are read side by side, so that one's memory is fetched while others are looked up.
  struct Text {
    std::span<const uint32_t> words;
    std::span<float> log_probs;  // [words + 1]
  };
  void score(std::span<const Text> texts) const;

  // Calls visit(words, entry) for each n-gram of an order from 2 on, in the tables' order: the numbers of its words.
  // Throws Error where the tables do not lead to each of them once.
  void each(int order,
            const std::function<void(std::span<const uint32_t> words, const NgramEntry& entry)>& visit) const;
  // Of a single word.
  float log10_prob_of(uint32_t word) const { return log_probs_[word]; }
  float backoff_of(uint32_t word) const { return backoffs_[word]; }

 private:
  struct Table {
    const std::byte* bytes = nullptr;
    EntryLayout layout;
    uint64_t count = 0;
    uint64_t at(uint64_t entry) const { return entry * static_cast<uint64_t>(layout.bits()); }
    uint32_t word(uint64_t entry) const { return static_cast<uint32_t>(bits_at(bytes, at(entry), layout.word)); }
    float log_prob(uint64_t entry) const;
    NgramState::History history(uint64_t entry) const;
  };
  const Table& table(int order) const { return tables_[static_cast<std::size_t>(order) - 2]; }
  NgramState::History history_of(uint32_t word) const;
  // Where the mixed word stands among the entries from `begin` on; ~0: nowhere.
  uint64_t find(const Table& table, uint64_t begin, uint32_t count, uint32_t mixed) const;
  uint64_t guess(uint64_t begin, uint32_t count, uint32_t mixed) const {
    return begin + (static_cast<uint64_t>(count) * mixed >> word_bits_);
  }
  void prefetch(const NgramState& state, uint32_t word) const;
  void check() const;

  std::string name_;
  Document document_;
  Vocabulary vocabulary_;
  std::string column_;
  std::vector<uint64_t> counts_;
  bool closed_ = false;
  int word_bits_ = 0;
  std::span<const int32_t> ids_;
  std::span<const float> log_probs_, backoffs_;
  std::span<const int64_t> next_;  // [words, 2]
  std::vector<uint32_t> numbers_;  // of each id
  std::vector<Table> tables_;      // of order 2 and more
  NgramState begin_;
};

}  // namespace storm
