// Learning the merges of BPE (Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword
// units", ACL 2016): again and again the pair of neighbours that is most frequent becomes one symbol.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "text/flat_map.h"

namespace storm {

class BpeTrainer {
 public:
  // pieces: the names of the symbols that words consist of, by id; what is learnt comes behind. joined: the name of two
  // neighbours as one symbol.
  BpeTrainer(std::vector<std::string>& pieces,
             std::function<std::string(const std::string& left, const std::string& right)> joined);

  void add_word(std::span<const int32_t> symbols, int64_t count);

  // Merges until there are `size` pieces, or no word has two symbols: (left, right) ids, the first merge first. Of
  // pairs that come equally often the one of lower ids goes first. Two ways to the same name make one piece.
  std::vector<std::pair<int32_t, int32_t>> learn(std::size_t size);

 private:
  struct Word {
    std::size_t begin, length;  // in symbols_
    int64_t count;
  };
  struct Pair {
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it is, or was
  };
  struct Candidate {
    int64_t count;
    uint64_t pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };
  void count(int32_t left, int32_t right, int64_t count, uint32_t word);
  void merge_in(uint32_t word, int32_t left, int32_t right, int32_t joined);

  std::vector<std::string>& pieces_;
  std::function<std::string(const std::string&, const std::string&)> joined_;
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  FlatMap<Pair> pairs_;
  std::vector<Candidate> changed_;  // pairs that became more frequent
};

}  // namespace storm
