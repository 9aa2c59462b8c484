// Vocabularies in files that are none by themselves: vocab.txt, vocab.json with merges.txt, a SentencePiece model with
// a table of ids.
#include "text/foreign_vocabulary.h"

#include <nlohmann/json.hpp>

#include "tests/data.h"
#include "tests/errors.h"
#include "tests/text/hard_text.h"
#include "text/learn.h"
#include "text/line_encoder.h"

using namespace storm;
using namespace storm::test;

namespace {

using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

Json model_of(const std::string& name) { return Json::parse(read_file(data_path(name + ".json", "text")))["model"]; }

// The pieces by id, a line each.
std::string piece_list(const Json& vocab) {
  std::vector<std::string> pieces(vocab.size());
  for (const auto& [piece, id] : vocab.items()) pieces[id.get<std::size_t>()] = piece;
  std::string text;
  for (const auto& piece : pieces) text += piece + "\n";
  return text;
}

std::string merges_of(const Json& model) {
  std::string text = "#version: 0.2\n";
  for (const auto& merge : model["merges"])
    text += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
  return text;
}

std::size_t differing_ids(const Vocabulary& a, const Vocabulary& b) {
  std::size_t differ = 0;
  for (const auto& line : data_lines("lines", "text")) differ += a.encode(line) != b.encode(line);
  return differ;
}

Vocabulary paired(const std::string& first, const std::string& second) {
  return Vocabulary::from_bytes(from_pair({first, "a"}, {second, "b"}), "a+b");
}

std::string small_model() { return trained({{"byte_fallback", "0"}, {"vocab_size", "200"}}); }

// A table with the model's pieces in another order, without `missing`.
Json table_of_pieces(const Vocabulary& model, const std::string& missing) {
  Json table{{"</s>", 0}, {"<unk>", 1}};
  for (int32_t id = model.size() - 1; id > 3; --id)
    if (model.piece(id) != missing) table[model.piece(id)] = table.size();
  for (const char* more : {">>fr<<", "\u2581elsewhere", "<pad>"}) table[more] = table.size();
  return table;
}

}  // namespace

TEST_CASE("vocab.txt gives the ids of the tokenizer.json with these pieces, cased and uncased") {
  for (const bool uncased : {true, false}) {
    const std::string name = uncased ? "uncased" : "cased";
    const ScratchFile list(piece_list(model_of(name)["vocab"]));
    const auto vocabulary = Vocabulary::load(list.path(), "", uncased);
    CHECK(differing_ids(vocabulary, Vocabulary::load(data_path(name + ".json", "text"))) == 0);
    CHECK(vocabulary.piece(vocabulary.bos_id()) == "[CLS]");
    CHECK(vocabulary.piece(vocabulary.unk_id()) == "[UNK]");
  }
}

TEST_CASE("vocab.txt needs to be told its case, and nothing else may be") {
  const ScratchFile list("[PAD]\n[UNK]\na\n##b\n"), crlf("[UNK]\r\na\r\n##b\r\n"),
      words("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\na\n");
  CHECK(error_of([&] { Vocabulary::load(list.path()); }).find("give --uncased yes or no") != std::string::npos);
  CHECK(error_of([&] { Vocabulary::load(words.path(), "", true); }).find("leave --uncased out") != std::string::npos);
  CHECK(Vocabulary::load(list.path(), "", true).encode("AB aC") == Ids{2, 3, 1});
  CHECK(Vocabulary::load(crlf.path(), "", false).encode("ab") == Ids{1, 2});
  const auto refusal = [](const std::string& text) { return error_of([&] { from_piece_list({text, "v"}, true); }); };
  CHECK(refusal("[UNK]\na\xff\n") == "v: line 2: invalid UTF-8 at byte 1");
  CHECK(refusal("[UNK]\na\n\nb\n") == "v: line 3: empty; a piece needs a character");
  CHECK(refusal("[UNK]\na\nb\na\n") == "v: 'a' is there twice, the second time with the id 3");
  const ScratchFile unknown_missing("[PAD]\na\n##b\n");
  CHECK(error_of([&] {
          Vocabulary::load(unknown_missing.path(), "", true);
        }).find("no list of pieces with a line [UNK]") != std::string::npos);
}

TEST_CASE("vocab.json and merges.txt give the ids of the tokenizer.json with these merges") {
  const auto model = model_of("byte-bpe");
  const ScratchFile vocab(model["vocab"].dump()), merges(merges_of(model));
  const auto vocabulary = Vocabulary::load(vocab.path() + "+" + merges.path());
  CHECK(differing_ids(vocabulary, Vocabulary::load(data_path("byte-bpe.json", "text"))) == 0);
  CHECK(vocabulary.piece(vocabulary.eos_id()) == "<|endoftext|>");
  CHECK(vocabulary == Vocabulary::from_bytes(vocabulary.bytes()));
  const auto refusal = [&](const std::string& text) { return error_of([&] { paired(model["vocab"].dump(), text); }); };
  CHECK(refusal("a \xc3\n") == "b: line 1: invalid UTF-8 at byte 2");
  CHECK(refusal("#version: 0.2\na b c\n") == "b: line 2: not two pieces with a space between");
  CHECK(refusal("a nowhere\n") == "a+b.model.merges: merge 1, 'a' and 'nowhere': no piece 'nowhere'");
  CHECK(error_of([&] { paired("{\"a\":0,\"b\":2}", ""); }) == "a: 'b' has the id 2 of no more than 2 pieces");
  CHECK(error_of([&] { paired("{\"a\":\"x\"}", ""); }) == "a: 'a' has no whole number");
}

TEST_CASE("a table beside a SentencePiece model gives its pieces other ids, and is part of the vocabulary") {
  const auto bytes = small_model();
  const auto model = Vocabulary::from_bytes(bytes);
  const auto table = table_of_pieces(model, "\u2581cat");
  const auto vocabulary = paired(bytes, table.dump());
  CHECK(vocabulary.size() == static_cast<int32_t>(table.size()));
  CHECK(vocabulary.eos_id() == 0);
  CHECK(vocabulary.unk_id() == 1);
  CHECK(vocabulary.bos_id() == -1);
  CHECK(vocabulary.pad_id() == vocabulary.size() - 1);
  LineEncoder encoder(vocabulary);
  CHECK(encoder.rule() == WordRule::none);  // a language may begin a line
  for (const std::string line : {"the old dog sees a small cat.", "J\u00fcrgen follows \u5317 the cat", ""}) {
    Ids wanted, ids;
    for (const auto& piece : model.encode_pieces(line))
      wanted.push_back(table.contains(piece) ? table[piece].get<int32_t>() : 1);
    encoder.append(line, ids);
    CHECK(ids == wanted);
    CHECK(vocabulary.encode_pieces(line) == model.encode_pieces(line));
  }
  CHECK(vocabulary.decode(vocabulary.encode("the old dog sees J\u00fcrgen.")) == "the old dog sees J\u00fcrgen.");
  CHECK(vocabulary.decode(Ids{vocabulary.id_of("\u2581old"), vocabulary.id_of("\u2581elsewhere"), 0}) ==
        "old elsewhere");

  Ids ids;
  std::vector<ByteRange> ranges;
  vocabulary.encode(">>fr<< the dog", ids, &ranges);
  REQUIRE(ids.size() >= 2);
  CHECK(vocabulary.piece(ids[0]) == ">>fr<<");
  CHECK(ranges[0] == ByteRange{0, 6});
  CHECK(ranges.back().end == 14);
  CHECK(vocabulary.encode(">>fr<< 1 << 2")[0] == vocabulary.id_of(">>fr<<"));
  CHECK(vocabulary.encode(">>de<< the dog")[0] != vocabulary.id_of(">>fr<<"));

  auto without_languages = table;
  without_languages.erase(">>fr<<");
  without_languages["more"] = table[">>fr<<"];
  CHECK(paired(bytes, without_languages.dump()).word_rule() == WordRule::collapsed);
}

TEST_CASE("a damaged table is an error that names it") {
  const auto bytes = small_model();
  CHECK(error_of([&] { paired(bytes, "{\"</s>\":0,\"a\":1}"); }).find("has no <unk>") != std::string::npos);
  CHECK(error_of([&] { paired(bytes, "[1]"); }) == "b: no object of pieces and ids");
  CHECK(error_of([&] { paired(bytes, "{\"a\":0,\"a\":1}"); }) == "b: \"a\" is there twice");
  CHECK(error_of([&] { paired(bytes, "{\"a\":0,\"b\":0}"); }) == "b: 'a' and 'b' have the id 0");
  CHECK(error_of([&] { Vocabulary::from_bytes(bytes + "\xc2\x0c\2{}", "v"); }) ==
        "v: its table of ids is no list of pieces");
}
