// How an n-gram model lies in a file, kind `ngram` (lib/stream/README.md): an array for single words, and for each
// higher order a table of entries of a fixed number of bits, sorted by their words, first word first. The entries that
// go on from one n-gram are neighbours in the next order's table; where they begin is the last field of the n-gram's
// entry, and where they end that of the entry behind it. So an n-gram is found by as many steps as it has words, and a
// reader who keeps the ranges of all ends of a history finds the next word by one step in each order, independent of
// one another.
//
// An entry: the last word (mixed, see below), log10 of the probability without its sign, 31 bits of a float, and but in
// the highest order the back-off weight, 32 bits of a float in log10, and where the entries that go on begin. Fields
// begin at the entry's lowest bit. Behind the last entry is one more, whose last field is the size of the next table.
//
// Words of a table are numbers of `word_bits` bits, multiplied by an odd constant, modulo 2^word_bits: neighbours are
// sorted by that, so that the words that follow an n-gram, which are often frequent ones with low numbers, lie
// evenly, and the place of one is guessed by its value (interpolation search).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/output.h"
#include "ngram/packed_words.h"

namespace storm {

constexpr const char* kNgramKind = "ngram";
constexpr const char* kNgramCountsKey = "ngram.counts";    // of each order, joined by commas
constexpr const char* kNgramClosedKey = "ngram.suffixes";  // "all": whatever stands in a table, its last words do, too
constexpr uint32_t kMostNgrams = UINT32_MAX - 1;           // of an order

constexpr uint32_t mixed_word(uint32_t word, int bits) { return word * 0x9e3779b1U & ((uint64_t{1} << bits) - 1); }
constexpr uint32_t unmixed_word(uint32_t mixed, int bits) { return mixed * 0x0e8b2f51U & ((uint64_t{1} << bits) - 1); }
static_assert(0x9e3779b1U * 0x0e8b2f51U == 1);

// Where the fields of an order's entries stand, in bits.
struct EntryLayout {
  int word = 0, backoff = 0, next = 0;  // widths; of the highest order, the last two are 0
  int bits() const { return word + kProb + backoff + next; }

  static constexpr int kProb = 31;
  // counts: of each order, from 1 on.
  static EntryLayout of(std::span<const uint64_t> counts, int order);
  uint64_t table_bytes(uint64_t count) const { return (static_cast<uint64_t>(bits()) * (count + 1) + 7) / 8 + 8; }
};

// The words 0 to count - 1 in the order of the tables.
std::vector<uint32_t> by_mixed_number(uint32_t count, int bits);

inline int word_bits_of(uint64_t words) { return std::max(1, static_cast<int>(std::bit_width(words - 1))); }

// The 57 bits or fewer of a table that begin at bit `at`.
inline uint64_t bits_at(const std::byte* table, uint64_t at, int width) {
  uint64_t value = 0;
  std::memcpy(&value, table + at / 8, 8);
  return value >> (at % 8) & ((uint64_t{1} << width) - 1);
}

struct NgramEntry {
  uint32_t word = 0;  // mixed
  float log_prob = 0, backoff = 0;
  uint64_t next = 0;
};

// Writes a model's document part after part: the vocabulary, single words, then each order's entries as they are
// sorted.
class NgramTablesWriter {
 public:
  struct Word {
    float log_prob = 0, backoff = 0;
    uint64_t next = 0;  // where the entries that go on from it begin; sorted by their mixed numbers, they never fall
  };

  // counts: of each order, from 1 on. ids: of each word in the vocabulary (-1: it has none there). closed: whether the
  // last words of whatever stands in a table do, too. metadata: what else the document is to say.
  NgramTablesWriter(Output& output, std::vector<uint64_t> counts, const std::string& vocabulary,
                    std::span<const int32_t> ids, std::span<const Word> words, bool closed,
                    std::map<std::string, std::string> metadata);
  // The entries of order 2, in order, then those of order 3, ..., as many as counts says.
  void add(const NgramEntry& entry);
  void finish();  // all are there; throws Error otherwise

 private:
  void put(uint64_t value, int width);
  void begin_order();
  void end_order();
  void write_bytes(std::size_t bytes);

  Output& output_;
  std::vector<uint64_t> counts_;
  int order_ = 1;
  EntryLayout layout_;
  uint64_t left_ = 0;     // entries of the order that are still to come
  uint64_t written_ = 0;  // bytes of the order's table
  uint64_t bits_ = 0;     // the lowest of them wait to be written
  int waiting_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace storm
