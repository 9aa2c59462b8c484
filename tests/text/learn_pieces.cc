// Learning WordPiece and byte-level BPE: tokenizers' merges and pieces, the same bytes always, and what cannot be
// learnt.
#include "text/learn_pieces.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/errors.h"
#include "text/bpe_trainer.h"
#include "text/vocabulary.h"

using namespace storm;
using namespace storm::test;

namespace {

using Learn = std::string (*)(const std::function<bool(std::string&)>&, const LearnPiecesOptions&);

std::string learnt(Learn learn, const std::vector<std::string>& lines, const LearnPiecesOptions& options) {
  std::size_t at = 0;
  return learn(
      [&](std::string& line) {
        if (at == lines.size()) return false;
        line = lines[at++];
        return true;
      },
      options);
}

std::vector<std::string> latin() { return data_lines("latin", "text"); }

// The merges that BpeTrainer is to learn, by counting all pairs again each time.
std::vector<std::pair<int32_t, int32_t>> counted_anew(std::vector<std::pair<std::vector<int32_t>, int64_t>> words,
                                                      std::vector<std::string>& pieces, std::size_t size) {
  std::vector<std::pair<int32_t, int32_t>> merges;
  while (pieces.size() < size) {
    std::map<std::pair<int32_t, int32_t>, int64_t> counts;
    for (const auto& [word, count] : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) counts[{word[i], word[i + 1]}] += count;
    if (counts.empty()) break;
    const auto best = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; })->first;
    const auto name = pieces[static_cast<std::size_t>(best.first)] + pieces[static_cast<std::size_t>(best.second)];
    const auto there = std::ranges::find(pieces, name);
    const auto joined = static_cast<int32_t>(there - pieces.begin());
    if (there == pieces.end()) pieces.push_back(name);
    merges.push_back(best);
    for (auto& [word, count] : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i)
        if (word[i] == best.first && word[i + 1] == best.second) {
          word[i] = joined;
          word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
  }
  return merges;
}

}  // namespace

TEST_CASE("byte-level BPE learns the merges that tokenizers learns") {
  const auto json = nlohmann::json::parse(learnt(learn_byte_bpe, latin(), {.vocab_size = 380}));
  std::vector<std::string> merges;
  for (const auto& merge : json["model"]["merges"])
    merges.push_back(str(merge[0].get<std::string>(), " ", merge[1].get<std::string>()));
  CHECK(merges == data_lines("learnt", "text"));
  CHECK(json["model"]["vocab"].size() == 380);
}

TEST_CASE("the pair that is merged is always the most frequent one, of equals that of the lower ids") {
  RandomStream random(3, RandomUse::corpus);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> pieces{"a", "b", "c"}, wanted_pieces = pieces;
    std::vector<std::pair<std::vector<int32_t>, int64_t>> words(40);
    for (auto& [word, count] : words) {
      for (auto length = random.below(9) + 1; length > 0; --length)
        word.push_back(static_cast<int32_t>(random.below(3)));
      count = static_cast<int64_t>(random.below(5)) + 1;
    }
    BpeTrainer trainer(pieces, [](const std::string& left, const std::string& right) { return left + right; });
    for (const auto& [word, count] : words) trainer.add_word(word, count);
    const auto wanted = counted_anew(words, wanted_pieces, 60);
    CHECK(trainer.learn(60) == wanted);
    CHECK(pieces == wanted_pieces);
  }
}

TEST_CASE("a learnt vocabulary has its specials, its symbols and the size asked for, whatever the threads") {
  for (const Learn learn : {Learn(learn_wordpiece), Learn(learn_byte_bpe)}) {
    const LearnPiecesOptions options{.vocab_size = learn == learn_wordpiece ? 190 : 380, .symbols = {"<a>", "dog"}};
    const auto before = thread_count();
    set_thread_count(1);
    const auto one = learnt(learn, latin(), options);
    set_thread_count(2);
    CHECK(learnt(learn, latin(), options) == one);
    set_thread_count(before);
    const auto vocabulary = Vocabulary::from_bytes(one);
    CHECK(vocabulary.size() == options.vocab_size);
    CHECK(vocabulary.eos_id() >= 0);
    const auto ids = vocabulary.encode("the <a>old dogs.");
    for (const char* symbol : {"<a>", "dog"}) CHECK(std::ranges::count(ids, vocabulary.id_of(symbol)) == 1);
    for (const auto& line : latin()) CHECK(std::ranges::count(vocabulary.encode(line), vocabulary.unk_id()) == 0);
  }
}

TEST_CASE("characters that are left out make words unknown, and nothing else") {
  auto lines = latin();
  lines.push_back("\u5317\u4eac \u0436\u0436");
  const auto vocabulary =
      Vocabulary::from_bytes(learnt(learn_wordpiece, lines, {.vocab_size = 170, .character_coverage = 0.999}));
  CHECK(vocabulary.id_of("\u5317") == -1);
  CHECK(vocabulary.id_of("a") >= 0);
  CHECK(vocabulary.encode("\u0436\u0436") == std::vector<int32_t>{vocabulary.unk_id()});
}

TEST_CASE("what cannot be learnt is an error of one line that says what to change") {
  const auto refusal = [](Learn learn, const std::vector<std::string>& lines, const LearnPiecesOptions& options) {
    return error_of([&] { learnt(learn, lines, options); });
  };
  CHECK(refusal(learn_byte_bpe, latin(), {.vocab_size = 100000}).starts_with("the text has no more than "));
  CHECK(refusal(learn_byte_bpe, latin(), {.vocab_size = 257}) ==
        "--vocab-size: a vocabulary of 257 has no piece to learn; special pieces, symbols and bytes take 257");
  CHECK(refusal(learn_byte_bpe, {"", ""}, {}) == "no text to learn a vocabulary from");
  CHECK(refusal(learn_wordpiece, {" ", ""}, {}) == "no text to learn a vocabulary from");
  CHECK(refusal(learn_wordpiece, latin(), {.symbols = {"[MASK]"}}).starts_with("--symbols: '[MASK]' "));
  CHECK(refusal(learn_wordpiece, latin(), {.symbols = {"a b"}}).starts_with("--symbols: one has white space"));
}
