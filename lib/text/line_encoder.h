// The ids of lines, as Vocabulary::encode gives them, at the price of a look-up for each word that came before.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/vocabulary.h"

namespace storm {

// Remembers words, in 8 MiB at most (11 with their ranges). A copy remembers on its own: each thread needs one.
class LineEncoder {
 public:
  explicit LineEncoder(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)), rule_(vocabulary_.word_rule()) {}

  // A line of valid UTF-8, without its end. ranges: which bytes of it each piece stands for (null: not asked for).
  void append(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges = nullptr);
  WordRule rule() const { return rule_; }

 private:
  static constexpr std::size_t kFirst = 0x80;  // of a line: a word whose ranges may be others elsewhere
  static constexpr std::size_t kMostIds = 7;   // of a word that is remembered
  struct Key {                                 // a word, zeros, and in the last byte its length and kFirst
    std::array<uint64_t, 4> parts{};
    bool operator==(const Key& other) const {
      uint64_t differ = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) differ |= parts[i] ^ other.parts[i];
      return differ == 0;
    }
    bool empty() const { return parts.back() == 0; }
  };
  struct alignas(64) Entry {  // one cache line
    Key key;
    std::array<int32_t, kMostIds> ids;
    int32_t count;
  };
  struct SmallRange {  // from where the word begins
    int8_t begin, end;
  };
  using WordRanges = std::array<SmallRange, kMostIds>;
  struct Sink {
    std::vector<int32_t>& ids;
    std::vector<ByteRange>* ranges;
  };
  std::size_t pair_of(const Key& key) const;
  void grow();
  void forget_words_without_ranges();
  bool append_words(std::string_view line, Sink& sink);
  bool append_led_words(std::string_view line, Sink& sink);
  bool append_word(std::string_view line, std::size_t begin, std::size_t end, bool first, Sink& sink);
  std::size_t entry_of(std::string_view word, bool first);
  bool encode_word(std::string_view word, bool first);
  static void put(std::string_view line, std::size_t begin, int32_t id, ByteRange in_word, Sink& sink);

  Vocabulary vocabulary_;
  WordRule rule_;
  std::vector<Entry> entries_;      // a power of two of pairs, each with the one used last first
  std::vector<WordRanges> ranges_;  // of the entries, once ranges were asked for
  bool with_ranges_ = false;
  int pair_bits_ = 10;
  std::size_t other_ids_ = 0;   // of the word that stands beside a word whose ranges are looked for
  std::size_t remembered_ = 0;  // since the entries grew
  std::vector<int32_t> found_;
  std::vector<ByteRange> found_ranges_;
};

}  // namespace storm
