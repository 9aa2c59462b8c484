// N-gram models as what searches and samples ask, as what texts are scored by, and fused with another model.
#include <cmath>
#include <fstream>
#include <numbers>
#include <numeric>

#include "decode/logits_processor.h"
#include "decode/ngram_texts.h"
#include "ngram/estimate.h"
#include "tests/decode/plain_search.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"

using namespace storm;
using test::Ids;
using test::spans;
using test::ToyModel;

namespace {

constexpr int32_t kPad = 0, kUnk = 1, kBos = 2, kEos = 3;  // of lists of words

// Counted from 300 drawn sentences of the words a to f, in which f comes rarely, and the unknown word now and then.
struct Counted {
  test::ScratchFolder folder;
  NgramModel model;
  explicit Counted(int order) : model(path(order)) {}

 private:
  std::string path(int order) {
    std::ofstream text(folder / "text");
    RandomStream random(5, RandomUse::corpus);
    const std::vector<std::string> words{"a", "b", "c", "d", "e", "<unk>", "f"};
    for (int s = 0; s < 300; ++s) {
      std::size_t last = 0;
      for (double k = 8 * random.uniform(); k > 0; --k) {
        last = (last + static_cast<std::size_t>(9 * random.uniform() * random.uniform())) % words.size();
        text << words[last] << ' ';
      }
      text << '\n';
    }
    text.close();
    const auto source = open_ngram_text(folder / "text");
    Output output(folder / "model.st");
    estimate_ngrams(*source, {.order = order, .prune = {}, .fallback = kFallbackDiscounts}, "test", output);
    output.commit();
    return folder / "model.st";
  }
};

// ln p(id | <s> history), word by word; ids without a word and <s> as the unknown word.
double log_prob_of(const NgramModel& model, const Ids& history, int32_t id) {
  NgramState state = model.at_begin();
  for (const int32_t before : history) model.log10_prob(state, model.number_of(before), state);
  const auto word = id == kBos || id == kPad ? kUnknownWord : model.number_of(id);
  return static_cast<double>(model.log10_prob(state, word, state)) * std::numbers::ln10;
}

const std::vector<Ids> kHistories{{}, {4}, {4, 5}, {9, kUnk}, {4, 4, 4, 5, 6}, {8, kUnk, 4, 9, 9, 9, 4}};

}  // namespace

TEST_CASE("probabilities by id are those of the words, after histories of any length") {
  for (const int order : {1, 2, 4}) {
    const Counted counted(order);
    const auto& model = counted.model;
    std::vector<float> all(static_cast<std::size_t>(model.vocabulary().size()));
    for (const auto& history : kHistories) {
      model.log_probs(model.after(history), all);
      for (int32_t id = 0; id < std::ssize(all); ++id)
        CHECK(static_cast<double>(all[static_cast<std::size_t>(id)]) ==
              Approx(log_prob_of(model, history, id)).epsilon(1e-6));
    }
  }
}

TEST_CASE("fusion adds weighted log-probabilities to logits, behind a penalty and before bans") {
  const Counted counted(3);
  const std::vector<float> logits{1.25F, -0.5F, 2, 0.75F, -1.5F, 0.25F, 1.75F, -0.25F, 0, 3};
  REQUIRE(std::ssize(logits) == counted.model.vocabulary().size());
  DecodeOptions o;
  o.fused = &counted.model;
  o.fused_weight = 0.3;
  o.repetition_penalty = 2;
  o.banned_ids = {5};
  const LogitsProcessors processors(o, SpecialIds());
  for (const auto& history : kHistories) {
    auto changed = logits;
    processors({.ids = history}, changed);
    for (int32_t id = 0; id < std::ssize(logits); ++id) {
      const auto k = static_cast<std::size_t>(id);
      double x = static_cast<double>(logits[k]);
      if (std::ranges::count(history, id) > 0) x = x > 0 ? x / 2 : x * 2;
      INFO("id " << id);
      if (id == 5)
        CHECK(changed[k] == kBanned);
      else
        CHECK(static_cast<double>(changed[k]) ==
              Approx(x + 0.3 * log_prob_of(counted.model, history, id)).epsilon(1e-5));
    }
  }
}

TEST_CASE("beam search with fusion finds what its definition finds with both log-probabilities added up") {
  const Counted counted(3);
  const ToyModel model(10, 1.5F, -1.0F);
  const std::vector<Ids> sources{{4}, {4, 0}, {1, 1, 2}, {2}};
  for (const int32_t beam : {1, 3})
    for (const double weight : {0.4, 2.0}) {
      DecodeOptions o;
      o.beam = o.nbest = beam;
      o.max_length = 8;
      o.fused = &counted.model;
      o.fused_weight = weight;
      const auto got = translate(model, SpecialIds(), spans(sources), o);
      for (std::size_t s = 0; s < sources.size(); ++s)
        test::same(got[s], test::plain_beam_search(
                               [&](const Ids& written) {
                                 auto p = model.log_probs(sources[s], written);
                                 if (std::ssize(written) == o.max_length) return p;  // EOS comes, whatever it costs
                                 for (int32_t id = 0; id < std::ssize(p); ++id)
                                   p[static_cast<std::size_t>(id)] += weight * log_prob_of(counted.model, written, id);
                                 return p;
                               },
                               {}, o));
    }
}

TEST_CASE("a fused model of no weight changes nothing, and is not asked") {
  const Counted counted(2);
  DecodeOptions o;
  o.fused = &counted.model;
  CHECK(LogitsProcessors(o, SpecialIds()).empty());
  o.fused_weight = 0.1;
  CHECK_FALSE(LogitsProcessors(o, SpecialIds()).empty());
}

TEST_CASE("a text's score is the sum of its words', of the unknown ones apart, too") {
  const Counted counted(3);
  std::vector<Ids> texts = kHistories;
  for (int k = 0; k < 40; ++k) texts.push_back(kHistories[static_cast<std::size_t>(k) % kHistories.size()]);
  const auto scores = ngram_scores(counted.model, spans(texts));
  REQUIRE(scores.size() == texts.size());
  for (std::size_t t = 0; t < texts.size(); ++t) {
    double all = 0, unknown = 0;
    Ids history;
    for (const int32_t id : texts[t]) {
      const double log_prob = log_prob_of(counted.model, history, id);
      all += log_prob;
      if (id == kUnk) unknown += log_prob;
      history.push_back(id);
    }
    all += log_prob_of(counted.model, history, kEos);
    CHECK(scores[t].log_prob == Approx(all).epsilon(1e-12));
    CHECK(scores[t].unknown_log_prob == Approx(unknown).epsilon(1e-12));
    CHECK(scores[t].unknown == std::ranges::count(texts[t], kUnk));
  }
}

TEST_CASE("a text with </s> in it is refused by its number") {
  const Counted counted(2);
  const std::vector<Ids> texts{{4}, {4, kEos, 5}, {kBos}};
  CHECK(test::refused([&] { ngram_scores(counted.model, spans(texts), 7); }, {"row 8", "</s>"}));
}

TEST_CASE("words are drawn as often as the model says, and the unknown word never") {
  const Counted counted(3);
  const NgramGenerator generator(counted.model);
  DecodeOptions o;
  o.sample = true;
  o.nbest = 20000;
  o.max_length = 1;
  for (const Ids& prompt : {Ids{}, Ids{4}, Ids{4, 5}}) {
    std::vector<double> n(10), p(10);
    const std::vector<Ids> prompts{prompt};
    const auto answers = generator.continue_texts(spans(prompts), o)[0];
    for (const auto& h : answers) ++n[static_cast<std::size_t>(h.ids.size() == prompt.size() ? kEos : h.ids.back())];
    for (int32_t id = kEos; id < 10; ++id)
      p[static_cast<std::size_t>(id)] = std::exp(log_prob_of(counted.model, prompt, id));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    double chi = 0;
    for (std::size_t id = 0; id < 10; ++id) {
      const double want = 20000 * p[id] / sum;
      if (want == 0) CHECK(n[id] == 0);
      if (want > 0) chi += (n[id] - want) * (n[id] - want) / want;
    }
    CHECK(chi < 22.5);  // 6 degrees of freedom: chance alone passes it once in a thousand seeds
  }
}

TEST_CASE("answers have the model's probabilities, of which the unknown word keeps its own") {
  const Counted counted(3);
  const NgramGenerator generator(counted.model);
  for (const bool sample : {false, true}) {
    DecodeOptions o;
    o.sample = sample;
    o.nbest = 4;
    o.max_length = 12;
    o.length_penalty = 0;
    const std::vector<Ids> prompts{{}};
    const auto answers = generator.continue_texts(spans(prompts), o)[0];
    for (const auto& h : answers) {
      const std::vector<Ids> said{h.ids};
      CHECK(static_cast<double>(h.score) == Approx(ngram_scores(counted.model, spans(said))[0].log_prob).epsilon(1e-5));
    }
  }
}

TEST_CASE("greedy search says the likeliest word that there is, step by step") {
  const Counted counted(3);
  const NgramGenerator generator(counted.model);
  DecodeOptions o;
  o.beam = 1;
  o.min_length = o.max_length = 10;
  const std::vector<Ids> prompts{{}, {9}, {4, kUnk}};
  const auto answers = generator.continue_texts(spans(prompts), o);
  for (std::size_t t = 0; t < prompts.size(); ++t) {
    Ids want = prompts[t];
    for (int step = 0; step < 10; ++step) {
      int32_t best = 4;
      for (int32_t id = 5; id < 10; ++id)
        if (log_prob_of(counted.model, want, id) > log_prob_of(counted.model, want, best)) best = id;
      want.push_back(best);
    }
    CHECK(answers[t][0].ids == want);
  }
}

TEST_CASE("a beam that is wider than the vocabulary has no answers that cannot be") {
  const Counted counted(2);
  const NgramGenerator generator(counted.model);
  DecodeOptions o;
  o.beam = o.nbest = 40;
  o.max_length = 2;
  const std::vector<Ids> prompts{{}};
  const auto answers = generator.continue_texts(spans(prompts), o)[0];
  CHECK(answers.size() > 20);
  for (const auto& h : answers) {
    CHECK(std::isfinite(h.score));
    CHECK(std::ranges::all_of(h.ids, [](int32_t id) { return id > kEos; }));
  }
}

TEST_CASE("bans that leave no word are refused") {
  const Counted counted(2);
  DecodeOptions o;
  o.banned_ids = {4, 5, 6, 7, 8, 9};
  const std::vector<Ids> prompts{{}};
  CHECK(test::refused([&] { NgramGenerator(counted.model).continue_texts(spans(prompts), o); }, {"--ban"}));
}
