#include "text/bpe_dropout.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "tests/text/hard_text.h"

using namespace storm;
using namespace storm::test;

namespace {

std::vector<int32_t> dropped(const BpeDropout& dropout, std::string_view line, uint64_t number) {
  std::vector<int32_t> ids;
  dropout.append(line, number, ids);
  return ids;
}

using Cut = std::vector<std::string>;

// Adds to `chances` those of all that may become of a word: Provilkov et al.'s algorithm, every outcome of every round.
// A trained vocabulary's ids are in the order of its merges.
void enumerate(const Cut& word, double chance, double rate, const std::map<std::string, int>& ids,
               std::map<Cut, double>& chances) {
  std::vector<std::pair<int, std::size_t>> merges;
  for (std::size_t i = 0; i + 1 < word.size(); ++i)
    if (const auto it = ids.find(word[i] + word[i + 1]); it != ids.end()) merges.push_back({it->second, i});
  std::sort(merges.begin(), merges.end());
  for (const auto& [id, i] : merges) {
    Cut merged = word;
    merged[i] += merged[i + 1];
    merged.erase(merged.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    enumerate(merged, chance * (1 - rate), rate, ids, chances);
    chance *= rate;
  }
  chances[word] += chance;
}

}  // namespace

TEST_CASE("BPE-dropout at rate 0 gives SentencePiece's own ids") {
  for (const Spec& spec : {Spec{}, Spec{{"user_defined_symbols", "dog,<a>"}}, Spec{{"byte_fallback", "0"}}}) {
    const auto vocabulary = Vocabulary::from_bytes(trained(spec));
    const BpeDropout dropout(vocabulary, 0, 1, "test");
    for (const auto& line : nasty_lines(2000)) {
      INFO(line);
      REQUIRE(dropped(dropout, line, 0) == vocabulary.encode(line));
    }
  }
}

TEST_CASE("BPE-dropout changes how words are cut, not what they say") {
  const auto vocabulary = Vocabulary::from_bytes(trained({}));
  const BpeDropout dropout(vocabulary, 0.3, 1, "test");
  int64_t best = 0, drawn = 0, changed = 0;
  for (const auto& line : nasty_lines(1000)) {
    const auto ids = vocabulary.encode(line), sample = dropped(dropout, line, 7);
    INFO(line);
    REQUIRE(vocabulary.decode(sample) == vocabulary.decode(ids));
    best += static_cast<int64_t>(ids.size());
    drawn += static_cast<int64_t>(sample.size());
    changed += sample != ids;
  }
  CHECK(drawn > best);
  CHECK(changed > 300);
}

TEST_CASE("BPE-dropout at rate 1 gives single characters; user-defined symbols stay whole") {
  const auto vocabulary = Vocabulary::from_bytes(trained({{"user_defined_symbols", "dog"}}));
  const BpeDropout dropout(vocabulary, 1, 1, "test");
  std::string pieces;
  for (const auto id : dropped(dropout, "the old dog sees", 0)) pieces += vocabulary.piece(id) + " ";
  CHECK(pieces == "\u2581 t h e \u2581 o l d \u2581 dog \u2581 s e e s ");
}

TEST_CASE("BPE-dropout draws by seed and line: the same twice, others otherwise, merges left out at its rate") {
  const auto vocabulary = Vocabulary::from_bytes(trained({}));
  const std::string line = "the old dog follows a small cat. Jürgen does not like the old dog.";
  const BpeDropout dropout(vocabulary, 0.1, 5, "test"), again(vocabulary, 0.1, 5, "test"),
      other(vocabulary, 0.1, 6, "test");
  int same_line = 0, same_seed = 0;
  for (uint64_t n = 0; n < 50; ++n) {
    REQUIRE(dropped(dropout, line, n) == dropped(again, line, n));
    same_line += dropped(dropout, line, n) == dropped(dropout, line, n + 1);
    same_seed += dropped(dropout, line, n) == dropped(other, line, n);
  }
  CHECK(same_line < 10);
  CHECK(same_seed < 10);
  // "▁a" is one merge, left out as often as the rate says: binomial, 4,000 draws, 5 sigma.
  REQUIRE(vocabulary.encode("a").size() == 1);
  int whole = 0;
  for (uint64_t n = 0; n < 4000; ++n) whole += dropped(dropout, "a", n).size() == 1;
  CHECK(std::abs(whole - 3600) < 95);
}

TEST_CASE("BPE-dropout draws each segmentation as often as the paper's algorithm does") {
  const auto vocabulary = Vocabulary::from_bytes(trained({}));
  std::map<std::string, int> ids;
  for (int32_t id = 4 + 256; id < vocabulary.size(); ++id) ids[vocabulary.piece(id)] = id;
  for (const double rate : {0.1, 0.6, 0.95}) {
    const BpeDropout dropout(vocabulary, rate, 3, "test");
    for (const Cut& word : {Cut{"\u2581", "o", "l", "d"}, Cut{"\u2581", "s", "e", "e", "s", "e", "e"}}) {
      std::string text;
      for (const auto& c : word) text += c;
      std::map<Cut, double> chances, seen;
      enumerate(word, 1, rate, ids, chances);
      CHECK(chances.size() >= 5);
      constexpr int kDraws = 20000;
      for (uint64_t n = 0; n < kDraws; ++n) {
        Cut cut;
        for (const auto id : dropped(dropout, text.substr(3), n)) cut.push_back(vocabulary.piece(id));
        ++seen[cut];
      }
      for (const auto& [cut, times] : seen) REQUIRE(chances.contains(cut));
      for (const auto& [cut, chance] : chances) {
        INFO(rate << " " << text << " in " << cut.size());
        CHECK(std::abs(seen[cut] - kDraws * chance) <= 1 + 5 * std::sqrt(kDraws * chance * (1 - chance)));
      }
    }
  }
}

TEST_CASE("BPE-dropout cuts a word of 300 kB at every rate, since its time hardly grows faster than the word") {
  const auto vocabulary = Vocabulary::from_bytes(trained({}));
  std::string word;
  while (word.size() < 300'000) word += "followsthedog";
  for (const double rate : {0.1, 0.99, 0.999999}) {
    const auto ids = dropped(BpeDropout(vocabulary, rate, 1, "test"), word, 0);
    CHECK(vocabulary.decode(ids) == word);
    CHECK(ids.size() >= vocabulary.encode(word).size());
  }
}

TEST_CASE("BPE-dropout refuses a model whose words are not encoded each alone") {
  for (const Spec& spec : {Spec{{"model_type", "unigram"}}, Spec{{"split_by_whitespace", "0"}}})
    CHECK_THROWS_AS(BpeDropout(Vocabulary::from_bytes(trained(spec)), 0.1, 1, "m.model"), Error);
}
