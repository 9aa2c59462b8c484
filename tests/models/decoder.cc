// Incremental decoding against full recomputation, and packed batches against one sentence at a time.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "models/architecture.h"
#include "models/encoder_decoder.h"
#include "ops/top_k.h"
#include "tests/catch.h"
#include "tests/models/noise.h"

using namespace storm;

namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;
using Ids = std::vector<int32_t>;

constexpr int32_t kSourceVocabulary = 13, kTargetVocabulary = 11;
const SpecialIds kSpecial;

struct Variation {
  std::string name;
  Flags flags;
  int32_t source_vocabulary = kTargetVocabulary;
  std::string preset = "tiny";
};

const std::vector<Variation> kVariations{
    {"post-norm", {}},
    {"pre-norm, GELU", {{"norm", "pre"}, {"activation", "gelu"}}},
    {"GELU by tanh", {{"activation", "gelu-tanh"}}},
    {"Swish", {{"activation", "swish"}}},
    {"learned positions", {{"positions", "learned"}, {"max-positions", "30"}}},
    {"concatenated sinusoids", {{"positions", "sinusoidal-concat"}}},
    {"sinusoids in halves, bare embeddings, a bias",
     {{"positions", "sinusoidal-halves"}, {"scale-embeddings", "no"}, {"output-bias", "yes"}}},
    {"d_k is not d_v", {{"d-k", "5"}, {"d-v", "9"}}},
    {"separate vocabularies", {{"share-embeddings", "none"}}, kSourceVocabulary},
    {"one embedding for target and output", {{"share-embeddings", "target"}}, kSourceVocabulary},
    {"one head, a deep decoder", {{"heads", "1"}, {"encoder-layers", "1"}, {"decoder-layers", "3"}}},
    {"plain LSTM, reversed source", {}, kTargetVocabulary, "rnn-tiny"},
    {"plain GRU of two directions",
     {{"cell", "gru"}, {"bidirectional", "yes"}, {"reverse-source", "no"}},
     kTargetVocabulary,
     "rnn-tiny"},
    {"tanh cells, dot", {{"cell", "rnn"}, {"attention", "dot"}}, kTargetVocabulary, "rnn-tiny"},
    {"LSTM, general, three decoder layers",
     {{"attention", "general"}, {"bidirectional", "yes"}, {"reverse-source", "no"}, {"decoder-layers", "3"}},
     kTargetVocabulary,
     "rnn-tiny"},
    {"GRU, additive, separate vocabularies",
     {{"cell", "gru"},
      {"attention", "additive"},
      {"bidirectional", "yes"},
      {"reverse-source", "no"},
      {"share-embeddings", "none"}},
     kSourceVocabulary,
     "rnn-tiny"},
    {"LSTM, concat, input feeding", {{"attention", "concat"}, {"input-feeding", "yes"}}, kTargetVocabulary, "rnn-tiny"},
    {"GRU, general, input feeding, one layer",
     {{"cell", "gru"}, {"attention", "general"}, {"input-feeding", "yes"}, {"layers", "1"}},
     kTargetVocabulary,
     "rnn-tiny"},
    {"LSTM, kernel", {{"attention", "kernel"}}, kTargetVocabulary, "rnn-tiny"},
    {"GRU, kernel of width 1, input feeding",
     {{"cell", "gru"}, {"attention", "kernel-fixed"}, {"input-feeding", "yes"}},
     kTargetVocabulary,
     "rnn-tiny"},
    {"ConvS2S", {{"conv", "16x3*2"}}, kTargetVocabulary, "convs2s-tiny"},
    {"ConvS2S of changing widths and kernels, even ones too",
     {{"encoder-conv", "12x2,16x1,16x4"}, {"decoder-conv", "12x5,20x1*2,16x2"}, {"share-embeddings", "none"}},
     kSourceVocabulary,
     "convs2s-tiny"},
};

Flags small(const std::string& arch) {
  if (arch == "convs2s") return {{"d-model", "16"}, {"max-positions", "30"}};
  if (arch == "rnn") return {{"layers", "2"}, {"d-model", "16"}};
  return {{"layers", "2"}, {"d-model", "16"}, {"d-ff", "24"}, {"heads", "2"}};
}

// Biases and gains away from 0 and 1, so that none can be left out unseen.
std::unique_ptr<Model> model_of(const Variation& v) {
  const auto& arch = architecture_of_preset(v.preset);
  Flags flags = small(arch.name);
  for (const auto& [flag, value] : v.flags) {
    const auto same = [&](const auto& f) { return f.first == flag; };
    flags.erase(std::remove_if(flags.begin(), flags.end(), same), flags.end());
    flags.emplace_back(flag, value);
  }
  auto model = make_model(make_config(arch, v.preset, flags, {v.source_vocabulary, int64_t{kTargetVocabulary}}));
  test::initialize_with_noise(*model, 3, 4, 0.2f);
  return model;
}

std::vector<Ids> sources_of(int32_t vocabulary) {
  RandomStream random(9, RandomUse::corpus);
  std::vector<Ids> sources;
  for (const std::size_t length : {1, 7, 0, 3, 18}) {
    sources.emplace_back();
    while (sources.back().size() < length)
      sources.back().push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(vocabulary))));
  }
  return sources;
}

std::vector<std::vector<float>> token_nll(const Model& model, const std::vector<SentencePair>& pairs) {
  Workspace workspace;
  const Batch batch = make_batch(pairs, kSpecial);
  const Value nll = storm::loss(as<EncoderDecoder>(model), workspace.graph, batch, 0, 1).token_nll;
  workspace.run();
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    all.emplace_back(workspace.data(nll) + batch.inputs[1].offsets[i],
                     workspace.data(nll) + batch.inputs[1].offsets[i + 1]);
  return all;
}

struct Row {
  std::size_t sentence;
  Ids written;
};

// The largest difference between the step's log-probabilities and those of the whole sentences run anew.
double difference(const Model& model, const std::vector<Ids>& sources, const std::vector<Row>& rows,
                  std::span<const float> log_probs) {
  std::vector<Ids> targets;
  std::vector<SentencePair> pairs;
  for (const Row& row : rows)
    for (int32_t id = 0; id < kTargetVocabulary; ++id) {
      targets.push_back(row.written);
      targets.back().push_back(id);
    }
  for (std::size_t i = 0; i < targets.size(); ++i)
    pairs.push_back({sources[rows[i / kTargetVocabulary].sentence], targets[i]});
  const auto nll = token_nll(model, pairs);
  double most = 0;
  for (std::size_t i = 0; i < targets.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(log_probs[i] + nll[i][targets[i].size() - 1])));
  return most;
}

}  // namespace

TEST_CASE("a decoding step gives what the whole sentences run anew give, however beams move", "[long]") {
  for (const Variation& v : kVariations) {
    INFO(v.name);
    const auto model = model_of(v);
    const auto sources = sources_of(v.source_vocabulary);
    Workspace workspace;
    PackedSentences packed;
    for (const Ids& s : sources) packed.add(-1, s, kSpecial.eos);
    const auto decoder = as<EncoderDecoder>(*model).start(workspace, packed);
    RandomStream random(17, RandomUse::corpus);
    std::vector<Row> rows;
    std::vector<int32_t> parents(sources.size()), tokens(sources.size(), kSpecial.bos);
    std::iota(parents.begin(), parents.end(), 0);
    for (const int32_t s : parents) rows.push_back({static_cast<std::size_t>(s), {}});
    double worst = 0;
    for (int step = 0; step < 20; ++step) {  // beyond the 16 steps that paths have room for at first
      workspace.graph.clear();
      const Value log_probs = log_softmax(workspace.graph, decoder->step(workspace.graph, parents, tokens));
      workspace.graph.keep(log_probs);
      workspace.run();
      worst = std::max(worst,
                       difference(*model, sources, rows, {workspace.data(log_probs), rows.size() * kTargetVocabulary}));
      // Each sentence goes on with up to three rows, each from any of its rows: some fork, some end, their order is
      // mixed. Sentence 1 leaves after step 4, sentence 4 has one row at a time.
      std::vector<Row> next;
      parents.clear();
      tokens.clear();
      for (std::size_t s = 0; s < sources.size(); ++s) {
        std::vector<std::size_t> own;
        for (std::size_t r = 0; r < rows.size(); ++r)
          if (rows[r].sentence == s) own.push_back(r);
        if (own.empty() || (s == 1 && step == 4)) continue;
        const uint64_t count = s == 4 ? 1 : 1 + random.below(3);
        for (uint64_t i = 0; i < count; ++i) {
          const std::size_t parent = own[random.below(own.size())];
          parents.push_back(static_cast<int32_t>(parent));
          tokens.push_back(static_cast<int32_t>(random.below(kTargetVocabulary)));
          next.push_back(rows[parent]);
          next.back().written.push_back(tokens.back());
        }
      }
      rows = std::move(next);
    }
    CHECK(worst < 1e-5);
    CHECK(worst > 0);  // two ways were really compared
  }
}

TEST_CASE("a packed batch gives each sentence what it gets alone") {
  for (const Variation& v : kVariations) {
    INFO(v.name);
    const auto model = model_of(v);
    const auto sources = sources_of(v.source_vocabulary);
    const std::vector<Ids> targets{{1, 2, 3}, {}, {10}, {0, 0, 9, 4, 4, 4, 4, 4, 8, 1, 2, 7}, {5}};
    std::vector<SentencePair> pairs;
    for (std::size_t i = 0; i < sources.size(); ++i) pairs.push_back({sources[i], targets[i]});
    const auto together = token_nll(*model, pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto alone = token_nll(*model, {pairs[i]});
      REQUIRE(alone[0].size() == targets[i].size() + 1);
      for (std::size_t t = 0; t < alone[0].size(); ++t)
        CHECK(static_cast<double>(together[i][t]) == Approx(static_cast<double>(alone[0][t])).margin(1e-5));
    }
  }
}

TEST_CASE("learned positions end the output with a message, not beyond their table") {
  const bool convolutional = GENERATE(false, true);
  const auto model =
      convolutional
          ? model_of({"learned", {{"conv", "16x3"}, {"max-positions", "3"}}, kTargetVocabulary, "convs2s-tiny"})
          : model_of({"learned", {{"positions", "learned"}, {"max-positions", "3"}}});
  Workspace workspace;
  PackedSentences packed;
  packed.add(-1, Ids{1}, kSpecial.eos);
  const auto decoder = as<EncoderDecoder>(*model).start(workspace, packed);
  for (int step = 0; step < 3; ++step) {
    workspace.graph.clear();
    decoder->step(workspace.graph, Ids{0}, Ids{2});
    workspace.run();
  }
  workspace.graph.clear();
  CHECK_THROWS_AS(decoder->step(workspace.graph, Ids{0}, Ids{2}), Error);
}

TEST_CASE("a decoder refuses rows that go on from none there is") {
  for (const Variation& v : kVariations) {
    INFO(v.name);
    const auto model = model_of(v);
    const std::vector<Ids> sources{{1, 2}, {3}};
    PackedSentences packed;
    for (const Ids& s : sources) packed.add(-1, s, kSpecial.eos);
    for (const int32_t wrong : {-1, 2, INT32_MAX}) {
      Workspace workspace;
      const auto decoder = as<EncoderDecoder>(*model).start(workspace, packed);
      const auto step = [&](const Ids& parents) {
        workspace.graph.clear();
        workspace.graph.keep(decoder->step(workspace.graph, parents, Ids(parents.size(), kSpecial.bos)));
        workspace.run();
      };
      step({0, 1});  // of two sentences, then of two rows
      CHECK_THROWS_AS(step({0, wrong}), Error);
      const auto fresh = as<EncoderDecoder>(*model).start(workspace, packed);
      workspace.graph.clear();
      CHECK_THROWS_AS(fresh->step(workspace.graph, Ids{0, wrong}, Ids(2, kSpecial.bos)), Error);
    }
  }
}
