// Search and sampling with logits processors, on models whose every output can be written down.
#include <algorithm>
#include <set>

#include "decode/continue_texts.h"
#include "decode/logits_processor.h"
#include "models/architecture.h"
#include "models/language_model.h"
#include "tests/decode/plain_search.h"
#include "tests/models/noise.h"

using namespace storm;
using test::Found;
using test::Ids;
using test::plain_beam_search;
using test::spans;
using test::ToyModel;

namespace {

const SpecialIds kSpecial;
const std::vector<Ids> kSources{{4}, {4, 0}, {1, 1, 2}, {0, 4, 4, 1}, {2}, {1, 0, 2, 4, 1, 0}};
constexpr double kNever = -std::numeric_limits<double>::infinity();

// The log-probabilities after a penalty and bans, written apart from the library's.
std::vector<double> changed(const ToyModel& model, const Ids& source, const Ids& written, const DecodeOptions& o) {
  const auto logits = model.logits(source, written);
  auto p = model.log_probs(source, written);
  for (std::size_t id = 0; id < p.size(); ++id) {
    const auto x = static_cast<double>(logits[id]);
    const double normalizer = x - p[id];
    if (std::count(written.begin(), written.end(), static_cast<int32_t>(id)) > 0)
      p[id] = (x > 0 ? x / o.repetition_penalty : x * o.repetition_penalty) - normalizer;
    for (std::size_t i = 1; o.no_repeat_ngram == 2 && i < written.size(); ++i)
      if (written[i] == static_cast<int32_t>(id) && written[i - 1] == written.back()) p[id] = kNever;
  }
  for (const int32_t id : o.banned_ids) p[static_cast<std::size_t>(id)] = kNever;
  if (o.renormalize) {
    if (static_cast<int32_t>(written.size()) < o.min_length) p[test::kEos] = kNever;
    double left = 0;
    for (const double x : p) left += std::exp(x);
    for (double& x : p) x -= std::log(left);
  }
  return p;
}

bool repeats_bigram(const Ids& ids) {
  std::set<std::pair<int32_t, int32_t>> seen;
  for (std::size_t i = 1; i < ids.size(); ++i)
    if (!seen.insert({ids[i - 1], ids[i]}).second) return true;
  return false;
}

}  // namespace

TEST_CASE("beam search finds what its definition finds with changed log-probabilities") {
  const ToyModel model(7, 1.5f, -1.0f);
  for (const int32_t beam : {1, 2, 4})
    for (const int32_t least : {0, 6})
      for (const double penalty : {1.0, 1.4})
        for (const int32_t n : {0, 2}) {
          if (penalty == 1 && n == 0) continue;
          DecodeOptions o;
          o.beam = o.nbest = beam;
          o.min_length = least;
          o.max_length = 10;
          o.repetition_penalty = penalty;
          o.no_repeat_ngram = n;
          INFO("beam " << beam << ", at least " << least << ", penalty " << penalty << ", n " << n);
          const auto got = translate(model, kSpecial, spans(kSources), o);
          for (std::size_t s = 0; s < kSources.size(); ++s)
            test::same(got[s], plain_beam_search(
                                   [&](const Ids& written) {
                                     auto p = changed(model, kSources[s], written, o);
                                     return static_cast<int32_t>(written.size()) == o.max_length
                                                ? model.log_probs(kSources[s], written)
                                                : p;
                                   },
                                   {}, o));
        }
}

TEST_CASE("banned ids never follow, and their probability is lost or shared out anew, in graphs or out of them") {
  const ToyModel model(9, 1.0f, -0.5f);
  const std::vector<Ids> prefixes{{}, {5, 5}, {0, 6, 4}, {}, {5, 1}, {2}};  // may have what is banned
  for (const Ids& banned : {Ids{6}, Ids{8, 0, 5}})
    for (const bool renormalize : {false, true})
      for (const int32_t beam : {1, 2, 4})
        for (const int32_t least : {0, 5})
          for (const int32_t n : {0, 2}) {
            DecodeOptions o;
            o.beam = o.nbest = beam;
            o.min_length = least;
            o.max_length = 7;
            o.no_repeat_ngram = n;
            o.banned_ids = banned;
            o.renormalize = renormalize;
            CHECK(LogitsProcessors(o, kSpecial).empty() == (n == 0 && (!renormalize || least == 0)));
            INFO("ban " << banned.size() << ", renormalize " << renormalize << ", beam " << beam << ", at least "
                        << least << ", n " << n);
            const auto got = translate(model, kSpecial, spans(kSources), o, spans(prefixes));
            for (std::size_t s = 0; s < kSources.size(); ++s)
              test::same(got[s], plain_beam_search(
                                     [&](const Ids& written) {
                                       const bool forced = written.size() < prefixes[s].size() || written.size() == 7;
                                       return forced ? model.log_probs(kSources[s], written)
                                                     : changed(model, kSources[s], written, o);
                                     },
                                     prefixes[s], o));
          }
}

TEST_CASE("a prefix is kept whatever it repeats, has the model's probabilities, and counts as said") {
  const ToyModel model(6, 1.0f);
  const std::vector<Ids> prefixes{{}, {5, 5, 5, 5}, {0, 0, 4}, {1, 2}, {5, 1, 5, 1}, {2}};
  DecodeOptions o;
  o.beam = o.nbest = 3;
  o.max_length = 9;
  o.no_repeat_ngram = 2;
  const auto got = translate(model, kSpecial, spans(kSources), o, spans(prefixes));
  for (std::size_t s = 0; s < kSources.size(); ++s) {
    const auto after = [&](const Ids& written) {
      const bool forced = written.size() < prefixes[s].size() || written.size() == 9;
      return forced ? model.log_probs(kSources[s], written) : changed(model, kSources[s], written, o);
    };
    test::same(got[s], plain_beam_search(after, prefixes[s], o));
  }
}

TEST_CASE("neither searched nor sampled answers repeat an n-gram, and batches do not change them") {
  const ToyModel model(6, 1.0f, -2.0f);
  for (const bool sample : {false, true}) {
    DecodeOptions o;
    o.sample = sample;
    o.nbest = 4;
    o.min_length = 12;
    o.max_length = 20;
    o.no_repeat_ngram = 2;
    const auto got = translate(model, kSpecial, spans(kSources), o);
    o.max_tokens = 5;
    const auto again = translate(model, kSpecial, spans(kSources), o);
    for (std::size_t s = 0; s < kSources.size(); ++s)
      for (std::size_t i = 0; i < got[s].size(); ++i) {
        CHECK_FALSE(repeats_bigram(got[s][i].ids));
        CHECK(got[s][i].ids.size() >= 12);
        CHECK(got[s][i].ids == again[s][i].ids);
      }
  }
}

TEST_CASE("an answer ends where nothing is left to say, before its minimum length") {
  const ToyModel model(5, 1.0f);
  for (const bool sample : {false, true}) {
    DecodeOptions o;
    o.sample = sample;
    o.nbest = 2;
    o.min_length = 20;
    o.no_repeat_ngram = 1;
    for (const auto& answers : translate(model, kSpecial, spans(kSources), o)) {
      REQUIRE(answers.size() == 2);
      CHECK(answers[0].ids.size() == 4);
    }
  }
}

TEST_CASE("a sample has the model's own probability, whatever it was drawn from") {
  const ToyModel model(8, 1.0f);
  DecodeOptions o;
  o.sample = true;
  o.nbest = 30;
  o.max_length = 6;
  o.repetition_penalty = 1.5;
  o.typical_p = 0.8;
  const auto answers = translate(model, kSpecial, spans({kSources[2]}), o);
  for (const auto& h : answers[0]) {
    double log_prob = 0;
    Ids written;
    for (const int32_t id : h.ids) {
      log_prob += model.log_probs(kSources[2], written)[static_cast<std::size_t>(id)];
      written.push_back(id);
    }
    log_prob += model.log_probs(kSources[2], written)[test::kEos];
    CHECK(static_cast<double>(h.log_prob) == Approx(log_prob).margin(1e-5));
  }
}

TEST_CASE("a continuation repeats nothing of its text") {
  const std::vector<std::pair<std::string, std::string>> flags{{"layers", "2"}, {"d-model", "32"}, {"heads", "2"}};
  const auto model = make_model(make_config(architecture("gpt"), "gpt-tiny", flags, {40}));
  test::initialize_with_noise(*model, 2, 8, 0.1f);
  const std::vector<Ids> texts{{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, {}, {20, 21}};
  for (const bool sample : {false, true}) {
    DecodeOptions o;
    o.sample = sample;
    o.beam = sample ? 5 : 3;
    o.min_length = o.max_length = 15;
    o.no_repeat_ngram = 1;
    const auto& lm = as<LanguageModel>(*model);
    const auto got = continue_texts(lm, lm.longest_source(), test::kEos, spans(texts), o);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto& ids = got[i][0].ids;
      CHECK(ids.size() == texts[i].size() + 15);
      CHECK(std::set<int32_t>(ids.begin(), ids.end()).size() == ids.size());
    }
  }
}
