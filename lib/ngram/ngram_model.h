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
  // Natural logarithms of the probabilities of all ids of the vocabulary. Those that have no word here have the unknown
  // word's, and so has <s>, which never follows. log_probs: [vocabulary().size()].
  void log_probs(const NgramState& state, std::span<float> log_probs) const;

  // Behind an id of the vocabulary, and behind ids that follow <s>; <s> and </s> begin a sentence anew.
  NgramState after(const NgramState& state, int32_t id) const;
  NgramState after(std::span<const int32_t> ids) const;

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
  float log10_prob_of(uint32_t word) const { return words_[word].log_prob; }
  float backoff_of(uint32_t word) const { return words_[word].history.backoff; }

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
  // Calls visit(word, log10 of its probability) for each word that follows one of the state's histories in a table, in
  // the order of the histories' lengths: the last call for a word tells. backoff: of the state.
  template <class Visit>
  void each_following(const NgramState& state, float backoff, Visit&& visit) const;
  static float backoff_of(const NgramState& state);  // of all its histories, log10
  // Where the mixed word stands among the entries from `begin` on; ~0: nowhere.
  uint64_t find(const Table& table, uint64_t begin, uint32_t count, uint32_t mixed) const;
  uint64_t guess(uint64_t begin, uint32_t count, uint32_t mixed) const {
    return begin + (static_cast<uint64_t>(count) * mixed >> word_bits_);
  }
  static constexpr int kNearBytes = 56;
  // Inlined, since GCC takes a function that does nothing but fetch for one without an effect, and leaves its calls
  // out.
  [[gnu::always_inline]] void prefetch(const NgramState& state, uint32_t word) const {
    __builtin_prefetch(&words_[word]);
    const uint32_t mixed = mixed_word(word, word_bits_);
    for (int k = 0; k < state.length; ++k) {
      const auto& history = state.histories[static_cast<std::size_t>(k)];
      if (history.count == 0) continue;
      const auto& entries = tables_[static_cast<std::size_t>(k)];
      // What is guessed is some entries off, before or behind.
      const std::byte* at = entries.bytes + entries.at(guess(history.next, history.count, mixed)) / 8;
      for (const int near : {0, -kNearBytes, kNearBytes}) __builtin_prefetch(at + near);
    }
  }
  void read_words();

  struct Word {
    NgramState::History history;  // the word alone
    float log_prob = 0;
  };
  std::string name_;
  Document document_;
  Vocabulary vocabulary_;
  std::string column_;
  std::vector<uint64_t> counts_;
  bool closed_ = false;
  int word_bits_ = 0;
  std::span<const int32_t> ids_;
  std::vector<Word> words_;
  std::vector<uint32_t> numbers_;        // of each id
  std::vector<float> id_log_probs_;      // of each id alone: natural logarithms
  std::vector<int32_t> ids_of_unknown_;  // whose probability is the unknown word's
  std::vector<Table> tables_;            // of order 2 and more
  NgramState begin_;
};

}  // namespace storm
