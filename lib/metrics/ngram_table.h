// Counts of a segment's n-grams, exact and without building strings: a token gets a small number, and an n-gram is the
// pair (its first n-1 tokens' number, its last token's number). Only references add entries; a hypothesis looks them
// up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

class NgramTable {
 public:
  static constexpr uint32_t absent = 0;

  void clear();             // forgets everything, keeps the memory
  void begin_reference();   // what add() counts from here on is one reference; a segment's count is the largest of any
  void begin_hypothesis();  // matches start again at none

  uint32_t add_token(std::string_view token);  // its number, from 1
  uint32_t find_token(std::string_view token) const;
  uint32_t add_pair(uint32_t prefix, uint32_t token);
  uint32_t find_pair(uint32_t prefix, uint32_t token) const;

  uint32_t size() const { return static_cast<uint32_t>(entries_.size() - 1); }  // the largest number given out

  void add(uint32_t ngram);    // one more of it in this reference
  bool match(uint32_t ngram);  // one more of it in the hypothesis: true while the references have as many

 private:
  struct Entry {
    uint32_t count = 0;                    // largest count of any reference
    uint32_t current = 0, reference = 0;   // count in reference number `reference`
    uint32_t matched = 0, hypothesis = 0;  // used by hypothesis number `hypothesis`
  };
  struct Slot {
    uint64_t key = 0;  // of a token its hash, of a pair its two numbers
    uint32_t round = 0, id = 0;
  };
  struct Token {
    std::size_t begin, size;
  };
  static uint64_t mix(uint64_t x);
  uint32_t new_entry();
  std::size_t token_slot(std::string_view token, uint64_t hash) const;
  std::size_t pair_slot(uint64_t key) const;
  void grow(std::vector<Slot>& slots, std::size_t used);

  std::vector<Slot> token_slots_ = std::vector<Slot>(256), pair_slots_ = std::vector<Slot>(1024);
  std::vector<Entry> entries_ = std::vector<Entry>(1);
  std::vector<Token> tokens_ = std::vector<Token>(1);  // by number; pairs have an empty place in it
  std::string text_;                                   // the tokens' bytes, since the caller's go away
  uint32_t round_ = 1, reference_ = 0, hypothesis_ = 0;
  std::size_t used_tokens_ = 0, used_pairs_ = 0;
};

}  // namespace storm
