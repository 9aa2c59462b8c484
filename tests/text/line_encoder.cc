#include "text/line_encoder.h"

#include "tests/data.h"
#include "tests/text/hard_text.h"
#include "text/sentencepiece_words.h"
#include "text/utf8.h"

using namespace storm;
using namespace storm::test;

namespace {

// How many of the lines come out other than from the vocabulary itself; each is encoded twice, the second time from
// memory, and by an encoder of ids and one of ranges.
std::size_t differing(const std::string& model, WordRule rule) {
  static const auto lines = nasty_lines(3000);
  const auto vocabulary = Vocabulary::from_bytes(model);
  LineEncoder encoder(vocabulary), with_ranges(vocabulary);
  CHECK(encoder.rule() == rule);
  std::size_t wrong = 0;
  std::vector<int32_t> ids, ids_too, wanted;
  std::vector<ByteRange> ranges, wanted_ranges;
  for (const int round : {0, 1})
    for (const auto& line : lines) {
      vocabulary.encode(line, wanted, &wanted_ranges);
      wanted.insert(wanted.begin(), round);
      wanted_ranges.insert(wanted_ranges.begin(), {round, round});
      ids.assign(1, round);
      encoder.append(line, ids);
      ids_too.assign(1, round);
      ranges.assign(1, {round, round});
      with_ranges.append(line, ids_too, &ranges);
      if (ids == wanted && ids_too == wanted && ranges == wanted_ranges) continue;
      if (wrong++ == 0) WARN("'" << line << "'");
    }
  return wrong;
}

const Spec kIdentity{{"normalization_rule_name", "identity"}, {"remove_extra_whitespaces", "0"}};

}  // namespace

TEST_CASE("word by word gives SentencePiece's ids, whatever the text and the normalisation") {
  const Spec collapsed[] = {{},
                            {{"byte_fallback", "0"}, {"vocab_size", "120"}, {"character_coverage", "0.98"}},
                            {{"normalization_rule_name", "nfkc"}},
                            {{"normalization_rule_name", "nmt_nfkc_cf"}},
                            {{"normalization_rule_name", "identity"}},
                            {{"user_defined_symbols", "<a>,\"x,y\",og,\u00a0,e\u0301"}},
                            {{"control_symbols", "<a>"}}};
  for (const auto& spec : collapsed) CHECK(differing(trained(spec), WordRule::collapsed) == 0);
  CHECK(differing(trained(kIdentity), WordRule::joined) == 0);
  CHECK(differing(trained({{"remove_extra_whitespaces", "0"}}), WordRule::joined) == 0);
}

TEST_CASE("a model whose pieces or rules reach over spaces is used on whole lines") {
  CHECK(differing(trained({{"split_by_whitespace", "0"}, {"vocab_size", "420"}}), WordRule::none) == 0);
  CHECK(differing(trained({{"user_defined_symbols", "<a b>"}}), WordRule::none) == 0);
  CHECK(differing(trained({{"treat_whitespace_as_suffix", "1"}}), WordRule::none) == 0);
  CHECK(differing(trained({{"add_dummy_prefix", "0"}}), WordRule::none) == 0);
  for (const char* type : {"unigram", "char", "word"})
    CHECK(differing(trained({{"model_type", type}}), WordRule::none) == 0);
}

TEST_CASE("a rule of one's own may write a space, but not read one, nor write two") {
  const auto with_rules = [](const std::string& rules) {
    const ScratchFile file(rules);
    return trained({{"normalization_rule_tsv", file.path()}});
  };
  CHECK(differing(with_rules("78\t79 7A\n67\t20 67\n2E\t2E 20\n63 61 74\t\n"), WordRule::collapsed) == 0);  // x: yz
  CHECK(differing(with_rules("67 20 63\t78\n"), WordRule::none) == 0);  // "g c": "x"
  CHECK(differing(with_rules("20\t5F\n"), WordRule::none) == 0);        // " ": "_"
  CHECK(differing(with_rules("67\t67 20 20\n"), WordRule::none) == 0);  // "g": "g  "
  CHECK(differing(with_rules("67\t67 2581\n"), WordRule::none) == 0);   // "g": "g▁"
}

TEST_CASE("a model without a piece for the space alone joins what is unknown over spaces") {
  auto model = trained({{"byte_fallback", "0"}, {"vocab_size", "120"}});
  const std::string piece = "\n\3\u2581";
  REQUIRE(model.find(piece) != model.npos);
  model.replace(model.find(piece), piece.size(), "\n\3qqq");
  CHECK(differing(model, WordRule::none) == 0);
}

TEST_CASE("fields of a model that come later count, as protobuf has it, and what is no model has no rule") {
  using namespace std::string_literals;
  const auto model = trained({});
  const auto with = [&](const std::string& field) { return sentencepiece_word_rule(model + field); };
  CHECK(with("\x1a\2\x20\0"s) == WordRule::joined);             // normalizer_spec { remove_extra_whitespaces: false }
  CHECK(with("\x1a\2\x28\0"s) == WordRule::none);               // { escape_whitespaces: false }
  CHECK(with("\x12\2\x18\1"s) == WordRule::none);               // trainer_spec { model_type: UNIGRAM }
  CHECK(with("\x12\3\xc0\1\1"s) == WordRule::none);             // { treat_whitespace_as_suffix: true }
  CHECK(with("\x0a\6\x0a\2zz\x18\5"s) == WordRule::none);       // pieces { piece: "zz" type: UNUSED }
  CHECK(with("\x0a\6\x0a\2zz\x18\1"s) == WordRule::collapsed);  // { type: NORMAL }
  CHECK(with("\x1a\5\x12\3abc"s) == WordRule::none);            // { precompiled_charsmap: "abc" }
  CHECK(with("\x1a\x7f"s) == WordRule::none);
  CHECK(sentencepiece_word_rule("") == WordRule::none);
  for (std::size_t n = 0; n < model.size(); n += 97) sentencepiece_word_rule(model.substr(0, n));
}

TEST_CASE("word by word gives the ids and ranges of WordPiece and of byte-level BPE") {
  const auto json = [](const std::string& name) { return read_file(data_path(name + ".json", "text")); };
  CHECK(differing(json("uncased"), WordRule::collapsed) == 0);
  CHECK(differing(json("cased"), WordRule::collapsed) == 0);
  CHECK(differing(json("byte-bpe"), WordRule::led) == 0);
  CHECK(differing(json("byte-bpe-prefix"), WordRule::led) == 0);
  CHECK(differing(json("uncased-added"), WordRule::none) == 0);  // a token has a space in it, another takes some along
  CHECK(differing(json("byte-bpe-added"), WordRule::none) == 0);
}

TEST_CASE("more words than are remembered, and words too long for it, come out right") {
  const auto vocabulary = Vocabulary::from_bytes(trained({}));
  LineEncoder encoder(vocabulary);
  std::vector<int32_t> ids, wanted;
  std::size_t wrong = 0;
  for (int i = 0; i < 150000; ++i) {
    const auto line = str("the ", i % 90000, " ", std::string(static_cast<std::size_t>(i % 70), 'o'), " dog");
    ids.clear();
    encoder.append(line, ids);
    if (i % 7) continue;  // SentencePiece itself takes longer
    vocabulary.encode(line, wanted);
    wrong += ids != wanted;
  }
  CHECK(wrong == 0);
}
