// Samples come as often as the model says, and depend on nothing but the seed, the sentence and the sample's number.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "decode/translate.h"
#include "tests/catch.h"
#include "tests/decode/toy_model.h"

using namespace storm;
using test::Ids;
using test::spans;
using test::ToyModel;

namespace {

constexpr int32_t kEos = 3;
const SpecialIds kSpecial;
const Ids kSource{4, 1};

DecodeOptions sampling(int32_t samples) {
  DecodeOptions o;
  o.sample = true;
  o.nbest = samples;
  o.max_length = 1;  // one id is drawn: it, or EOS and with it the empty output
  o.max_tokens = 4;
  return o;
}

// How often each id came; EOS is the empty output.
std::vector<double> counts(const ToyModel& model, const DecodeOptions& o) {
  std::vector<double> n(static_cast<std::size_t>(model.description().vocabularies[1]));
  const auto answers = translate(model, kSpecial, spans({kSource}), o);
  for (const auto& h : answers[0]) ++n[static_cast<std::size_t>(h.ids.empty() ? kEos : h.ids[0])];
  return n;
}

// Pearson's statistic of counts against weights; ids of weight 0 must never come.
double chi_square(const std::vector<double>& n, const std::vector<double>& weights) {
  const double all = std::accumulate(n.begin(), n.end(), 0.0);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  double chi = 0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    const double want = all * weights[i] / sum;
    if (weights[i] == 0)
      CHECK(n[i] == 0);
    else
      chi += (n[i] - want) * (n[i] - want) / want;
  }
  return chi;
}

std::vector<double> weights(const ToyModel& model, double temperature) {
  std::vector<double> w;
  for (const double p : model.log_probs(kSource, {})) w.push_back(std::exp(p / temperature));
  return w;
}

// Leaves the n heaviest.
void cut(std::vector<double>& w, std::size_t n) {
  auto sorted = w;
  std::sort(sorted.rbegin(), sorted.rend());
  for (double& x : w)
    if (x < sorted[n - 1]) x = 0;
}

constexpr double kLimit = 24;  // 7 degrees of freedom: chance alone passes it once in a thousand seeds

}  // namespace

TEST_CASE("ids are drawn as often as the model and the temperature say") {
  const ToyModel model(8, 1.0f);
  for (const double temperature : {1.0, 0.5, 2.0}) {
    DecodeOptions o = sampling(20000);
    o.temperature = temperature;
    INFO("temperature " << temperature);
    CHECK(chi_square(counts(model, o), weights(model, temperature)) < kLimit);
  }
}

TEST_CASE("top-k draws from the likeliest k alone") {
  const ToyModel model(8, 1.0f);
  for (const int32_t k : {1, 2, 5, 8, 100}) {
    DecodeOptions o = sampling(20000);
    o.top_k = k;
    o.temperature = 1.5;
    auto w = weights(model, 1.5);
    cut(w, std::min<std::size_t>(w.size(), static_cast<std::size_t>(k)));
    INFO("k " << k);
    CHECK(chi_square(counts(model, o), w) < kLimit);
  }
}

TEST_CASE("top-p draws from the fewest ids that reach p, of those that top-k leaves") {
  const ToyModel model(8, 1.0f);
  for (const int32_t k : {0, 4})
    for (const double p : {1e-9, 0.3, 0.7, 0.95, 1.0}) {
      DecodeOptions o = sampling(20000);
      o.top_p = p;
      o.top_k = k;
      auto w = weights(model, 1);
      if (k > 0) cut(w, static_cast<std::size_t>(k));
      auto sorted = w;
      std::sort(sorted.rbegin(), sorted.rend());
      const double all = std::accumulate(sorted.begin(), sorted.end(), 0.0);
      std::size_t n = 0;
      for (double sum = 0; n < sorted.size() && sum < p * all - 1e-12; ++n) sum += sorted[n];
      cut(w, n);
      INFO("k " << k << ", p " << p);
      CHECK(chi_square(counts(model, o), w) < kLimit);
    }
}

TEST_CASE("top-p draws from a large vocabulary as from a small one, where few ids reach p and where few do not") {
  const ToyModel model(600, 0.5f);
  for (const double p : {0.2, 0.9}) {
    DecodeOptions o = sampling(8000);
    o.top_p = p;
    auto w = weights(model, 1);
    auto sorted = w;
    std::sort(sorted.rbegin(), sorted.rend());
    std::size_t ids = 0;
    for (double sum = 0; sum < p; ++ids) sum += sorted[ids];
    cut(w, ids + 1);  // one more, as the model's numbers are rounded
    const auto n = counts(model, o);
    std::size_t met = 0;
    for (std::size_t i = 0; i < n.size(); ++i) {
      met += n[i] > 0;
      CHECK((n[i] == 0 || w[i] > 0));
    }
    INFO("p " << p << ": " << ids << " ids");
    CHECK(met >= ids - 1 - ids / 100);  // each is drawn once in a thousand times at least
    CHECK((p > 0.5) == (ids > 256));
  }
}

TEST_CASE("ids are drawn as often as the model says from what min-p and typical sampling leave") {
  const ToyModel model(8, 1.0f);
  for (const double temperature : {1.0, 1.5}) {
    const auto w = weights(model, temperature);
    const double all = std::accumulate(w.begin(), w.end(), 0.0);
    INFO("temperature " << temperature);
    DecodeOptions o = sampling(20000);
    o.temperature = temperature;
    o.min_p = 0.35;
    auto left = w;
    for (double& x : left)
      if (x < 0.35 * *std::max_element(w.begin(), w.end())) x = 0;
    CHECK(std::count(left.begin(), left.end(), 0) > 0);
    CHECK(chi_square(counts(model, o), left) < kLimit);

    o.min_p = 0;
    o.typical_p = 0.6;
    double entropy = 0;
    for (const double x : w) entropy -= x / all * std::log(x / all);
    std::vector<std::size_t> ids(w.size());
    std::iota(ids.begin(), ids.end(), 0);
    const auto distance = [&](std::size_t i) { return std::abs(std::log(w[i] / all) + entropy); };
    std::sort(ids.begin(), ids.end(), [&](auto a, auto b) { return distance(a) < distance(b); });
    left.assign(w.size(), 0);
    double sum = 0;
    for (std::size_t i = 0; sum < 0.6 * all; ++i) sum += left[ids[i]] = w[ids[i]];
    CHECK(chi_square(counts(model, o), left) < kLimit);
  }
}

TEST_CASE("banned ids are never drawn, and the others as often as without them") {
  const ToyModel model(8, 1.0f);
  for (const int32_t k : {0, 3, 8})
    for (const double p : {0.7, 1.0})
      for (const double min_p : {0.0, 1e-9})
        for (const int32_t least : {0, 1}) {
          DecodeOptions o = sampling(20000);
          o.banned_ids = {7, 1, 4};
          o.renormalize = true;  // which samples do not know
          o.temperature = 1.5;
          o.top_k = k;
          o.top_p = p;
          o.min_p = min_p;
          o.min_length = least;
          auto w = weights(model, 1.5);
          for (const int32_t id : o.banned_ids) w[static_cast<std::size_t>(id)] = 0;
          if (least > 0) w[kEos] = 0;
          if (k == 3) cut(w, 3);
          auto sorted = w;
          std::sort(sorted.rbegin(), sorted.rend());
          const double all = std::accumulate(sorted.begin(), sorted.end(), 0.0);
          std::size_t n = 0;
          for (double sum = 0; n < sorted.size() && sum < p * all - 1e-12; ++n) sum += sorted[n];
          cut(w, n);
          INFO("k " << k << ", p " << p << ", min-p " << min_p << ", at least " << least);
          CHECK(chi_square(counts(model, o), w) < kLimit);
        }
}

TEST_CASE("a sample's probability is the model's own, whatever it was drawn from") {
  const ToyModel model(8, 1.0f);
  DecodeOptions o = sampling(50);
  o.max_length = 6;
  o.temperature = 0.7;
  o.top_k = 5;
  o.min_length = 2;
  o.banned_ids = {4};
  const auto answers = translate(model, kSpecial, spans({kSource}), o);
  for (const auto& h : answers[0]) {
    CHECK(std::count(h.ids.begin(), h.ids.end(), 4) == 0);
    CHECK(h.ids.size() >= 2);
    CHECK(h.ids.size() <= 6);
    CHECK(std::count(h.ids.begin(), h.ids.end(), kEos) == 0);
    double log_prob = 0;
    Ids written;
    for (const int32_t id : h.ids) {
      log_prob += model.log_probs(kSource, written)[static_cast<std::size_t>(id)];
      written.push_back(id);
    }
    log_prob += model.log_probs(kSource, written)[kEos];
    CHECK(static_cast<double>(h.log_prob) == Approx(log_prob).margin(1e-5));
    CHECK(static_cast<double>(h.score) == Approx(log_prob / static_cast<double>(h.ids.size())).margin(1e-5));
  }
}

TEST_CASE("at its maximum length a sample gets an EOS, one that costs nothing, or none") {
  const ToyModel model(8, 1.0f);
  for (const auto forced : {ForcedEos::scored, ForcedEos::free, ForcedEos::none}) {
    DecodeOptions o = sampling(50);
    o.max_length = 3;
    o.length_norm = LengthNorm::power_eos;
    o.forced_eos = forced;
    const auto answers = translate(model, kSpecial, spans({kSource}), o);
    for (const auto& h : answers[0]) {
      double log_prob = 0;
      Ids written;
      for (const int32_t id : h.ids) {
        log_prob += model.log_probs(kSource, written)[static_cast<std::size_t>(id)];
        written.push_back(id);
      }
      const bool full = h.ids.size() == 3;
      if (!full || forced == ForcedEos::scored) log_prob += model.log_probs(kSource, written)[kEos];
      CHECK(static_cast<double>(h.log_prob) == Approx(log_prob).margin(1e-5));
      const double tokens = static_cast<double>(h.ids.size()) + (full && forced == ForcedEos::none ? 0 : 1);
      CHECK(static_cast<double>(h.score) == Approx(log_prob / tokens).margin(1e-5));
    }
  }
}

TEST_CASE("a sample depends on the seed and the sentence's number alone") {
  const ToyModel model(30, 0.5f);
  std::vector<Ids> sources;
  for (int32_t i = 0; i < 12; ++i) sources.push_back(Ids(static_cast<std::size_t>(1 + i % 4), 5));
  DecodeOptions o;
  o.sample = true;
  o.max_length = 20;
  o.seed = 5;
  const auto all = translate(model, kSpecial, spans(sources), o);
  o.max_tokens = 7;
  const auto small = translate(model, kSpecial, spans(sources), o);
  for (std::size_t s = 0; s < sources.size(); ++s) CHECK(small[s][0].ids == all[s][0].ids);
  o.first_sentence = 7;
  const auto views = spans(sources);
  const auto later = translate(model, kSpecial, std::span(views).subspan(7), o);
  for (std::size_t s = 7; s < sources.size(); ++s) CHECK(later[s - 7][0].ids == all[s][0].ids);
  CHECK(all[0][0].ids != all[4][0].ids);  // the same source, another sentence
  o.first_sentence = 0;
  o.seed = 6;
  CHECK(translate(model, kSpecial, spans(sources), o)[0][0].ids != all[0][0].ids);
}
