#include "text/bpe_dropout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "text/protobuf.h"
#include "text/sentencepiece_words.h"

namespace storm {

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into

struct Merge {
  float score;
  uint32_t place;
  bool operator<(const Merge& other) const {  // goes first: the higher score, then what stands before
    return score != other.score ? score > other.score : place < other.place;
  }
};

// A set in which the nth is found in logarithmic time.
using Merges = __gnu_pbds::tree<Merge, __gnu_pbds::null_type, std::less<Merge>, __gnu_pbds::rb_tree_tag,
                                __gnu_pbds::tree_order_statistics_node_update>;

}  // namespace

class BpeDropout::Draws {
 public:
  Draws(const BpeDropout& dropout, uint64_t number)
      : random_(dropout.seed_, RandomUse::bpe_dropout, number), rate_(dropout.rate_), log_(std::log(rate_)) {}

  // How many merges are passed over before one is not, were there no end of them. To draw for each in turn until then
  // gives the geometric distribution, which is drawn here at once.
  double passed_over() {
    if (rate_ <= 0) return 0;
    if (rate_ >= 1) return std::numeric_limits<double>::infinity();
    return std::floor(std::log1p(-random_.uniform()) / log_);
  }

 private:
  RandomStream random_;
  double rate_, log_;
};

BpeDropout::BpeDropout(Vocabulary vocabulary, double rate, uint64_t seed, std::string_view name)
    : vocabulary_(std::move(vocabulary)), rate_(rate), seed_(seed) {
  require(sentencepiece_word_rule(vocabulary_.bytes()) != WordRule::none, name,
          ": BPE-dropout needs a BPE model that encodes each word alone, as tokenize --learn makes them");
  int32_t id = 0;
  each_field(vocabulary_.bytes(), [&](uint64_t number, uint64_t, std::string_view message) {
    if (number != 1) return;
    std::string_view text;
    uint64_t type = 1;
    float score = 0;
    each_field(message, [&](uint64_t field, uint64_t value, std::string_view bytes) {
      if (field == 1) text = bytes;
      if (field == 2 && bytes.size() == sizeof score) std::memcpy(&score, bytes.data(), sizeof score);
      if (field == 3) type = value;
    });
    plain_.push_back(type == 1 && pieces_.emplace(text, Piece{id, score}).second);
    ++id;
  });
}

void BpeDropout::append(std::span<const int32_t> cut, uint64_t number, std::vector<int32_t>& ids) const {
  Draws draws(*this, number);
  std::string word;
  for (std::size_t begin = 0, end; begin < cut.size(); begin = end) {
    word.clear();
    bool plain = true;
    for (end = begin; end < cut.size(); ++end) {
      const auto& piece = vocabulary_.piece(cut[end]);
      if (end > begin && piece.starts_with(kSpace)) break;
      plain = plain && plain_[static_cast<std::size_t>(cut[end])];
      word += piece;
    }
    if (!plain || !append_word(word, draws, ids))
      ids.insert(ids.end(), cut.begin() + static_cast<std::ptrdiff_t>(begin),
                 cut.begin() + static_cast<std::ptrdiff_t>(end));
  }
}

int64_t BpeDropout::longest(std::span<const int32_t> cut) const {
  int64_t ids = 0;
  for (const int32_t id : cut)
    ids += plain_[static_cast<std::size_t>(id)]
               ? std::ranges::count_if(vocabulary_.piece(id), [](char c) { return (c & 0xC0) != 0x80; })
               : 1;
  return ids;
}

// False when some character has no piece of its own: nothing is appended then.
bool BpeDropout::append_word(std::string_view word, Draws& draws, std::vector<int32_t>& ids) const {
  constexpr uint32_t kEnd = UINT32_MAX;
  struct Symbol {  // in place of its first character; the places of its others stand unused
    const char* text;
    uint32_t bytes, previous, next;
    Piece piece, merged;  // merged: with the next one; id -1 where that is no piece
  };
  static thread_local std::vector<Symbol> symbols;
  symbols.clear();
  for (std::size_t at = 0; at < word.size();) {
    std::size_t next = at + 1;
    while (next < word.size() && (static_cast<unsigned char>(word[next]) & 0xC0) == 0x80) ++next;
    const auto it = pieces_.find(word.substr(at, next - at));
    if (it == pieces_.end()) return false;
    const auto place = static_cast<uint32_t>(symbols.size());
    symbols.push_back({&word[at], static_cast<uint32_t>(next - at), place - 1, place + 1, it->second, {-1, 0}});
    at = next;
  }
  symbols.back().next = kEnd;

  Merges merges;
  const auto forget = [&](uint32_t i) {
    if (symbols[i].merged.id >= 0) merges.erase({symbols[i].merged.score, i});
  };
  const auto look_up = [&](uint32_t i) {
    symbols[i].merged = {-1, 0};
    if (symbols[i].next == kEnd) return;
    const auto it = pieces_.find({symbols[i].text, symbols[i].bytes + symbols[symbols[i].next].bytes});
    if (it == pieces_.end()) return;
    symbols[i].merged = it->second;
    merges.insert({it->second.score, i});
  };
  for (uint32_t i = 0; i < symbols.size(); ++i) look_up(i);
  for (double passed_over; (passed_over = draws.passed_over()) < static_cast<double>(merges.size());) {
    const uint32_t i = merges.find_by_order(static_cast<std::size_t>(passed_over))->place;
    Symbol &first = symbols[i], &second = symbols[first.next];
    forget(i);
    forget(first.next);
    first.bytes += second.bytes;
    first.piece = first.merged;
    first.next = second.next;
    if (first.next != kEnd) symbols[first.next].previous = i;
    look_up(i);
    if (i == 0) continue;
    forget(first.previous);
    look_up(first.previous);
  }
  for (uint32_t i = 0; i != kEnd; i = symbols[i].next) ids.push_back(symbols[i].piece.id);
  return true;
}

}  // namespace storm
