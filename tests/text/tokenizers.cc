// WordPiece and byte-level BPE from a tokenizer.json: the ids, words and decoded text that Hugging Face's tokenizers
// gave (tests/text/record-tokenizers), and what is refused.
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "tests/catch.h"
#include "tests/data.h"
#include "tests/errors.h"
#include "text/bert_normalizer.h"
#include "text/bpe_merges.h"
#include "text/gpt2_words.h"
#include "text/line_encoder.h"
#include "text/vocabulary.h"

using namespace storm;
using namespace storm::test;

namespace {

using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

const char* const kNames[] = {"uncased", "cased", "uncased-added", "byte-bpe", "byte-bpe-prefix", "byte-bpe-added"};

std::string file(const std::string& name) { return read_file(data_path(name, "text")); }

Vocabulary load(const std::string& name) { return Vocabulary::load(data_path(name + ".json", "text")); }

Ids numbers(const std::string& line) {
  Ids ids;
  for (std::size_t at = 0; at < line.size(); at = std::min(line.find(' ', at), line.size() - 1) + 1)
    ids.push_back(std::stoi(line.substr(at)));
  return ids;
}

// FNV-1a of the words of every code point alone and between letters.
template <class Words>
std::string digest_of_characters(Words append_words) {
  uint64_t h = 0xCBF29CE484222325u;
  std::string all;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    all.clear();
    std::string text;
    append_utf8(text, c);
    append_words(text, all);
    append_words("a" + text + "b", all);
    all += '\2';
    for (const char byte : all) h = (h ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
  }
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) hex += "0123456789abcdef"[h >> shift & 15];
  return hex;
}

std::string digest_of_bert(const BertNormalizer& normalizer) {
  std::vector<NormalizedCharacter> normalized;
  return digest_of_characters([&](const std::string& text, std::string& words) {
    normalizer.normalize(text, 0, normalized);
    each_bert_word(normalized, [&](std::span<const NormalizedCharacter> word) {
      for (const auto& n : word) append_utf8(words, n.c);
      words += '\1';
    });
  });
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

std::string refusal(const std::string& json) {
  return error_of([&] { Vocabulary::from_bytes(json, "x.json"); });
}

}  // namespace

TEST_CASE("ids and decoded text are those of tokenizers, word by word and line by line") {
  const auto lines = data_lines("lines", "text");
  REQUIRE(lines.size() > 200);
  for (const std::string name : kNames) {
    const auto vocabulary = load(name);
    LineEncoder encoder(vocabulary);
    const auto ids = data_lines(name + ".ids", "text"), texts = data_lines(name + ".text", "text");
    REQUIRE(ids.size() == lines.size());
    REQUIRE(texts.size() == lines.size());
    std::size_t wrong = 0;
    for (const int round : {0, 1})
      for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto wanted = numbers(ids[i]);
        Ids by_word(1, round);
        encoder.append(lines[i], by_word);
        by_word.erase(by_word.begin());
        const bool right =
            vocabulary.encode(lines[i]) == wanted && by_word == wanted && vocabulary.decode(wanted) == texts[i];
        if (!right && wrong++ == 0) WARN(name << ": '" << lines[i] << "'");
      }
    CHECK(wrong == 0);
  }
}

TEST_CASE("every code point, alone and between letters, makes the words that it makes in tokenizers") {
  std::map<std::string, std::string> wanted;
  for (const auto& line : data_lines("characters", "text"))
    wanted[line.substr(0, line.find(' '))] = line.substr(line.find(' ') + 1);
  REQUIRE(wanted.size() == 4);
  CHECK(digest_of_bert({}) == wanted["uncased"]);
  CHECK(digest_of_bert({.strip_accents = false, .lowercase = false}) == wanted["cased"]);
  CHECK(digest_of_bert({.clean_text = false, .chinese_characters = false, .strip_accents = false}) ==
        wanted["uncleaned"]);
  CHECK(digest_of_characters([](const std::string& text, std::string& words) {
          each_gpt2_word(text,
                         [&](std::size_t begin, std::size_t end) { words.append(text, begin, end - begin) += '\1'; });
        }) == wanted["gpt2"]);
}

TEST_CASE("byte-level BPE brings every text back, and its ranges cut the line into the pieces' own bytes") {
  for (const std::string name : {"byte-bpe", "byte-bpe-prefix"}) {
    const auto vocabulary = load(name);
    for (const auto& line : data_lines("lines", "text")) {
      if (line.find("<|endoftext|>") != line.npos) continue;  // its end of text decodes to nothing
      Ids ids;
      std::vector<ByteRange> ranges;
      vocabulary.encode(line, ids, &ranges);
      const bool prefix = name == "byte-bpe-prefix" && !line.empty() && line[0] != ' ';
      CHECK(vocabulary.decode(ids) == (prefix ? " " : "") + line);
      int32_t end = 0;
      for (const auto& range : ranges) {
        CHECK(range.begin == end);
        end = range.end;
      }
      CHECK(end == static_cast<int32_t>(line.size()));
    }
  }
}

TEST_CASE("a WordPiece piece stands for the bytes that its characters were made of") {
  const auto vocabulary = load("uncased");
  const std::string line = " Na\u00efve e\u0301 \u5317x [MASK]\u2014\u00c9\u00ad!";
  Ids ids;
  std::vector<ByteRange> ranges;
  vocabulary.encode(line, ids, &ranges);
  REQUIRE(ids.size() == ranges.size());
  std::string seen;
  for (const auto& [begin, end] : ranges)
    seen += line.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)) + "|";
  std::string pieces;
  for (const auto id : ids) pieces += vocabulary.piece(id) + "|";
  CHECK(pieces == "naive|e|\u5317|x|[MASK]|\u2014|e|!|");
  CHECK(seen == "Na\u00efve|e|\u5317|x|[MASK]|\u2014|\u00c9|!|");
}

TEST_CASE("special pieces are known by name, and words are marked alike in every kind") {
  const auto bert = load("uncased");
  CHECK(bert.piece(bert.bos_id()) == "[CLS]");
  CHECK(bert.piece(bert.eos_id()) == "[SEP]");
  CHECK(bert.piece(bert.pad_id()) == "[PAD]");
  CHECK(bert.piece(bert.unk_id()) == "[UNK]");
  CHECK(bert.id_of("[MASK]") == 4);
  CHECK(bert.id_of("no piece") == -1);
  CHECK(bert.marked_piece(bert.id_of("the")) == "\u2581the");
  CHECK(bert.marked_piece(bert.id_of("##e")) == "e");
  const auto gpt2 = load("byte-bpe");
  CHECK(gpt2.piece(gpt2.eos_id()) == "<|endoftext|>");
  CHECK(gpt2.bos_id() == gpt2.eos_id());
  CHECK(gpt2.unk_id() == -1);
  CHECK(gpt2.marked_piece(gpt2.id_of("\u0120the")) == "\u2581the");
  CHECK(gpt2.marked_piece(gpt2.id_of("e")) == "e");
}

TEST_CASE("merges as strings and as pairs are the same vocabulary") {
  auto json = nlohmann::json::parse(file("byte-bpe.json"));
  for (auto& merge : json["model"]["merges"]) merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const auto old = Vocabulary::from_bytes(json.dump()), now = load("byte-bpe");
  for (const auto& line : data_lines("lines", "text")) CHECK(old.encode(line) == now.encode(line));
}

TEST_CASE("a short word and a long one are merged alike") {
  BpeMerges
      merges;  // of the letters 0 to 3, with merges that need another one first, and one of lower rank than its parts
  for (const auto& [left, right, joined] :
       {std::array{0, 1, 4}, {4, 4, 5}, {2, 4, 6}, {5, 3, 7}, {6, 2, 8}, {3, 3, 9}, {9, 3, 10}, {1, 0, 11}})
    merges.add(left, right, joined);
  RandomStream random(1, RandomUse::corpus);
  for (int i = 0; i < 2000; ++i) {
    std::vector<BpeMerges::Symbol> whole, half;
    const auto half_length = static_cast<int32_t>(random.below(40)) + 5;
    for (int32_t k = 0; k < half_length; ++k) half.push_back({static_cast<int32_t>(random.below(4)), {k, k + 1}});
    // Symbol 99 has no merge, so that what stands on both sides of it is merged as if it were alone.
    for (int times = 0; times < 12; ++times) {
      whole.insert(whole.end(), half.begin(), half.end());
      whole.push_back({99, {}});
    }
    merges.apply(half);
    merges.apply(whole);
    std::vector<int32_t> once, twelve;
    for (const auto& s : half) once.push_back(s.id);
    once.push_back(99);
    for (const auto& s : whole) twelve.push_back(s.id);
    REQUIRE(twelve.size() == once.size() * 12);
    for (std::size_t k = 0; k < twelve.size(); ++k) REQUIRE(twelve[k] == once[k % once.size()]);
  }
}

TEST_CASE("what a tokenizer.json asks for that is not done is an error that names it") {
  const auto bert = file("uncased.json"), gpt2 = file("byte-bpe.json");
  CHECK(refusal(with(bert, "BertNormalizer", "NFKC")) ==
        "x.json.normalizer.type: \"NFKC\" is not supported, only \"BertNormalizer\"");
  CHECK(refusal(with(bert, "BertPreTokenizer", "Whitespace"))
            .starts_with("x.json.pre_tokenizer.type: \"Whitespace\" is not"));
  CHECK(refusal(with(bert, "\"type\":\"WordPiece\",\"unk", "\"type\":\"Unigram\",\"unk")) ==
        "x.json.model.type: Unigram is not supported; WordPiece and byte-level BPE are");
  CHECK(refusal(with(bert, "\"single_word\":false", "\"single_word\":true"))
            .starts_with("x.json.added_tokens.single_word: true"));
  CHECK(refusal(with(bert, "\"lowercase\":true", "\"lowercase\":true,\"new\":1")) ==
        "x.json.normalizer.new: not supported");
  CHECK(refusal(with(gpt2, "\"dropout\":null", "\"dropout\":0.1")) ==
        "x.json.model.dropout: 0.1 is not supported, only null");
  CHECK(refusal(with(gpt2, "\"use_regex\":true", "\"use_regex\":false"))
            .starts_with("x.json.pre_tokenizer.use_regex: false"));
  CHECK(refusal(with(gpt2, "\"byte_fallback\":false", "\"byte_fallback\":true"))
            .starts_with("x.json.model.byte_fallback: true"));
  CHECK(refusal(with(gpt2, "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}"))
            .starts_with("x.json.normalizer: {"));
}

TEST_CASE("added tokens are found as tokenizers finds them, and are pieces of no word") {
  const auto with_added = [](const std::vector<Json>& tokens) {
    auto json = Json::parse(file("uncased.json"));
    for (const auto& token : tokens) json["added_tokens"].push_back(token);
    return json.dump();
  };
  const auto size = load("uncased").size();
  const auto token = [&](const std::string& content, int32_t id, const Json& more = Json::object()) {
    Json json{{"id", id}, {"content", content}, {"normalized", false}};
    json.update(more);
    return json;
  };
  const auto made = [&](const std::vector<Json>& tokens) {
    return Vocabulary::from_bytes(with_added(tokens), "x.json");
  };
  CHECK(made({token("zqx", size)}).encode("ZQX") == load("uncased").encode("ZQX"));  // as it is spelled, or not at all
  CHECK(made({token("zqx", size)}).encode("zqx") == Ids{size});
  Ids ids;
  std::vector<ByteRange> ranges;
  made({token("<a>", size, {{"rstrip", true}}), token("<b>", size + 1, {{"lstrip", true}})})
      .encode("<a>   <b>", ids, &ranges);
  CHECK(ids == Ids{size, size + 1});
  CHECK(ranges == std::vector<ByteRange>{{0, 6}, {6, 9}});
  CHECK(refusal(with_added({token("<a>", size, {{"rstrip", true}}), token(" ", size + 1)}))
            .starts_with("one added token takes"));
  CHECK(refusal(with_added({token("zqx", size + 1), token("zqy", size)})).find("tokenizers would give it") !=
        std::string::npos);
  CHECK(refusal(with_added({token("Zq", size, {{"normalized", true}}),
                            token("zq", size + 1, {{"normalized", true}})})) == "two added tokens are found as 'zq'");
  CHECK(
      refusal(with_added({token(std::string(1001, 'a'), size)})).starts_with("an added token of more than 1000 bytes"));
  const auto extended = made({token("zqx", size)});
  CHECK(error_of([&] { extended.extended(std::vector<std::string>{"bar"}); }).starts_with("added tokens stand behind"));
}

TEST_CASE("a large file is read in time that grows with its size, and JSON may begin with white space") {
  std::string many = "{\"a\":[{}";
  for (int i = 0; i < 300000; ++i) many += ",{}";
  CHECK(refusal(many + "]}") == "x.json.model: missing");
  CHECK(Vocabulary::from_bytes(" \n" + file("uncased.json")).size() == load("uncased").size());
}

TEST_CASE("a damaged tokenizer.json is an error that says where") {
  const auto bert = file("uncased.json"), gpt2 = file("byte-bpe.json");
  CHECK(refusal(bert.substr(0, bert.size() / 2)).find("no JSON, or cut short") != std::string::npos);
  CHECK(refusal("{" + std::string(100000, '[')).starts_with("x.json: "));
  std::string nested = "{\"model\":";
  for (int i = 0; i < 100000; ++i) nested += "[";
  CHECK(refusal(nested) == "x.json: nested deeper than 32 levels");
  CHECK(refusal(with(gpt2, "\"merges\":[[\"", "\"merges\":[[\"nowhere"))
            .starts_with("x.json.model.merges: merge 1, 'nowhere"));
  CHECK(refusal(with(gpt2, "\"merges\":[[", "\"merges\":[[\"a\"],[")) ==
        "x.json.model.merges: merge 1 is neither [\"a\",\"b\"] nor \"a b\"");
  CHECK(refusal(with(bert, "\"[UNK]\":1", "\"[UNK]\":1,\"[UNK]\":7")) == "x.json: \"[UNK]\" is there twice");
  CHECK(refusal(with(bert, "\"[UNK]\":1", "\"[UNK]\":2")).starts_with("x.json.model.vocab: '"));
  CHECK(refusal(with(bert, "\"unk_token\":\"[UNK]\"", "\"unk_token\":\"<unk>\"")) ==
        "x.json.model.vocab: no piece '<unk>'");
  CHECK(refusal(with(gpt2, "\"!\":1,", "\"!!!\":1,")) ==
        "x.json.model.vocab: no piece for byte 33 ('!'); without one a text with this byte could not be written");
  CHECK(refusal(with(bert, "\"max_input_chars_per_word\":100", "\"max_input_chars_per_word\":-1")) ==
        "x.json.model.max_input_chars_per_word: has to be from 1 to 10000");
  CHECK(refusal(with(bert, "\"[MASK]\":4", "\"[MASK]\":4000000000")).find("has the id 4000000000") !=
        std::string::npos);
  CHECK(refusal("{}") == "x.json.model: missing");
  CHECK(refusal("{\"a\":1e999}") == "x.json: byte 10: a number out of range");
  CHECK(refusal(with(bert, "\"[UNK]\":1", "\"\":1")) == "x.json.model.vocab: a piece without text has the id 1");
  CHECK(refusal(with(gpt2, "\"pre_tokenizer\":{", "\"pre_tokenizer\":null,\"x\":{")) ==
        "x.json.pre_tokenizer: null is not supported");
}
