// Lists of words and labels: what they bring back, what is unknown, what is no list, and how they are learned.
#include "base/error.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"
#include "text/bpe_dropout.h"
#include "text/learn_list.h"
#include "text/line_encoder.h"
#include "text/list_vocabulary.h"
#include "text/vocabulary.h"

using namespace storm;
using namespace storm::test;

namespace {

using Ids = std::vector<int32_t>;

const std::string kSpecial = "<pad>\n<unk>\n<s>\n</s>\n",
                  kWords = "storm.words 1\n" + kSpecial + "the\nThe\n▁x\n日本\n";
const std::string kLabels = "storm.labels 1\nO\nB-PER\n<unk>\n";

LearnedList learned(const std::vector<std::string>& lines, ListKind kind = ListKind::words, int64_t most = 0) {
  std::size_t at = 0;
  return learn_list([&](std::string& line) { return at < lines.size() && (line = lines[at++], true); }, kind, most);
}

std::string refusal(const std::string& bytes) {
  return error_of([&] { Vocabulary::from_bytes(bytes, "w"); });
}

}  // namespace

TEST_CASE("a list's words have the ids of their lines, and a text of them with single spaces comes back") {
  const auto v = Vocabulary::from_bytes(kWords);
  CHECK(v.size() == 8);
  CHECK(v.pad_id() == 0);
  CHECK(v.unk_id() == 1);
  CHECK(v.bos_id() == 2);
  CHECK(v.eos_id() == 3);
  CHECK(v.encode("the The ▁x 日本 the") == Ids{4, 5, 6, 7, 4});
  for (const char* text : {"the The ▁x 日本 the", "", "<unk>", "the <unk>"}) CHECK(v.decode(v.encode(text)) == text);
  CHECK(v.encode(" \tthe \t\r The  ") == Ids{4, 5});
  CHECK(v.encode("the\u00a0The THE") == Ids{1, 1});
  CHECK(v.decode(Ids{2, 4, 0, 5, 3}) == "the The");
  CHECK(v.piece(7) == "日本");
  CHECK(v.marked_piece(7) == "▁日本");
  CHECK(v.marked_piece(3) == "</s>");
  CHECK(v.encode_pieces("the  cat </s>") == std::vector<std::string>{"the", "cat", "</s>"});
  CHECK_THROWS_AS(v.decode(Ids{8}), Error);
  CHECK_THROWS_AS(v.piece(-1), Error);
}

TEST_CASE("a text's <unk> is the unknown word, and no word of a text is padding, BOS or EOS") {
  const auto v = Vocabulary::from_bytes(kWords);
  CHECK(v.encode("<unk> <pad> <s> </s>") == Ids{1, 1, 1, 1});
}

TEST_CASE("a list of labels has no special entry, and what it does not have is an error") {
  const auto v = Vocabulary::from_bytes(kLabels);
  CHECK(v.size() == 3);
  for (const auto id : {v.pad_id(), v.unk_id(), v.bos_id(), v.eos_id()}) CHECK(id == -1);
  CHECK(v.encode("O B-PER <unk>") == Ids{0, 1, 2});
  CHECK(v.decode(Ids{0, 1, 2}) == "O B-PER <unk>");
  const std::string wanted = "'o' is none of the 3 labels of its list; mend the text or the list";
  CHECK(error_of([&] { v.encode("O o"); }) == wanted);
  CHECK(error_of([&] { v.encode_pieces("O o"); }) == wanted);
}

TEST_CASE("a list's ids are those of its lines through every reader, and are not cut by BPE-dropout") {
  const auto v = Vocabulary::from_bytes(kWords);
  CHECK(v.word_rule() == WordRule::none);
  Ids ids{9};
  LineEncoder(v).append("The cat the", ids);
  CHECK(ids == Ids{9, 5, 1, 4});
  CHECK(error_of([&] { BpeDropout(v, 0.1, 1, "src"); }).starts_with("src: BPE-dropout needs a BPE model"));
  Document model;
  model.metadata[kKindKey] = "model";
  model.add<char>("vocab", v.bytes());
  const ScratchFile bare(v.bytes()), carried(document_bytes(model));
  CHECK(Vocabulary::load(bare.path()) == v);
  CHECK(Vocabulary::load(carried.path(), "src") == v);
}

TEST_CASE("what is no list is refused, with the line") {
  const auto words = [](const std::string& more) { return refusal("storm.words 1\n" + kSpecial + more); };
  CHECK(words("a\nb\n").empty());
  CHECK(words("a\nb\na\n") == "w: line 8 of the list: 'a' stands in line 6 as well");
  CHECK(words("a\n<unk>\n") == "w: line 7 of the list: '<unk>' stands in line 3 as well");
  CHECK(words("a\n\nb\n") == "w: line 7 of the list: empty; an entry needs a character");
  CHECK(words("a\nb\xff\n") == "w: line 7 of the list: invalid UTF-8 at byte 1");
  CHECK(words("a\nb") == "w: line 7 of the list: has no end; was the list cut short?");
  for (const char* text : {"a b\n", "a\tb\n", "a\r\n"}) CHECK(words(text).ends_with("' has a space, TAB or CR in it"));
  CHECK(words("") == "w: a list without a word");
  CHECK(refusal("storm.words 1\na\n") == "w: line 2 of the list: 'a' stands where a list of words has <pad>");
  CHECK(refusal("storm.words 1\n") == "w: a list without a word");
  CHECK(refusal("storm.labels 1\n") == "w: a list without a label");
  CHECK(refusal("storm.labels 1") == "w: line 1 of the list: has no end; was the list cut short?");
  CHECK(refusal("storm.labels 2\na\n").starts_with("w: line 1 of the list: 'storm.labels 2' is neither"));
  CHECK(refusal("storm.words 1\r\n").starts_with("w: line 1 of the list: 'storm.words 1\r' is neither"));
  CHECK(refusal("storm.labels 1\n" + std::string(1 << 20, '\n')) ==
        "w: line 2 of the list: empty; an entry needs a character");
  CHECK(refusal("storm.labels 1\n" + std::string(1 << 20, 'x') + " \n").size() < 300);
  // Neither kind: a list without its first line, and a protobuf that is cut short or has no piece.
  for (const char* text : {"", "the\nof\n", "storm.word", "\n\x0b\n\x05<unk>", "\n\x7fstorm.words 1\n", "\x12\x01x"})
    CHECK(refusal(text).starts_with("w: neither a list, "));
  CHECK(refusal(std::string("\n\x03\n\x01x", 5)) == "w: a damaged SentencePiece model");  // no unk
}

TEST_CASE("words are learned in the order of their counts, then of their bytes; labels of their bytes") {
  const std::vector<std::string> lines{"b a  b \xc3\xa4", "", " c\ta b c <unk> </s>"};
  const auto all = learned(lines);
  CHECK(all.bytes == "storm.words 1\n" + kSpecial + "b\na\nc\n\xc3\xa4\n");
  CHECK(all.words == 10);
  CHECK(all.words_kept == 9);
  CHECK(all.special == 1);
  const auto some = learned(lines, ListKind::words, 6);
  CHECK(some.bytes == "storm.words 1\n" + kSpecial + "b\na\n");
  CHECK(some.words_kept == 6);
  CHECK(learned(lines, ListKind::words, 1000).bytes == all.bytes);
  CHECK(learned({"10 2", "1 2 2 <pad>"}, ListKind::labels).bytes == "storm.labels 1\n1\n10\n2\n<pad>\n");
  CHECK_THROWS_AS(learned({" ", "<unk> </s>"}), Error);
  CHECK_THROWS_AS(learned({}, ListKind::labels), Error);
  CHECK_THROWS_AS(learned(lines, ListKind::words, 4), Error);
  for (const auto& list : {all, some}) CHECK(Vocabulary::from_bytes(list.bytes).bytes() == list.bytes);
}
