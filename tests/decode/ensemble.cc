// Several models as one, against the mean of their probabilities taken by hand.
#include "models/ensemble.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "decode/continue_texts.h"
#include "decode/running_text_scorer.h"
#include "decode/target_log_probs.h"
#include "decode/text_log_probs.h"
#include "decode/translate.h"
#include "models/architecture.h"
#include "tests/catch.h"
#include "tests/decode/plain_search.h"
#include "tests/errors.h"
#include "tests/models/noise.h"

using namespace storm;
using test::Ids;
using test::spans;
using test::ToyModel;

namespace {

using Models = std::vector<std::unique_ptr<Model>>;
using Flags = std::vector<std::pair<std::string, std::string>>;

const SpecialIds kSpecial;
const std::vector<Ids> kSources{{4}, {4, 0}, {1, 1, 2}, {0, 4, 4, 1}, {2}, {1, 0, 2, 4, 1, 0}};
const std::vector<Ids> kTargets{{5, 1}, {}, {0, 0, 4}, {1, 2, 5, 4, 0}, {2}, {4}};

// A model, an opposite one, and one that seldom ends.
Models toys(std::size_t count) {
  constexpr float spread[] = {1.0f, -1.4f, 0.6f}, eos_bonus[] = {0, 1, -2};
  Models models;
  for (std::size_t i = 0; i < count; ++i) models.push_back(std::make_unique<ToyModel>(7, spread[i], eos_bonus[i]));
  return models;
}

Models pair_of(std::unique_ptr<Model> a, std::unique_ptr<Model> b) {
  Models models;
  models.push_back(std::move(a));
  models.push_back(std::move(b));
  return models;
}

std::unique_ptr<Model> network(const std::string& preset, Flags flags, uint64_t seed) {
  const Architecture& arch = architecture_of_preset(preset);
  flags.insert(flags.end(), {{"d-model", "16"}, {"layers", "2"}});
  auto model = make_model(make_config(arch, preset, flags, std::vector<int64_t>(arch.vocabularies.size(), 9)));
  test::initialize_with_noise(*model, seed, seed + 1, 0.3f);
  return model;
}
std::unique_ptr<Model> transformer(uint64_t seed) { return network("tiny", {{"heads", "2"}, {"d-ff", "24"}}, seed); }
std::unique_ptr<Model> seq2seq(uint64_t seed) { return network("rnn-attn-tiny", {}, seed); }
std::unique_ptr<Model> gpt(uint64_t seed) {
  return network("gpt-tiny", {{"heads", "2"}, {"max-positions", "12"}}, seed);
}
std::unique_ptr<Model> lstm(uint64_t seed, const char* cell = "lstm") {
  return network("rnn-lm-tiny", {{"cell", cell}}, seed);
}

std::vector<SentencePair> pairs() {
  std::vector<SentencePair> all;
  for (std::size_t i = 0; i < kSources.size(); ++i) all.push_back({kSources[i], kTargets[i]});
  return all;
}

void close(const std::vector<double>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(want[i]).margin(1e-5));
}

void alike(const std::vector<Hypotheses>& got, const std::vector<Hypotheses>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t s = 0; s < got.size(); ++s) {
    REQUIRE(got[s].size() == want[s].size());
    for (std::size_t i = 0; i < got[s].size(); ++i) {
      CHECK(got[s][i].ids == want[s][i].ids);
      CHECK(static_cast<double>(got[s][i].score) == Approx(static_cast<double>(want[s][i].score)).margin(1e-5));
    }
  }
}

}  // namespace

TEST_CASE("an ensemble's searches find what a plain search over the mean of the probabilities finds") {
  const std::vector<std::vector<double>> shares{{1, 1}, {3, 1}, {1, 1, 1}, {0.2, 0.3, 0.5}, {2, 0, 6}};
  const std::vector<Ids> prefixes{{}, {5}, {0, 0, 4}, {1, 2}, {}, {2, 1}};
  for (const auto& weights : shares) {
    const auto ensemble = make_ensemble(toys(weights.size()), weights);
    const auto members = toys(weights.size());
    double sum = 0;
    for (const double weight : weights) sum += weight;
    const auto says = [&](const Ids& source) {
      return [&](const Ids& written) {
        std::vector<double> p(7);
        for (std::size_t i = 0; i < weights.size(); ++i) {
          const auto own = dynamic_cast<const ToyModel&>(*members[i]).log_probs(source, written);
          for (std::size_t id = 0; id < p.size(); ++id) p[id] += weights[i] / sum * std::exp(own[id]);
        }
        for (double& x : p) x = std::log(x);
        return p;
      };
    };
    for (const int32_t beam : {1, 3, 5})
      for (const bool prefixed : {false, true}) {
        DecodeOptions o;
        o.beam = o.nbest = beam;
        o.max_length = 7;
        INFO(weights.size() << " models, beam " << beam << (prefixed ? ", prefixes" : ""));
        const auto got = translate(as<EncoderDecoder>(*ensemble), kSpecial, spans(kSources), o,
                                   prefixed ? spans(prefixes) : spans({}));
        for (std::size_t s = 0; s < kSources.size(); ++s)
          test::same(got[s], test::plain_beam_search(says(kSources[s]), prefixed ? prefixes[s] : Ids{}, o));
      }
  }
}

TEST_CASE("bans, penalties and samples see the mean of the probabilities") {
  const std::vector<double> weights{1, 1};
  const auto ensemble = make_ensemble(toys(2), weights);
  DecodeOptions o;
  o.beam = o.nbest = 4;
  o.max_length = 8;
  o.no_repeat_ngram = 1;
  o.banned_ids = {4};
  for (const Hypotheses& found : translate(as<EncoderDecoder>(*ensemble), kSpecial, spans(kSources), o))
    for (const Hypothesis& h : found)
      for (std::size_t i = 0; i < h.ids.size(); ++i) {
        CHECK(h.ids[i] != 4);
        CHECK(std::count(h.ids.begin(), h.ids.end(), h.ids[i]) == 1);
      }
  DecodeOptions greedy, sharp;
  greedy.beam = 1;
  sharp.sample = true;
  sharp.top_k = 1;
  const auto likeliest = translate(as<EncoderDecoder>(*ensemble), kSpecial, spans(kSources), greedy);
  alike(translate(as<EncoderDecoder>(*ensemble), kSpecial, spans(kSources), sharp), likeliest);
}

TEST_CASE("a model with itself says what it says alone, and one with all of the weight is returned as it is") {
  const auto alone = transformer(3);
  DecodeOptions o;
  o.nbest = 3;
  o.max_length = 10;
  const auto want = translate(as<EncoderDecoder>(*alone), kSpecial, spans(kSources), o);
  const auto scores = target_log_probs(as<EncoderDecoder>(*alone), kSpecial, pairs(), 40);
  const auto twice = make_ensemble(pair_of(transformer(3), transformer(3)), std::vector<double>{0.3, 0.7});
  CHECK(members_of(*twice).size() == 2);
  alike(translate(as<EncoderDecoder>(*twice), kSpecial, spans(kSources), o), want);
  close(target_log_probs(as<EncoderDecoder>(*twice), kSpecial, pairs(), 40), scores);

  auto models = pair_of(transformer(3), seq2seq(4));
  const Model* first = models[0].get();
  const auto one = make_ensemble(std::move(models), std::vector<double>{1, 0});
  CHECK(one.get() == first);
  CHECK(members_of(*one) == std::vector<Model*>{one.get()});
}

TEST_CASE("models of different architectures translate together, and score what they say alike") {
  const auto a = transformer(3), b = seq2seq(4);
  const auto both = make_ensemble(pair_of(transformer(3), seq2seq(4)), std::vector<double>{3, 1});
  const auto& model = as<EncoderDecoder>(*both);

  const auto nll_of = [](const Model& m, const Batch& batch) {
    Workspace w;
    const Value nll = as<EncoderDecoder>(m).token_nll(w.graph, batch);
    w.run();
    return std::vector<float>(w.data(nll), w.data(nll) + w.graph.shape(nll).rows);
  };
  const auto scores = target_log_probs(model, kSpecial, pairs(), 1000);
  for (std::size_t i = 0; i < kSources.size(); ++i) {
    const Batch batch = make_batch(std::vector{pairs()[i]}, kSpecial);
    const auto of_a = nll_of(*a, batch), of_b = nll_of(*b, batch);
    double want = 0;
    for (std::size_t t = 0; t < of_a.size(); ++t)
      want += std::log(0.75 * std::exp(-static_cast<double>(of_a[t])) + 0.25 * std::exp(-static_cast<double>(of_b[t])));
    CHECK(scores[i] == Approx(want).margin(1e-5));
  }

  DecodeOptions o;
  o.nbest = 3;
  o.length_penalty = 0;
  o.max_length = 10;
  for (const bool sample : {false, true}) {
    o.sample = sample;
    const auto found = translate(model, kSpecial, spans(kSources), o);
    for (std::size_t s = 0; s < found.size(); ++s)
      for (const Hypothesis& h : found[s]) {
        const std::vector<SentencePair> said{{kSources[s], h.ids}};
        CHECK(target_log_probs(model, kSpecial, said, 100)[0] == Approx(static_cast<double>(h.log_prob)).margin(1e-5));
      }
  }
}

TEST_CASE("language models of different architectures continue and score texts together") {
  const auto both = make_ensemble(pair_of(gpt(5), lstm(6)), std::vector<double>{1, 2});
  const auto& model = as<LanguageModel>(*both);
  CHECK(model.longest_source() == 12);
  CHECK(model.carried_width() == 0);
  DecodeOptions o;
  o.length_penalty = 0;
  o.max_length = 5;
  const auto found = continue_texts(model, model.longest_source(), kSpecial.eos, spans(kSources), o);
  for (std::size_t s = 0; s < kSources.size(); ++s) {
    const auto& h = found[s][0];
    // log p of the whole text, less that of what was there: of its tokens without its EOS.
    const auto log_prob = [&](const Ids& ids) { return text_log_probs(model, kSpecial.eos, spans({ids}), 100)[0]; };
    const auto end = [&](const Ids& ids) {
      Workspace w;
      PackedSentences text;
      text.add(kSpecial.eos, ids, -1);
      Ids labels = ids;
      labels.push_back(kSpecial.eos);
      const auto tokens = static_cast<int64_t>(labels.size());
      const Value nll = model.token_nll(w.graph, text, w.graph.column(std::move(labels)));
      w.run();
      return -static_cast<double>(w.data(nll)[tokens - 1]);
    };
    const double before = log_prob(kSources[s]) - end(kSources[s]);
    CHECK(log_prob(h.ids) - before == Approx(static_cast<double>(h.log_prob)).margin(1e-5));
  }

  const auto one = gpt(5);
  const auto twice = make_ensemble(pair_of(gpt(5), gpt(5)), std::vector<double>{1, 1});
  close(text_log_probs(as<LanguageModel>(*twice), kSpecial.eos, spans(kTargets), 100),
        text_log_probs(as<LanguageModel>(*one), kSpecial.eos, spans(kTargets), 100));
}

TEST_CASE("running texts are read by all members, which carry their states if all can") {
  const auto score = [](const Model& model, int64_t stride) {
    RunningTextScorer scorer(as<LanguageModel>(model), kSpecial.eos, stride, 100);
    auto scores = scorer.add(spans(kTargets));
    const auto rest = scorer.finish();
    scores.insert(scores.end(), rest.begin(), rest.end());
    return scores;
  };
  const auto alone = lstm(6);
  const auto twice = make_ensemble(pair_of(lstm(6), lstm(6)), std::vector<double>{1, 1});
  close(score(*twice, 4), score(*alone, 4));
  const auto both = make_ensemble(pair_of(lstm(6), lstm(7, "gru")), std::vector<double>{1, 1});
  CHECK(as<LanguageModel>(*both).carried_width() == 2 * 2 * 16 + 2 * 16);
  close(score(*both, 3), score(*both, 7));
  const auto windowed = make_ensemble(pair_of(gpt(5), gpt(5)), std::vector<double>{1, 1});
  close(score(*windowed, 5), score(*gpt(5), 5));
}

TEST_CASE("one model whose probabilities are not numbers spoils the answers of all, which is said") {
  const float infinite = std::numeric_limits<float>::infinity();
  for (const bool first : {false, true}) {
    auto models = pair_of(std::make_unique<ToyModel>(7, 1.0f), std::make_unique<ToyModel>(7, infinite));
    if (first) std::swap(models[0], models[1]);
    const auto ensemble = make_ensemble(std::move(models), std::vector<double>{1, 1});
    CHECK_THROWS_AS(translate(as<EncoderDecoder>(*ensemble), kSpecial, spans(kSources), DecodeOptions()), Error);
  }
}

TEST_CASE("models that cannot answer together are refused") {
  const std::vector<double> equal{1, 1};
  CHECK_THROWS_WITH(make_ensemble(pair_of(gpt(1), transformer(1)), equal),
                    "a model of the architecture transformer does not continue text");
  CHECK_THROWS_WITH(make_ensemble(pair_of(transformer(1), gpt(1)), equal),
                    "a model of the architecture gpt does not turn a source into a target");
  Models many;
  for (std::size_t i = 0; i < 16; ++i) many.push_back(std::make_unique<ToyModel>(5, 1.0f));
  CHECK_THROWS_WITH(make_ensemble(std::move(many), std::vector<double>(16, 1)),
                    "16 models are more than the 15 that can answer together");
  const auto ensemble = make_ensemble(toys(2), equal);
  Graph graph(false);
  CHECK_THROWS_WITH(as<EncoderDecoder>(*ensemble).output(graph),
                    "several models as one have no states; give one model");
}
