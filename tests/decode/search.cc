// Beam search against all there is to find, and against its own definition written down plainly.
#include <algorithm>
#include <cmath>

#include "decode/translate.h"
#include "tests/catch.h"
#include "tests/decode/plain_search.h"

using namespace storm;
using test::best_first;
using test::Found;
using test::Ids;
using test::normalised;
using test::plain_beam_search;
using test::same;
using test::spans;
using test::ToyModel;

namespace {

constexpr int32_t kEos = test::kEos;
const SpecialIds kSpecial;

auto says(const ToyModel& model, const Ids& source) {
  return [&model, source](const Ids& written) { return model.log_probs(source, written); };
}

// Every output there is, best first. The last place is EOS's whatever it costs.
void enumerate(const ToyModel& model, const Ids& source, const DecodeOptions& o, const Found& past,
               std::vector<Found>& all) {
  const auto p = model.log_probs(source, past.ids);
  const auto length = static_cast<int32_t>(past.ids.size());
  if (length >= o.min_length) {
    Found f = past;
    f.log_prob += p[kEos];
    f.score = normalised(f.log_prob, f.ids.size(), o);
    all.push_back(f);
  }
  if (length == o.max_length) return;
  for (int32_t id = 0; id < model.description().vocabularies[1]; ++id) {
    if (id == kEos) continue;
    Found f = past;
    f.ids.push_back(id);
    f.log_prob += p[static_cast<std::size_t>(id)];
    enumerate(model, source, o, f, all);
  }
}

const std::vector<Ids> kSources{{4}, {4, 0}, {1, 1, 2}, {0, 4, 4, 1}, {2}, {1, 0, 2, 4, 1, 0}};

}  // namespace

TEST_CASE("a beam that drops nothing finds what exhaustive search finds, in its order") {
  const ToyModel model(5, 1.5f);
  DecodeOptions o;
  o.beam = o.nbest = 400;  // 4^4 = 256 hypotheses are open at most, 341 can finish
  o.max_length = 4;
  for (const auto norm : {LengthNorm::power, LengthNorm::power_eos, LengthNorm::gnmt})
    for (const double alpha : {0.0, 0.6, 1.0, 2.0})
      for (const int32_t least : {0, 2, 4}) {
        o.length_norm = norm;
        o.length_penalty = alpha;
        o.min_length = least;
        INFO("norm " << static_cast<int>(norm) << ", penalty " << alpha << ", at least " << least);
        const auto got = translate(model, kSpecial, spans(kSources), o);
        for (std::size_t s = 0; s < kSources.size(); ++s) {
          std::vector<Found> all;
          enumerate(model, kSources[s], o, {}, all);
          best_first(all);
          same(got[s], all);
        }
      }
}

TEST_CASE("narrow beams find what the definition of beam search finds") {
  for (const float eos_bonus : {-1.0f, 0.0f, 2.0f}) {
    const ToyModel model(7, 1.0f, eos_bonus);
    for (const int32_t beam : {1, 2, 3, 5})
      for (const int32_t least : {0, 3})
        for (const int32_t most : {3, 9})
          for (const double alpha : {0.0, 1.0}) {
            DecodeOptions o;
            o.beam = o.nbest = beam;
            o.min_length = least;
            o.max_length = most;
            o.length_penalty = alpha;
            INFO("EOS " << eos_bonus << ", beam " << beam << ", lengths " << least << " to " << most << ", penalty "
                        << alpha);
            const auto got = translate(model, kSpecial, spans(kSources), o);
            for (std::size_t s = 0; s < kSources.size(); ++s)
              same(got[s], plain_beam_search(says(model, kSources[s]), {}, o));
          }
  }
}

TEST_CASE("without early stopping, a search goes on as long as what is open would be among the best") {
  for (const float eos_bonus : {-1.0f, 0.0f, 1.0f}) {
    const ToyModel model(7, 1.0f, eos_bonus);
    int changed = 0;
    for (const int32_t beam : {1, 2, 3, 5})
      for (const int32_t least : {0, 3})
        for (const int32_t most : {3, 12})
          for (const auto norm : {LengthNorm::power, LengthNorm::power_eos, LengthNorm::gnmt})
            for (const double alpha : {0.0, 0.6, 1.0, 2.0}) {
              DecodeOptions o;
              o.beam = o.nbest = beam;
              o.min_length = least;
              o.max_length = most;
              o.length_norm = norm;
              o.length_penalty = alpha;
              const auto early = translate(model, kSpecial, spans(kSources), o);
              o.early_stopping = false;
              INFO("EOS " << eos_bonus << ", beam " << beam << ", lengths " << least << " to " << most << ", norm "
                          << static_cast<int>(norm) << ", penalty " << alpha);
              const auto got = translate(model, kSpecial, spans(kSources), o);
              for (std::size_t s = 0; s < kSources.size(); ++s) {
                same(got[s], plain_beam_search(says(model, kSources[s]), {}, o));
                const bool better = got[s].back().score > early[s].back().score;
                CHECK((better || got[s].back().score == early[s].back().score));
                CHECK((!better || beam > 1));  // greedy search stays greedy
                changed += better ? 1 : 0;
              }
            }
    CHECK(changed > 20);
  }
}

TEST_CASE("at the maximum length an EOS costs nothing, or there is none") {
  const std::vector<Ids> prefixes{{}, {5}, {0, 0, 4}, {1, 2}, {5, 5, 5, 5, 5, 5}, {2, 1}};
  for (const float eos_bonus : {-1.0f, 1.0f}) {
    const ToyModel model(7, 1.0f, eos_bonus);
    for (const auto forced : {ForcedEos::free, ForcedEos::none})
      for (const bool early : {false, true})
        for (const int32_t beam : {1, 3})
          for (const auto norm : {LengthNorm::power, LengthNorm::power_eos, LengthNorm::gnmt})
            for (const int32_t least : {0, 4}) {
              DecodeOptions o;
              o.beam = o.nbest = beam;
              o.length_norm = norm;
              o.early_stopping = early;
              o.forced_eos = forced;
              o.min_length = least;
              o.max_length = 4;
              INFO("EOS " << eos_bonus << ", beam " << beam << ", norm " << static_cast<int>(norm) << ", at least "
                          << least << (early ? ", early" : "") << (forced == ForcedEos::none ? ", none" : ", free"));
              const auto got = translate(model, kSpecial, spans(kSources), o, spans(prefixes));
              for (std::size_t s = 0; s < kSources.size(); ++s) {
                DecodeOptions own = o;
                own.max_length = std::max(o.max_length, static_cast<int32_t>(prefixes[s].size()));
                same(got[s], plain_beam_search(says(model, kSources[s]), prefixes[s], own));
              }
            }
  }
}

TEST_CASE("the n-best list begins with the best, and a shorter list is its beginning") {
  const ToyModel model(6, 1.0f);
  DecodeOptions o;
  o.beam = o.nbest = 6;
  o.max_length = 8;
  const auto all = translate(model, kSpecial, spans(kSources), o);
  o.nbest = 2;
  const auto two = translate(model, kSpecial, spans(kSources), o);
  for (std::size_t s = 0; s < all.size(); ++s) {
    REQUIRE(all[s].size() == 6);
    CHECK(std::is_sorted(all[s].begin(), all[s].end(), [](const auto& a, const auto& b) { return a.score > b.score; }));
    REQUIRE(two[s].size() == 2);
    for (std::size_t i = 0; i < 2; ++i) CHECK(two[s][i].ids == all[s][i].ids);
  }
}

TEST_CASE("an output that is likeliest without a token is the best, searched or drawn") {
  const ToyModel model(5, 0.1f, 9);  // EOS at once has nearly all of the probability
  DecodeOptions o;
  o.beam = o.nbest = 3;
  for (const auto norm : {LengthNorm::power, LengthNorm::power_eos, LengthNorm::gnmt})
    for (const bool sample : {false, true}) {
      o.length_norm = norm;
      o.sample = sample;
      for (const Hypotheses& found : translate(model, kSpecial, spans(kSources), o)) {
        CHECK(found[0].ids.empty());
        CHECK(std::isfinite(found[0].score));
        CHECK(found[0].score == static_cast<float>(normalised(static_cast<double>(found[0].log_prob), 0, o)));
      }
    }
}

TEST_CASE("a beam of 1 takes the likeliest id at each step") {
  const ToyModel model(9, 1.0f);
  DecodeOptions o;
  o.beam = 1;
  o.max_length = 12;
  const auto got = translate(model, kSpecial, spans(kSources), o);
  for (std::size_t s = 0; s < kSources.size(); ++s) {
    Ids written;
    while (written.size() < 12) {
      const auto p = model.log_probs(kSources[s], written);
      const auto id = static_cast<int32_t>(std::max_element(p.begin(), p.end()) - p.begin());
      if (id == kEos) break;
      written.push_back(id);
    }
    REQUIRE(got[s].size() == 1);
    CHECK(got[s][0].ids == written);
  }
}

TEST_CASE("every hypothesis begins with the prefix, whose probability counts") {
  const ToyModel model(6, 1.0f);
  const std::vector<Ids> prefixes{{}, {5}, {0, 0, 4}, {1, 2}, {5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, {kEos, 1}};
  DecodeOptions o;
  o.beam = 4;
  o.nbest = 3;
  o.max_length = 8;  // less than the fifth prefix
  const auto got = translate(model, kSpecial, spans(kSources), o, spans(prefixes));
  for (std::size_t s = 0; s < kSources.size(); ++s) {
    DecodeOptions own = o;
    own.max_length = std::max<int32_t>(o.max_length, static_cast<int32_t>(prefixes[s].size()));
    same(got[s], plain_beam_search(says(model, kSources[s]), prefixes[s], own));
    for (const auto& h : got[s]) {
      REQUIRE(h.ids.size() >= prefixes[s].size());
      CHECK(std::equal(prefixes[s].begin(), prefixes[s].end(), h.ids.begin()));
    }
  }
}

TEST_CASE("an empty source is answered without the model, by its prefix") {
  const ToyModel model(6, 1.0f);
  DecodeOptions o;
  const std::vector<Ids> sources{{}, {4}, {}}, prefixes{{1, 2}, {}, {}};
  const auto got = translate(model, kSpecial, spans(sources), o, spans(prefixes));
  REQUIRE(got.size() == 3);
  CHECK(got[0][0].ids == Ids{1, 2});
  CHECK(got[2][0].ids.empty());
  CHECK(static_cast<double>(got[2][0].score) == 0);
  CHECK(translate(model, kSpecial, {}, o).empty());
  CHECK(translate(model, kSpecial, spans({{}}), o)[0].size() == 1);
}

TEST_CASE("neither batch limits nor the company of other sentences change an answer") {
  const ToyModel model(8, 1.0f);
  DecodeOptions o;
  o.beam = 3;
  o.nbest = 3;
  const auto together = translate(model, kSpecial, spans(kSources), o);
  for (const int64_t max_tokens : {1, 6, 9, 20}) {
    o.max_tokens = max_tokens;
    const auto got = translate(model, kSpecial, spans(kSources), o);
    for (std::size_t s = 0; s < kSources.size(); ++s)
      for (std::size_t i = 0; i < 3; ++i) {
        CHECK(got[s][i].ids == together[s][i].ids);
        CHECK(got[s][i].score == together[s][i].score);
      }
  }
}

TEST_CASE("finished sentences leave the batch") {
  const ToyModel model(8, 0.1f, 4);  // EOS almost at once
  DecodeOptions o;
  o.beam = 1;
  o.max_length = 50;
  translate(model, kSpecial, spans(kSources), o);
  CHECK(model.rows < static_cast<int64_t>(2 * kSources.size()));
  CHECK(model.steps <= 3);
}

TEST_CASE("the default maximum is 3 times the source and 50, and a model's own limit bounds it") {
  ToyModel model(8, 0.1f, -50);  // EOS never by itself
  DecodeOptions o;
  o.beam = 2;
  CHECK(translate(model, kSpecial, spans({{4, 5}}), o)[0][0].ids.size() == 56);
  model.longest = 20;  // BOS takes one place
  CHECK(translate(model, kSpecial, spans({{4, 5}}), o)[0][0].ids.size() == 19);
  o.max_length = 7;
  CHECK(translate(model, kSpecial, spans({{4, 5}}), o)[0][0].ids.size() == 7);
}
