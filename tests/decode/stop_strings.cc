// Answers end at stop strings, and text is written as far as it is certain.
#include "decode/stop_strings.h"

#include <algorithm>

#include "decode/text_streamer.h"
#include "decode/translate.h"
#include "tests/decode/plain_search.h"
#include "tests/errors.h"
#include "text/learn.h"

using namespace storm;
using test::Ids;
using test::spans;
using test::ToyModel;

namespace {

const SpecialIds kSpecial;
const std::vector<Ids> kSources{{4}, {4, 0}, {1, 1, 2}, {0, 4, 4, 1}, {2}, {1, 0, 2, 4, 1, 0}};

// Ids 4 to 7 are a, b, c and d; text has spaces between words.
const Vocabulary& words() {
  static const auto v = Vocabulary::from_bytes("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\na\nb\nc\nd\n");
  return v;
}

// Pieces of a SentencePiece model that spells what it does not know byte by byte.
const Vocabulary& pieces() {
  static const auto v = [] {
    LearnOptions options;
    options.vocab_size = 300;
    int left = 100;
    return Vocabulary::from_bytes(learn_vocabulary(
        [&](std::string& line) {
          line = "some words and the end of " + std::to_string(left * 7919);
          return left-- > 0;
        },
        options));
  }();
  return v;
}

bool contains(const Ids& ids, const std::string& text) {
  return text_behind(words(), {}, ids).find(text) != std::string::npos;
}

Ids all(const Hypothesis& h) {
  Ids ids = h.ids;
  ids.insert(ids.end(), h.stopped.begin(), h.stopped.end());
  return ids;
}

// What is written of an answer, a piece each id and one at the end.
std::vector<std::string> streamed(const Vocabulary& v, const StopStrings* stop, const Ids& prompt, const Ids& ids) {
  std::vector<std::string> pieces;
  TextStreamer streamer(v, stop, [&](std::string_view text) { pieces.back() += text; });
  pieces.emplace_back();
  streamer.begin(prompt);
  for (const int32_t id : ids) {
    pieces.emplace_back();
    streamer.put(id);
  }
  pieces.emplace_back();
  streamer.end();
  return pieces;
}

}  // namespace

TEST_CASE("ids are kept whose text ends before the stop string begins") {
  const StopStrings stop(words(), {"b c", "d"});
  const Ids ids{4, 5, 5, 6, 7};  // a b b c d
  CHECK(stop.kept({}, ids) == 2);
  CHECK(stop.kept({}, std::span(ids).first(3)) == 3);
  CHECK(stop.end({}, std::span(ids).first(4)));
  CHECK_FALSE(stop.end({}, std::span(ids).first(3)));
  CHECK(stop.end({}, Ids{4, 7}));
  const StopStrings spaced(words(), {" b"});
  CHECK_FALSE(spaced.end({}, Ids{5}));     // no space before the first word of a text
  CHECK(spaced.end(Ids{4}, Ids{5}));       // but behind others
  CHECK_FALSE(spaced.end(Ids{4, 5}, {}));  // what stands before is not asked
  CHECK_FALSE(stop.end(Ids{5}, Ids{6}));   // nor does a string begin there
  CHECK(test::refused([] { StopStrings(words(), {"a", ""}); }, {"--stop", "empty"}));
}

TEST_CASE("a stop string of many ids is found at the end of a long text") {
  const StopStrings stop(pieces(), {"the end of"});
  auto ids = pieces().encode("some words and some words and some words and some words and the end of 7 \u00e9\u00e9");
  std::size_t n = 1;
  while (!stop.end({}, std::span(ids).first(n))) REQUIRE(++n <= ids.size());
  CHECK(pieces().decode(std::span(ids).first(n)).ends_with("the end of"));
  CHECK(pieces().decode(std::span(ids).first(stop.kept({}, std::span(ids).first(n)))).ends_with("words and"));
}

TEST_CASE("greedy and sampled answers are what they would be, up to the stop string") {
  const ToyModel model(8, 1.0f, -1.0f);
  const StopStrings stop(words(), {"b", "a c"});
  int stopped = 0;
  for (const bool sample : {false, true}) {
    DecodeOptions o;
    o.length_norm = sample ? LengthNorm::power : LengthNorm::power_eos;  // which counts an EOS where there is one
    o.beam = 1;
    o.sample = sample;
    o.max_length = 12;
    o.min_length = 12;
    const auto whole = translate(model, kSpecial, spans(kSources), o);
    o.stop = &stop;
    const auto got = translate(model, kSpecial, spans(kSources), o);
    for (std::size_t s = 0; s < kSources.size(); ++s) {
      Ids want;
      double log_prob = 0;
      for (const int32_t id : whole[s][0].ids) {
        log_prob += model.log_probs(kSources[s], want)[static_cast<std::size_t>(id)];
        want.push_back(id);
        if (contains(want, "b") || contains(want, "a c")) break;
      }
      if (want.size() == 12) continue;
      ++stopped;
      const auto& h = got[s][0];
      CHECK(all(h) == want);
      CHECK_FALSE(h.stopped.empty());
      CHECK_FALSE(contains(h.ids, "b"));
      CHECK_FALSE(contains(h.ids, "a c"));
      CHECK(static_cast<double>(h.log_prob) == Approx(log_prob).margin(1e-5));
      CHECK(static_cast<double>(h.score) == Approx(log_prob / static_cast<double>(want.size())).margin(1e-5));
    }
  }
  CHECK(stopped >= 8);
}

TEST_CASE("a stop string ends hypotheses of a beam as EOS does") {
  const ToyModel model(8, 1.0f, -1.0f);
  const StopStrings stop(words(), {"b", "a c"});
  const std::vector<Ids> prefixes{{}, {5}, {5, 5}, {4}, {}, {4, 6, 5}};
  for (const int32_t beam : {1, 2, 5}) {
    DecodeOptions o;
    o.beam = o.nbest = beam;
    o.max_length = 9;
    o.stop = &stop;
    INFO("beam " << beam);
    const auto got = translate(model, kSpecial, spans(kSources), o, spans(prefixes));
    for (std::size_t s = 0; s < kSources.size(); ++s) {
      const auto& prefix = prefixes[s];
      const auto ends = [&](const Ids& ids) {
        const auto text = text_behind(words(), prefix, std::span(ids).subspan(prefix.size()));
        return text.find("b") != text.npos || text.find("a c") != text.npos;
      };
      const auto says = [&](const Ids& written) { return model.log_probs(kSources[s], written); };
      const auto want = test::plain_beam_search(says, prefix, o, ends);
      REQUIRE(got[s].size() == want.size());
      for (std::size_t i = 0; i < want.size(); ++i) {
        CHECK(all(got[s][i]) == want[i].ids);
        CHECK(static_cast<double>(got[s][i].score) == Approx(want[i].score).margin(1e-5));
        CHECK(got[s][i].stopped.empty() != ends(want[i].ids));
        CHECK_FALSE(ends(got[s][i].ids));
      }
    }
  }
}

TEST_CASE("the streamer is given what is new, as it is made") {
  const ToyModel model(8, 1.0f, -1.0f);
  const StopStrings stop(words(), {"b"});
  for (const bool sample : {false, true})
    for (const auto& source : kSources) {
      Ids seen;
      DecodeOptions o;
      o.beam = 1;
      o.sample = sample;
      o.stop = &stop;
      o.streamer = [&](int32_t id) { seen.push_back(id); };
      const Ids prefix{4, 5};
      const auto got = translate(model, kSpecial, spans({source}), o, spans({prefix}));
      seen.insert(seen.begin(), prefix.begin(), prefix.end());
      CHECK(seen == all(got[0][0]));
    }
}

TEST_CASE("text is written in whole characters") {
  const auto ids = pieces().encode("words \u00e9 \u20ac");
  const auto text = streamed(pieces(), nullptr, {}, ids);
  CHECK(text.size() > 7);  // bytes are pieces of their own
  std::string whole;
  for (const auto& piece : text) {
    whole += piece;
    CHECK(piece.find("\ufffd") == piece.npos);
    CHECK((piece.size() < 2 || piece == "\u00e9" || piece == "\u20ac" || (piece[0] & 0x80) == 0));
  }
  CHECK(whole == "words \u00e9 \u20ac");
  // A character that never is whole is written in the end.
  const auto cut = streamed(pieces(), nullptr, {}, Ids(ids.begin(), ids.end() - 1));
  CHECK(cut.back() == "\ufffd\ufffd");
}

TEST_CASE("what may become a stop string is held back, and text ends exactly where one begins") {
  using Pieces = std::vector<std::string>;
  const StopStrings stop(words(), {"a b c"});
  CHECK(streamed(words(), &stop, {}, {6, 4, 5, 4, 7}) == Pieces{"", "c", " ", "", "a b ", "a d", ""});
  CHECK(streamed(words(), &stop, Ids{7, 4}, {5, 6, 4, 5, 6, 7}) == Pieces{"", "d a b", " c", " ", "", "", "", ""});
  CHECK(streamed(words(), &stop, Ids{7}, {4, 5}) == Pieces{"", "d ", "", "a b"});
  CHECK(streamed(words(), &stop, Ids{7}, {}) == Pieces{"", "d"});  // what is before an answer comes with it
}
