// Vocabularies with more pieces behind the old ones.
#include "tests/data.h"
#include "tests/errors.h"
#include "tests/text/hard_text.h"
#include "text/line_encoder.h"
#include "text/list_vocabulary.h"

using namespace storm;
using namespace storm::test;

namespace {

std::vector<std::string> pieces_of(const Vocabulary& vocabulary, const std::string& line) {
  std::vector<std::string> pieces;
  for (const auto id : vocabulary.encode(line)) pieces.push_back(vocabulary.marked_piece(id));
  return pieces;
}

Vocabulary larger(const Vocabulary& before, const std::vector<std::string>& pieces) { return before.extended(pieces); }

bool has(const std::vector<std::string>& pieces, const std::string& piece) {
  return std::ranges::find(pieces, piece) != pieces.end();
}

}  // namespace

TEST_CASE("an extended vocabulary keeps its ids, finds the new words, and is one of its kind") {
  const auto json = [](const std::string& name) { return read_file(data_path(name + ".json", "text")); };
  const std::string words = "storm.words 1\n<pad>\n<unk>\n<s>\n</s>\nthe\ndog\n";
  for (const auto& bytes : {trained({}), json("uncased"), json("byte-bpe"), words}) {
    const auto before = Vocabulary::from_bytes(bytes);
    const bool is_list = bytes == words;
    const std::string word = is_list ? "myocardium" : "\u2581myocardium";
    const auto now = larger(before, {word, is_list ? "the" : "\u2581the", word});
    INFO(before.size());
    CHECK(now.extends(before));
    CHECK_FALSE(before.extends(now));
    CHECK(now.size() <= before.size() + 2);
    CHECK(Vocabulary::from_bytes(now.bytes()) == now);
    CHECK(has(pieces_of(now, "the myocardium the"), "\u2581myocardium"));
    CHECK_FALSE(has(pieces_of(before, "the myocardium the"), "\u2581myocardium"));
    CHECK(now.decode(now.encode("the myocardium the")) == "the myocardium the");
    CHECK(now.word_rule() == before.word_rule());
    for (const auto& line : nasty_lines(300)) CHECK(now.encode(line) == before.encode(line));
    LineEncoder encoder(now);
    for (const std::string line : {"the myocardium of myocardiums", " myocardium  myocardium", "xmyocardium"})
      for (int round = 0; round < 2; ++round) {
        std::vector<int32_t> ids;
        encoder.append(line, ids);
        CHECK(ids == now.encode(line));
      }
  }
}

TEST_CASE("what is there already is left out, and an extension by nothing new is the vocabulary itself") {
  const auto before = Vocabulary::from_bytes(trained({}));
  CHECK(larger(before, {"\u2581the", "<s>"}) == before);
  const auto gpt2 = Vocabulary::load(data_path("byte-bpe.json", "text"));
  CHECK(larger(gpt2, {"\u2581the"}).size() == gpt2.size());
  const auto once = larger(gpt2, {"\u2581myocardium"});
  CHECK(larger(once, {"\u2581myocardium"}).size() == once.size());
}

TEST_CASE("what cannot be a piece, and what cannot be extended, is an error") {
  const auto bert = Vocabulary::load(data_path("uncased.json", "text"));
  CHECK(error_of([&] { larger(bert, {"two words"}); }) ==
        "'two words' is no word, or several, to this vocabulary's splitter");
  CHECK(larger(bert, {"Myoc\u00e1rdium"}).id_of("myocardium") == bert.size());  // as normalisation leaves it
  const auto list = Vocabulary::from_bytes("storm.labels 1\nA\nB\n");
  CHECK(larger(list, {"C"}).id_of("C") == 2);
  CHECK(error_of([&] { larger(list, {"C D"}); }).find("has a space") != std::string::npos);
}
