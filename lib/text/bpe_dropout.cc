#include "text/bpe_dropout.h"

#include <cstring>

#include "base/error.h"
#include "base/random.h"
#include "text/line_encoder.h"
#include "text/protobuf.h"

namespace storm {

namespace {
constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into
}

class BpeDropout::Draws {
 public:
  Draws(const BpeDropout& of, uint64_t number) : random_(of.seed_, RandomUse::bpe_dropout, number), rate_(of.rate_) {}
  bool dropped() { return rate_ > 0 && random_.uniform() < rate_; }

 private:
  RandomStream random_;
  double rate_;
};

BpeDropout::BpeDropout(Vocabulary vocabulary, double rate, uint64_t seed, std::string_view name)
    : vocabulary_(std::move(vocabulary)), rate_(rate), seed_(seed) {
  require(word_rule(vocabulary_.bytes()) != WordRule::none, name,
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
    if (type == 1) pieces_.emplace(text, Piece{id, score});
    ++id;
  });
}

void BpeDropout::append(std::string_view line, uint64_t number, std::vector<int32_t>& ids) const {
  Draws draws(*this, number);
  std::vector<int32_t> best = vocabulary_.encode(line);
  std::string word;
  for (std::size_t begin = 0, end; begin < best.size(); begin = end) {
    word.clear();
    for (end = begin; end < best.size(); ++end) {
      const auto& piece = vocabulary_.piece(best[end]);
      if (end > begin && piece.starts_with(kSpace)) break;
      word += piece;
    }
    bool plain = true;
    for (std::size_t i = begin; i < end; ++i) {
      const auto it = pieces_.find(vocabulary_.piece(best[i]));
      plain = plain && it != pieces_.end() && it->second.id == best[i];
    }
    if (!plain || !append_word(word, draws, ids))
      ids.insert(ids.end(), best.begin() + static_cast<std::ptrdiff_t>(begin),
                 best.begin() + static_cast<std::ptrdiff_t>(end));
  }
}

// False when some character has no piece of its own: nothing is appended then.
bool BpeDropout::append_word(std::string_view word, Draws& draws, std::vector<int32_t>& ids) const {
  struct Symbol {
    std::string_view text;
    Piece piece, merged;  // merged: with the next one; id -1 where that is no piece
  };
  std::vector<Symbol> symbols;
  for (std::size_t at = 0; at < word.size();) {
    std::size_t next = at + 1;
    while (next < word.size() && (static_cast<unsigned char>(word[next]) & 0xC0) == 0x80) ++next;
    const auto text = word.substr(at, next - at);
    const auto it = pieces_.find(text);
    if (it == pieces_.end()) return false;
    symbols.push_back({text, it->second, {-1, 0}});
    at = next;
  }
  const auto look_up = [&](std::size_t i) {
    symbols[i].merged = {-1, 0};
    if (i + 1 == symbols.size()) return;
    const auto it = pieces_.find({symbols[i].text.data(), symbols[i].text.size() + symbols[i + 1].text.size()});
    if (it != pieces_.end()) symbols[i].merged = it->second;
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) look_up(i);
  while (true) {
    std::size_t best = symbols.size();
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (symbols[i].merged.id < 0 || draws.dropped()) continue;
      if (best == symbols.size() || symbols[i].merged.score > symbols[best].merged.score) best = i;
    }
    if (best == symbols.size()) break;
    Symbol& first = symbols[best];
    first.text = {first.text.data(), first.text.size() + symbols[best + 1].text.size()};
    first.piece = first.merged;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
  for (const Symbol& s : symbols) ids.push_back(s.piece.id);
  return true;
}

}  // namespace storm
