// Long sources are cut where they should be, and the translations of their parts become one.
#include "decode/long_sources.h"

#include <cmath>
#include <cstdlib>

#include "decode/stop_strings.h"
#include "decode/translate.h"
#include "tests/decode/toy_model.h"
#include "tests/errors.h"

using namespace storm;
using test::Ids;
using test::refused;
using test::spans;
using test::ToyModel;

namespace {

const SpecialIds kSpecial;

// Ids 4 to 7 are a, b, c and a full stop.
const Vocabulary& words() {
  static const auto v = Vocabulary::from_bytes("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\na\nb\nc\n.\n");
  return v;
}

// Byte-level BPE, in which a line's first word has no space before it (tests/text/record-tokenizers).
const Vocabulary& bytes() {
  static const auto v = [] {
    const char* root = std::getenv("STORM_ROOT");
    return Vocabulary::load(std::string(root ? root : ".") + "/tests/text/data/byte-bpe.json");
  }();
  return v;
}

// The parts of pieces that spaces separate, _ being the mark of a word: each without spaces, and all separated by them.
std::string parts(const std::string& spaced, std::size_t most) {
  std::vector<std::string> pieces(1);
  for (const char c : spaced) {
    if (c == ' ')
      pieces.emplace_back();
    else
      pieces.back() += c == '_' ? std::string("\u2581") : std::string(1, c);
  }
  std::string all;
  std::size_t at = 0;
  for (const std::size_t length : part_lengths(pieces, most)) {
    CHECK(length > 0);
    CHECK(length <= most);
    if (at > 0) all += ' ';
    for (std::size_t i = 0; i < length; ++i) all += pieces.at(at++);
  }
  CHECK(at == pieces.size());
  for (std::size_t mark; (mark = all.find("\u2581")) != all.npos;) all.replace(mark, 3, "_");
  return all;
}

const Ids kLong{4, 7, 5, 6, 7, 6, 4};  // a . b c . c a
const std::vector<Ids> kParts{{4, 7}, {5, 6, 7}, {6, 4}};

struct ShortModel : ToyModel {
  ShortModel() : ToyModel(8, 1, 1) { longest_read = 5; }
};

}  // namespace

TEST_CASE("A long text is split where the last sentence ends that fits") {
  CHECK(parts("_A . _B c . _D e", 7) == "_A._Bc._De");
  CHECK(parts("_A . _B c . _D e", 6) == "_A._Bc. _De");
  CHECK(parts("_A . _B c . _D e", 5) == "_A._Bc. _De");
  CHECK(parts("_A . _B c . _D e", 4) == "_A. _Bc. _De");
  CHECK(parts("_A. _B? _C! _D\u2026 _E\u061F _F\u0964 _G", 1) == "_A. _B? _C! _D\u2026 _E\u061F _F\u0964 _G");
  CHECK(parts("_A . _. . _B c", 5) == "_A._.. _Bc");
  CHECK(parts("_It _is _3 . 5 _or _4", 6) == "_It_is_3.5_or _4");
  CHECK(parts("_It _is _3 . 5 _or _4", 4) == "_It_is _3.5_or _4");
}

TEST_CASE("What closes a sentence stays with it, what opens one does not") {
  CHECK(parts("_A . \" _B c", 4) == "_A.\" _Bc");
  CHECK(parts("_A . ) \u201D _B c", 5) == "_A.)\u201D _Bc");
  CHECK(parts("_A . _\" B c", 4) == "_A. _\"Bc");
  CHECK(parts("_A . \" B _c", 4) == "_A.\"B _c");
  // In text that was cut at punctuation, marks are words.
  CHECK(parts("_A _. _\" _B _c", 4) == "_A_._\" _B_c");
  CHECK(parts("_A _. _\" _B _c", 2) == "_A_. _\" _B_c");
  CHECK(parts("_A _\" _B _c", 3) == "_A_\"_B _c");
}

TEST_CASE("A long text without ends of sentences is split between words, or else between characters") {
  CHECK(parts("_A b _C d _E", 3) == "_Ab _Cd_E");
  CHECK(parts("_A b _C d _E", 4) == "_Ab_Cd _E");
  CHECK(parts("_A b c d e", 2) == "_Ab cd e");
  CHECK(parts("A_ B _ C D", 4) == "A_B _CD");
  CHECK(parts("A b_ C d", 3) == "Ab_ Cd");
  CHECK(parts("a \xE3 \x81 \x82 \xE3\x81 \x84", 5) == "a\u3042 \u3044");
  CHECK(parts("\xE3 \x81 \x82", 2) == "\xE3\x81 \x82");
  CHECK(parts("\x82 \xFF a", 2) == "\x82\xFF a");
  CHECK(part_lengths({}, 1).empty());
}

TEST_CASE("Sentences end without spaces where a script has none") {
  CHECK(parts("_ \u4ECA\u5929 \u3002 \u4ED6 \u8BF4", 4) == "_\u4ECA\u5929\u3002 \u4ED6\u8BF4");
  CHECK(parts("_ \u4ECA \u3002 \u300D \u4ED6 \u8BF4", 5) == "_\u4ECA\u3002\u300D \u4ED6\u8BF4");
  CHECK(parts("_ \u4ECA \u3002 \u300D \u4ED6 \u8BF4", 3) == "_\u4ECA\u3002 \u300D\u4ED6\u8BF4");  // between characters
  CHECK(parts("_\u4ECA ! \u4ED6 \u8BF4", 3) == "_\u4ECA! \u4ED6\u8BF4");
  CHECK(parts("_\u4ECA \xE3\x80 \x82 \u4ED6 \u8BF4", 4) == "_\u4ECA\u3002 \u4ED6\u8BF4");
  CHECK(parts("_A . B . C _d", 5) == "_A.B.C _d");
}

TEST_CASE("A source that is too long is refused, cut or split") {
  const ShortModel model;
  const std::vector<Ids> sources{{4, 5}, kLong, {4, 5, 6, 7}};
  DecodeOptions o;
  const auto translated = [&] { return translate(model, kSpecial, spans(sources), o); };
  CHECK(refused(translated, {"sentence 2: 8 tokens with EOS, the model takes 5; --long split"}));
  LongSources cut(LongSources::Rule::cut, words(), words());
  o.long_sources = &cut;
  const auto answers = translated();
  o.long_sources = nullptr;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto beginning = sources[i].size() > 4 ? Ids(sources[i].begin(), sources[i].begin() + 4) : sources[i];
    const auto wanted = translate(model, kSpecial, spans({beginning}), o);
    CHECK(answers[i][0].ids == wanted[0][0].ids);
    CHECK(answers[i][0].score == wanted[0][0].score);
  }
}

TEST_CASE("The translation of a source that is split is those of its parts, with the score of the whole") {
  const ShortModel model;
  LongSources split(LongSources::Rule::split, words(), words());
  const std::vector<Ids> sources{{4, 5}, kLong, {}, {6}};
  for (const LengthNorm norm : {LengthNorm::power, LengthNorm::power_eos, LengthNorm::gnmt})
    for (const ForcedEos forced : {ForcedEos::scored, ForcedEos::none})
      for (const int32_t longest : {0, 2}) {
        DecodeOptions o;
        o.length_norm = norm;
        o.forced_eos = forced;
        o.nbest = 3;
        o.max_length = longest;
        const auto of_parts = translate(model, kSpecial, spans(kParts), o);
        o.long_sources = &split;
        const auto answers = translate(model, kSpecial, spans(sources), o);
        REQUIRE(answers.size() == 4);
        CHECK(answers[3][0].ids == translate(model, kSpecial, spans({{6}}), o)[0][0].ids);
        REQUIRE(answers[1].size() == 3);
        for (std::size_t rank = 0; rank < 3; ++rank) {
          Ids ids;
          double log_prob = 0;
          for (const auto& part : of_parts) {
            ids.insert(ids.end(), part[rank].ids.begin(), part[rank].ids.end());
            log_prob += static_cast<double>(part[rank].log_prob);
          }
          const bool eos = forced == ForcedEos::scored || std::ssize(of_parts[2][rank].ids) < (longest ? longest : 56);
          CHECK(answers[1][rank].ids == ids);
          CHECK(std::abs(static_cast<double>(answers[1][rank].log_prob) - log_prob) < 1e-5);
          CHECK(std::abs(static_cast<double>(answers[1][rank].score) -
                         normalized_score(log_prob, std::ssize(ids), eos, o)) < 1e-5);
        }
      }
}

TEST_CASE("Parts of a source are drawn by streams of their own, whatever the batches") {
  const ShortModel model;
  LongSources split(LongSources::Rule::split, words(), words());
  const std::vector<Ids> sources{{4, 4}, {5, 5, 5, 7, 5, 5, 5, 7}};
  DecodeOptions o;
  o.sample = true;
  o.nbest = 20;
  o.long_sources = &split;
  const auto all = translate(model, kSpecial, spans(sources), o);
  o.max_tokens = 20;
  o.first_sentence = 1;
  const auto alone = translate(model, kSpecial, spans({sources[1]}), o);
  o.long_sources = nullptr;
  const auto part = translate(model, kSpecial, spans({{5, 5, 5, 7}}), o);
  std::size_t twice = 0;
  REQUIRE(all[1].size() == 20);
  for (std::size_t rank = 0; rank < 20; ++rank) {
    const auto &ids = all[1][rank].ids, &first = part[0][rank].ids;
    CHECK(alone[0][rank].ids == ids);
    CHECK(std::equal(first.begin(), first.end(), ids.begin(), ids.begin() + std::ssize(first)));
    twice += std::equal(first.begin(), first.end(), ids.begin() + std::ssize(first), ids.end());
  }
  CHECK(twice < 20);
}

TEST_CASE("A stop string ends the translation of a source in the part that has it") {
  const ShortModel model;
  const StopStrings stop(words(), {"c"});
  LongSources split(LongSources::Rule::split, words(), words());
  DecodeOptions o;
  o.sample = true;
  o.nbest = 50;
  o.stop = &stop;
  const auto of_parts = translate(model, kSpecial, spans(kParts), o);
  o.long_sources = &split;
  const auto answers = translate(model, kSpecial, spans({kLong}), o);
  const LongSources& joiner = split;
  const auto joined = joiner.joined(of_parts, 56, o);
  std::size_t early = 0, late = 0;
  for (std::size_t rank = 0; rank < joined.size(); ++rank) {
    Ids ids, stopped;
    for (std::size_t part = 0; part < 3 && stopped.empty(); ++part) {
      const auto& h = of_parts[part][rank];
      ids.insert(ids.end(), h.ids.begin(), h.ids.end());
      stopped = h.stopped;
      (part < 2 ? early : late) += stopped.empty() ? 0 : 1;
    }
    CHECK(joined[rank].ids == ids);
    CHECK(joined[rank].stopped == stopped);
    CHECK(std::ranges::count(answers[0][rank].ids, 6) == 0);
  }
  CHECK(early > 0);
  CHECK(late > 0);
}

TEST_CASE("Pieces of bytes are split between characters, and their translations joined with a space") {
  const auto source = bytes().encode("\u65E5\u672C\u3002\u8A9E\u65E5");
  LongSources split(LongSources::Rule::split, bytes(), bytes());
  const auto split_parts = split.parts(source, std::ssize(source) - 1);
  REQUIRE(split_parts.size() == 2);
  CHECK(bytes().decode(split_parts[0]) == "\u65E5\u672C\u3002");
  CHECK(bytes().decode(split_parts[1]) == "\u8A9E\u65E5");

  const auto text = [&](const char* first, const char* second) {
    const std::vector<Hypotheses> found{{{.ids = bytes().encode(first)}}, {{.ids = bytes().encode(second)}}};
    return bytes().decode(split.joined(found, 100, {})[0].ids);
  };
  CHECK(text("One.", "Two") == "One. Two");
  CHECK(text("One.", " Two") == "One. Two");
  CHECK(text("One.", "") == "One.");
  CHECK(text("", "Two") == "Two");
  CHECK(text("\u65E5\u3002", "\u672C") == "\u65E5\u3002\u672C");
  CHECK(text("\u65E5\u3002", "\u00C4") == "\u65E5\u3002 \u00C4");
}
