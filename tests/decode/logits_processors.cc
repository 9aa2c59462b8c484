// Each logits processor against what transformers 5.24 (generation/logits_process.py) makes of the same row.
#include <cmath>

#include "decode/logits_processor.h"
#include "tests/catch.h"

using namespace storm;

namespace {

using Row = std::vector<float>;

const Row kLogits{1.25f, -0.5f, 2.0f, 0.75f, -1.5f, 0.25f, 1.75f, -0.25f};
const std::vector<int32_t> kSaid{2, 1, 4, 2, 1, 6, 2};

Row processed(const DecodeOptions& o, std::span<const int32_t> said = kSaid, int32_t length = 0, int32_t least = 0) {
  const LogitsProcessors processors(o, SpecialIds());
  REQUIRE_FALSE(processors.empty());
  Row logits = kLogits;
  const double normalizer = processors({.ids = said, .length = length, .least = least}, logits);
  CHECK(normalizer == Approx(3.0747).margin(1e-4));  // of the model's logits, whatever became of them
  return logits;
}

void same(const Row& got, const Row& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("id " << i);
    if (want[i] == kBanned)
      CHECK(got[i] == kBanned);
    else
      CHECK(static_cast<double>(got[i]) == Approx(static_cast<double>(want[i])).epsilon(1e-6));
  }
}

// Temperature, top-k and top-p alone are the graphs' work, and the table is empty: a cut that cuts nothing fills it.
DecodeOptions sampling() {
  DecodeOptions o;
  o.sample = true;
  o.min_p = 1e-12;
  return o;
}

}  // namespace

TEST_CASE("a repetition penalty divides positive logits of what was said and multiplies negative ones, once each") {
  DecodeOptions o;
  o.repetition_penalty = 1.3;
  same(processed(o), {1.25f, -0.65f, 1.538462f, 0.75f, -1.95f, 0.25f, 1.346154f, -0.25f});
  same(processed(o, {}), kLogits);
  o.repetition_penalty = 0.5;
  same(processed(o), {1.25f, -0.25f, 4.0f, 0.75f, -0.75f, 0.25f, 3.5f, -0.25f});
}

TEST_CASE("an id that completes an n-gram of the row is banned") {
  DecodeOptions o;
  o.no_repeat_ngram = 1;
  same(processed(o), {1.25f, kBanned, kBanned, 0.75f, kBanned, 0.25f, kBanned, -0.25f});
  o.no_repeat_ngram = 2;
  same(processed(o), {1.25f, kBanned, 2.0f, 0.75f, -1.5f, 0.25f, 1.75f, -0.25f});
  o.no_repeat_ngram = 3;
  same(processed(o), kLogits);
  const std::vector<int32_t> shorter{2, 1, 4, 2, 1};
  same(processed(o, shorter), {1.25f, -0.5f, 2.0f, 0.75f, kBanned, 0.25f, 1.75f, -0.25f});
  o.no_repeat_ngram = 9;
  same(processed(o), kLogits);
}

TEST_CASE("banned ids cannot follow, and what is left is normalised anew where that is asked for") {
  DecodeOptions o;
  o.no_repeat_ngram = 20;  // bans nothing here
  o.banned_ids = {2, 5};
  same(processed(o), {1.25f, -0.5f, kBanned, 0.75f, -1.5f, kBanned, 1.75f, -0.25f});
  o.renormalize = true;
  const LogitsProcessors processors(o, SpecialIds());
  Row logits = kLogits;
  CHECK(processors({.ids = kSaid}, logits) == Approx(std::log(std::exp(1.25) + std::exp(-0.5) + std::exp(0.75) +
                                                              std::exp(-1.5) + std::exp(1.75) + std::exp(-0.25))));
}

TEST_CASE("EOS is banned below the minimum length") {
  DecodeOptions o;
  o.no_repeat_ngram = 20;  // bans nothing here
  o.min_length = 4;
  same(processed(o, {}, 3, 4), {1.25f, -0.5f, 2.0f, kBanned, -1.5f, 0.25f, 1.75f, -0.25f});
  same(processed(o, {}, 4, 4), kLogits);
}

TEST_CASE("where everything is banned, EOS can follow") {
  DecodeOptions o = sampling();
  o.no_repeat_ngram = 1;
  o.min_length = 20;
  o.temperature = 0.5;
  const std::vector<int32_t> all{0, 1, 2, 3, 4, 5, 6, 7};
  same(processed(o, all, 8, 20), {kBanned, kBanned, kBanned, 1.5f, kBanned, kBanned, kBanned, kBanned});
}

TEST_CASE("temperature divides logits, of samples alone") {
  DecodeOptions o = sampling();
  o.temperature = 0.7;
  same(processed(o), {1.785714f, -0.7142857f, 2.857143f, 1.071429f, -2.142857f, 0.3571429f, 2.5f, -0.3571429f});
  o.sample = false;
  o.no_repeat_ngram = 20;
  same(processed(o), kLogits);
}

TEST_CASE("top-k, top-p and min-p leave the likeliest") {
  DecodeOptions o = sampling();
  o.top_k = 3;
  same(processed(o), {1.25f, kBanned, 2.0f, kBanned, kBanned, kBanned, 1.75f, kBanned});
  o.top_k = 0;
  o.top_p = 0.3;
  same(processed(o), {kBanned, kBanned, 2.0f, kBanned, kBanned, kBanned, kBanned, kBanned});
  o.top_p = 0.6;
  same(processed(o), {kBanned, kBanned, 2.0f, kBanned, kBanned, kBanned, 1.75f, kBanned});
  o.top_p = 0.9;
  same(processed(o), {1.25f, kBanned, 2.0f, 0.75f, kBanned, 0.25f, 1.75f, kBanned});
  o.top_p = 1;
  o.min_p = 0.1;
  same(processed(o), {1.25f, kBanned, 2.0f, 0.75f, kBanned, 0.25f, 1.75f, -0.25f});
  o.min_p = 0.4;
  same(processed(o), {1.25f, kBanned, 2.0f, kBanned, kBanned, kBanned, 1.75f, kBanned});
}

TEST_CASE("typical sampling leaves what is as surprising as is to be expected") {
  DecodeOptions o;
  o.sample = true;
  o.typical_p = 0.1;  // the likeliest id is not among them
  same(processed(o), {1.25f, kBanned, kBanned, kBanned, kBanned, kBanned, kBanned, kBanned});
  o.typical_p = 0.3;
  same(processed(o), {1.25f, kBanned, kBanned, kBanned, kBanned, kBanned, 1.75f, kBanned});
  o.typical_p = 0.7;
  same(processed(o), {1.25f, kBanned, 2.0f, kBanned, kBanned, kBanned, 1.75f, kBanned});
  o.typical_p = 0.9;
  same(processed(o), {1.25f, kBanned, 2.0f, 0.75f, kBanned, 0.25f, 1.75f, kBanned});
}

TEST_CASE("processors work one after another, in the order that transformers has") {
  DecodeOptions o;
  o.sample = true;
  o.repetition_penalty = 1.3;
  o.no_repeat_ngram = 2;
  o.temperature = 1.5;
  o.top_k = 6;
  o.top_p = 0.95;
  o.min_p = 0.3;
  o.typical_p = 0.6;
  same(processed(o), {0.8333333f, kBanned, 1.025641f, 0.5f, kBanned, kBanned, 0.8974359f, kBanned});
  o.temperature = 0.7;
  o.top_k = 0;
  o.min_p = 0;
  same(processed(o), {1.785714f, kBanned, 2.197802f, kBanned, kBanned, kBanned, 1.923077f, kBanned});
}

TEST_CASE("cuts see what the cuts before them left") {
  DecodeOptions o = sampling();
  o.top_k = 2;
  o.top_p = 0.5;
  same(processed(o), {kBanned, kBanned, 2.0f, kBanned, kBanned, kBanned, kBanned, kBanned});
  o.top_k = 0;
  o.top_p = 0.6;
  o.typical_p = 0.3;
  same(processed(o), {kBanned, kBanned, 2.0f, kBanned, kBanned, kBanned, kBanned, kBanned});
  o.top_p = 1;
  o.min_p = 0.4;
  same(processed(o), {kBanned, kBanned, kBanned, kBanned, kBanned, kBanned, 1.75f, kBanned});
  o = sampling();
  o.temperature = 2;
  o.top_p = 0.6;
  same(processed(o), {0.625f, kBanned, 1.0f, 0.375f, kBanned, kBanned, 0.875f, kBanned});
}

TEST_CASE("what graphs do is left to them where nothing else is on") {
  DecodeOptions o;
  o.min_length = 3;
  CHECK(LogitsProcessors(o, SpecialIds()).empty());
  o.sample = true;
  o.temperature = 0.5;
  o.top_k = 3;
  o.top_p = 0.5;
  CHECK(LogitsProcessors(o, SpecialIds()).empty());
  o.typical_p = 0.5;
  CHECK_FALSE(LogitsProcessors(o, SpecialIds()).empty());
  o.sample = false;
  CHECK(LogitsProcessors(o, SpecialIds()).empty());
}

TEST_CASE("logits that are not numbers are refused") {
  DecodeOptions o;
  o.no_repeat_ngram = 2;
  Row logits = kLogits;
  logits[5] = std::nanf("");
  CHECK_THROWS(LogitsProcessors(o, SpecialIds())({}, logits));
}
