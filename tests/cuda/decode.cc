// Decoding, scoring and looking into models on a device give what they give on the CPU. (On the emulated one host code
// that reads a decoder's cache faults: memory.cc.)
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "cuda/cuda_device.h"
#include "decode/target_log_probs.h"
#include "decode/translate.h"
#include "inspect/attention_tracer.h"
#include "inspect/embedder.h"
#include "models/architecture.h"
#include "tests/catch.h"
#include "tests/models/noise.h"
#include "tests/text/small_vocabulary.h"

using namespace storm;
using test::small_vocabulary;

namespace {

using Ids = std::vector<int32_t>;
using Flags = std::vector<std::pair<std::string, std::string>>;

constexpr int32_t kVocabulary = 29;
constexpr double kTolerance = 1e-5;
const SpecialIds kSpecial;

struct Variation {
  std::string name, preset;
  Flags flags;
};

const std::vector<Variation> kVariations{
    {"Transformer", "tiny", {{"layers", "2"}, {"d-model", "16"}, {"d-ff", "24"}, {"heads", "2"}}},
    {"Transformer, pre-norm, learned positions, one decoder layer more",
     "tiny",
     {{"layers", "1"},
      {"decoder-layers", "2"},
      {"d-model", "16"},
      {"d-ff", "24"},
      {"heads", "2"},
      {"d-k", "5"},
      {"norm", "pre"},
      {"positions", "learned"},
      {"max-positions", "40"},
      {"share-embeddings", "none"}}},
    {"LSTM, reversed source", "rnn-tiny", {{"layers", "2"}, {"d-model", "16"}}},
    {"GRU of two directions, additive",
     "rnn-tiny",
     {{"layers", "1"},
      {"d-model", "16"},
      {"cell", "gru"},
      {"attention", "additive"},
      {"bidirectional", "yes"},
      {"reverse-source", "no"}}},
    {"LSTM, general, input feeding, two decoder layers",
     "rnn-tiny",
     {{"layers", "1"}, {"decoder-layers", "2"}, {"d-model", "16"}, {"attention", "general"}, {"input-feeding", "yes"}}},
    {"LSTM, dot", "rnn-tiny", {{"layers", "1"}, {"d-model", "16"}, {"attention", "dot"}}},
    {"ConvS2S of changing widths", "convs2s-tiny", {{"d-model", "16"}, {"max-positions", "40"}, {"conv", "16x3,20x2"}}},
};

std::unique_ptr<Model> model_of(const Variation& v) {
  auto model = make_model(make_config(architecture_of_preset(v.preset), v.preset, v.flags, {kVocabulary, kVocabulary}));
  test::initialize_with_noise(*model, 3, 4, 0.2f);
  return model;
}

// A model on the CPU, and the same on a device; there the host's parameters are no numbers, so that nothing may read
// them.
struct Both {
  explicit Both(const Variation& v) : here(model_of(v)), there(model_of(v)) {
    const auto values = there->parameters().values();
    device->mirror(values);
    std::ranges::fill(values, NAN);
  }
  std::unique_ptr<Device> device = cuda::open_device(0);
  std::unique_ptr<Model> here, there;
};

std::vector<Ids> sentences(std::size_t count, std::size_t longest, uint64_t number) {
  RandomStream random(9, RandomUse::corpus, number << 32);
  std::vector<Ids> all(count);
  for (auto& ids : all) {
    ids.resize(random.below(longest + 1));
    for (auto& id : ids) id = 4 + static_cast<int32_t>(random.below(kVocabulary - 4));
  }
  return all;
}

std::vector<std::span<const int32_t>> spans(const std::vector<Ids>& all) { return {all.begin(), all.end()}; }

void check_close(double got, double want) {
  const bool same = got == want;  // as -infinity is, the score of an empty output
  CHECK((same || std::abs(got - want) <= kTolerance * std::max(1.0, std::abs(want))));
}

void check_same(const std::vector<Hypotheses>& got, const std::vector<Hypotheses>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t s = 0; s < want.size(); ++s) {
    INFO("sentence " << s);
    REQUIRE(got[s].size() == want[s].size());
    for (std::size_t i = 0; i < want[s].size(); ++i) {
      CHECK(got[s][i].ids == want[s][i].ids);
      check_close(static_cast<double>(got[s][i].log_prob), static_cast<double>(want[s][i].log_prob));
      check_close(static_cast<double>(got[s][i].score), static_cast<double>(want[s][i].score));
    }
  }
}

// As both translate; on the device with the memory that earlier calls left.
void translate_both(const Both& both, DecodeOptions options, const std::vector<Ids>& sources,
                    std::vector<Workspace>& kept, const std::vector<Ids>& prefixes = {}) {
  const auto begin = spans(prefixes);
  const auto want = translate(as<EncoderDecoder>(*both.here), kSpecial, spans(sources), options, begin);
  options.device = both.device.get();
  check_same(translate(as<EncoderDecoder>(*both.there), kSpecial, spans(sources), options, begin, &kept), want);
  CHECK(kept.size() == 1);
}

DecodeOptions small_batches() {
  DecodeOptions options;
  options.beam = 3;
  options.max_length = 5;
  options.max_tokens = 18;
  return options;
}

}  // namespace

TEST_CASE("beam search on a device finds the CPU's translations, from small batches to large ones") {
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    std::vector<Workspace> kept;
    DecodeOptions options = small_batches();
    options.nbest = 2;
    translate_both(both, options, sentences(5, 6, 1), kept);
    options.max_tokens = 300;  // larger than all that was there before: memory must grow
    options.min_length = 3;
    translate_both(both, options, sentences(7, 12, 2), kept);
    options.beam = options.nbest = 1;
    translate_both(both, options, sentences(3, 5, 3), kept);
    options.min_length = 0;
    options.banned_ids = {5, 9, 2};
    options.renormalize = true;
    options.early_stopping = false;
    options.forced_eos = ForcedEos::free;
    options.beam = 3;
    translate_both(both, options, sentences(3, 5, 4), kept);
  }
}

TEST_CASE("sampling on a device draws the CPU's samples") {
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    std::vector<Workspace> kept;
    DecodeOptions options = small_batches();
    options.sample = true;
    options.nbest = 3;
    options.seed = 7;
    translate_both(both, options, sentences(3, 6, 1), kept);
    options.top_k = 4;
    options.temperature = 0.7;
    options.min_length = 2;
    translate_both(both, options, sentences(3, 6, 2), kept);
    options.banned_ids = {5, 9, 2};
    options.top_k = 0;
    options.top_p = 0.6;
    translate_both(both, options, sentences(3, 6, 3), kept);
  }
}

TEST_CASE("outputs on a device begin with the prefixes they are given, at the CPU's log-probabilities") {
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    std::vector<Workspace> kept;
    DecodeOptions options = small_batches();
    const auto sources = sentences(4, 6, 1), prefixes = sentences(4, 7, 4);
    translate_both(both, options, sources, kept, prefixes);
    options.sample = true;
    options.top_k = 3;
    translate_both(both, options, sources, kept, prefixes);
  }
}

TEST_CASE("logits processors change what a device says as what the CPU says") {
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    std::vector<Workspace> kept;
    DecodeOptions options = small_batches();
    options.repetition_penalty = 1.3;
    options.no_repeat_ngram = 2;
    options.min_length = 3;
    const auto sources = sentences(4, 6, 1), prefixes = sentences(4, 4, 4);
    translate_both(both, options, sources, kept, prefixes);
    options.sample = true;
    options.typical_p = 0.8;
    translate_both(both, options, sources, kept, prefixes);
  }
}

TEST_CASE("scores on a device are the CPU's log-probabilities") {
  const auto sources = sentences(9, 8, 1), targets = sentences(9, 10, 2);
  std::vector<SentencePair> pairs;
  for (std::size_t i = 0; i < sources.size(); ++i) pairs.push_back({sources[i], targets[i]});
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    const auto want = target_log_probs(as<EncoderDecoder>(*both.here), kSpecial, pairs, 40);
    const auto got = target_log_probs(as<EncoderDecoder>(*both.there), kSpecial, pairs, 40, both.device.get());
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) check_close(got[i], want[i]);
  }
}

TEST_CASE("vectors of the encoder's layers on a device are the CPU's") {
  const auto sources = sentences(6, 8, 1);
  const std::vector<std::vector<std::size_t>> batches{{0, 1, 2}, {3, 4, 5}};
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    EmbedOptions options;
    options.layer = encoder_layers(*both.here);
    options.level = Level::piece;
    const auto name = [](std::size_t i) { return std::to_string(i); };
    Embedder here(*both.here, small_vocabulary(), options);
    Embedder there(*both.there, small_vocabulary(), options, both.device.get());
    const auto want = here(spans(sources), batches, name), got = there(spans(sources), batches, name);
    REQUIRE(got.vectors.size() == want.vectors.size());
    for (std::size_t i = 0; i < want.vectors.size(); ++i)
      check_close(static_cast<double>(got.vectors[i]), static_cast<double>(want.vectors[i]));
  }
}

TEST_CASE("attention that is traced on a device is the CPU's") {
  const auto sources = sentences(5, 8, 1), targets = sentences(5, 8, 2);
  std::vector<SentencePair> pairs;
  for (std::size_t i = 0; i < sources.size(); ++i) pairs.push_back({sources[i], targets[i]});
  for (const auto& v : kVariations) {
    INFO(v.name);
    const Both both(v);
    const auto weights = [&](const Model& model, Device* device) {
      std::vector<float> all;
      AttentionTracer trace(model, kSpecial, small_vocabulary(), small_vocabulary(), all_attention(model), 20, device);
      trace(pairs, 1, [&](const AttentionMaps& maps) {
        for (const auto& map : maps.maps) all.insert(all.end(), map.weights.begin(), map.weights.end());
      });
      return all;
    };
    const auto want = weights(*both.here, nullptr), got = weights(*both.there, both.device.get());
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i)
      check_close(static_cast<double>(got[i]), static_cast<double>(want[i]));
  }
}
