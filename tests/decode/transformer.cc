// Decoding with a real model: batches, threads and scores agree.
#include <omp.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "decode/target_log_probs.h"
#include "decode/translate.h"
#include "models/architecture.h"
#include "tests/catch.h"
#include "tests/decode/toy_model.h"
#include "tests/errors.h"
#include "tests/models/noise.h"

using namespace storm;
using test::Ids;
using test::spans;

namespace {

const SpecialIds kSpecial;

std::unique_ptr<Model> small_model() {
  const std::vector<std::pair<std::string, std::string>> flags{
      {"layers", "2"}, {"d-model", "32"}, {"d-ff", "48"}, {"heads", "2"}};
  auto model = make_model(make_config(architecture("transformer"), "tiny", flags, {60, 60}));
  test::initialize_with_noise(*model, 2, 8, 0.1f);
  return model;
}

std::vector<Ids> some_sources(std::size_t count) {
  RandomStream random(5, RandomUse::corpus);
  std::vector<Ids> sources(count);
  for (auto& s : sources) {
    s.resize(random.below(14));
    for (auto& id : s) id = static_cast<int32_t>(4 + random.below(56));
  }
  return sources;
}

void same(const std::vector<Hypotheses>& a, const std::vector<Hypotheses>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t s = 0; s < a.size(); ++s) {
    INFO("sentence " << s);
    REQUIRE(a[s].size() == b[s].size());
    for (std::size_t i = 0; i < a[s].size(); ++i) {
      CHECK(a[s][i].ids == b[s][i].ids);
      CHECK(static_cast<double>(a[s][i].score) == Approx(static_cast<double>(b[s][i].score)).margin(1e-5));
    }
  }
}

}  // namespace

TEST_CASE("batch limits, company and threads do not change what a Transformer says") {
  const auto model = small_model();
  const auto sources = some_sources(40);
  DecodeOptions o;
  o.nbest = 3;
  o.max_length = 15;
  const auto all = translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o);
  for (const int64_t max_tokens : {1, 30, 77}) {
    o.max_tokens = max_tokens;
    same(translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o), all);
  }
  const int threads = omp_get_max_threads();
  for (const int n : {1, 3}) {
    omp_set_num_threads(n);
    same(translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o), all);
  }
  omp_set_num_threads(threads);
}

TEST_CASE("the score of an output is the log-probability that the search gave it") {
  const auto model = small_model();
  const auto sources = some_sources(20);
  DecodeOptions o;
  o.nbest = 4;
  o.length_penalty = 0;
  o.max_length = 9;
  o.min_length = 2;
  const auto check = [&] {
    const auto answers = translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o);
    std::vector<SentencePair> pairs;
    std::vector<float> want;
    for (std::size_t s = 0; s < sources.size(); ++s)
      for (const auto& h : answers[s])
        if (!sources[s].empty()) {
          pairs.push_back({sources[s], h.ids});
          want.push_back(h.score);
        }
    for (const int64_t max_tokens : {1, 25, 2048}) {
      const auto got = target_log_probs(as<EncoderDecoder>(*model), kSpecial, pairs, max_tokens);
      REQUIRE(got.size() == want.size());
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(static_cast<double>(want[i])).margin(1e-5));
    }
  };
  SECTION("beam search") { check(); }
  SECTION("greedy") {
    o.beam = o.nbest = 1;
    check();
  }
  SECTION("samples") {
    o.sample = true;
    o.top_k = 20;
    o.temperature = 0.8;
    check();
  }
}

TEST_CASE("a wider beam finds likelier outputs") {
  const auto model = small_model();
  const auto sources = some_sources(30);
  DecodeOptions o;
  o.length_penalty = 0;
  o.max_length = 12;
  double found[3] = {};
  for (int i = 0; i < 3; ++i) {
    o.beam = i == 0 ? 1 : i == 1 ? 4 : 16;
    for (const auto& h : translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o))
      found[i] += static_cast<double>(h[0].log_prob);
  }
  CHECK(found[0] < found[1]);
  CHECK(found[1] < found[2]);
}

TEST_CASE("a model whose weights are not numbers is refused in one line, never answered with nonsense") {
  const auto model = small_model();
  for (float& x : model->parameters().view(model->parameters().specs()[0].name))
    x = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Ids> sources{{4, 5, 6}}, prefixes{{7, 8}};
  const auto refused = [](auto&& work) {
    const std::string message = test::error_of(work);
    return message.find("not numbers") != std::string::npos && message.find('\n') == std::string::npos;
  };
  DecodeOptions o;
  o.max_length = 2;
  CHECK(refused([&] { translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o); }));
  // Here the search itself never looks at a probability: all is forced, then closed.
  CHECK(refused([&] { translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o, spans(prefixes)); }));
  o.sample = true;
  CHECK(refused([&] { translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o); }));
  CHECK(refused([&] { translate(as<EncoderDecoder>(*model), kSpecial, spans(sources), o, spans(prefixes)); }));
  const std::vector<SentencePair> pairs{{sources[0], prefixes[0]}};
  CHECK(refused([&] { target_log_probs(as<EncoderDecoder>(*model), kSpecial, pairs, 100); }));
}
