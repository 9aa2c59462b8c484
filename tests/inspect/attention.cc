// Tracing sentence pairs, and what is made of their maps: the stream, the summary.
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/input.h"
#include "inspect/attention_stream.h"
#include "inspect/attention_summary.h"
#include "inspect/attention_tracer.h"
#include "models/architecture.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/decode/toy_model.h"
#include "tests/errors.h"
#include "tests/inspect/scratch.h"
#include "tests/text/small_vocabulary.h"

using namespace storm;
using test::error_of;
using test::Ids;
using test::ScratchText;
using test::small_vocabulary;

namespace {

std::unique_ptr<Model> small_model() {
  const std::vector<std::pair<std::string, std::string>> flags{
      {"encoder-layers", "3"}, {"decoder-layers", "2"}, {"d-model", "24"}, {"d-ff", "16"}, {"heads", "3"}};
  auto model = make_model(
      make_config(architecture("transformer"), "tiny", flags, {small_vocabulary().size(), small_vocabulary().size()}));
  model->parameters().initialize(5);
  for (float& x : model->parameters().view("decoder.0.cross.q.weight")) x *= 4;
  return model;
}

struct Pairs {
  std::vector<Ids> sources, targets;
  std::vector<SentencePair> pairs;

  explicit Pairs(std::size_t n) {
    RandomStream random(3, RandomUse::corpus);
    const auto sentence = [&] {
      Ids ids(random.below(5) == 0 ? 0 : random.below(20));
      for (auto& id : ids) id = 4 + static_cast<int32_t>(random.below(36));
      return ids;
    };
    for (std::size_t i = 0; i < n; ++i) {
      sources.push_back(sentence());
      targets.push_back(sentence());
    }
    for (std::size_t i = 0; i < n; ++i) pairs.push_back({sources[i], targets[i]});
  }
};

// Maps that outlive the call.
struct Kept {
  AttentionMaps maps;
  std::vector<std::vector<float>> weights;

  explicit Kept(const AttentionMaps& m) : maps(m) {
    for (const auto& map : m.maps) weights.emplace_back(map.weights.begin(), map.weights.end());
    for (std::size_t i = 0; i < weights.size(); ++i) maps.maps[i].weights = weights[i];
  }
};

std::vector<Kept> traced(const Model& model, const AttentionChoice& choice, const Pairs& p, int64_t max_tokens) {
  std::vector<Kept> all;
  all.reserve(p.pairs.size());  // maps point into their own weights
  AttentionTracer trace(model, {}, small_vocabulary(), small_vocabulary(), choice, max_tokens);
  trace(p.pairs, 1, [&](const AttentionMaps& maps) { all.emplace_back(maps); });
  return all;
}

}  // namespace

TEST_CASE("each sentence's maps come in order, with its pieces, whatever the batches") {
  const auto model = small_model();
  const Pairs p(40);
  const auto choice = all_attention(*model);
  const auto together = traced(*model, choice, p, 4096);
  REQUIRE(together.size() == p.pairs.size());
  for (std::size_t s = 0; s < together.size(); ++s) {
    const auto& m = together[s].maps;
    CHECK(m.sentence == static_cast<int64_t>(s) + 1);
    REQUIRE(m.source.size() == p.sources[s].size() + 1);
    REQUIRE(m.target.size() == p.targets[s].size() + 2);
    CHECK(m.source.back() == "</s>");
    CHECK(m.target.front() == "<s>");
    CHECK(m.target.back() == "</s>");
    for (std::size_t i = 0; i < p.targets[s].size(); ++i)
      CHECK(m.target[i + 1] == small_vocabulary().piece(p.targets[s][i]));
    REQUIRE(m.maps.size() == 3 * 3 + 2 * 3 + 2 * 3);
    std::size_t at = 0;
    for (const auto kind : {AttentionKind::encoder, AttentionKind::decoder, AttentionKind::cross})
      for (int64_t layer = 0; layer < (kind == AttentionKind::encoder ? 3 : 2); ++layer)
        for (int64_t head = 0; head < 3; ++head, ++at) {
          const auto& map = m.maps[at];
          CHECK((map.kind == kind && map.layer == layer && map.head == head));
          const auto source = static_cast<int64_t>(m.source.size()), target = static_cast<int64_t>(m.target.size()) - 1;
          CHECK(map.rows == (kind == AttentionKind::encoder ? source : target));
          CHECK(map.cols == (kind == AttentionKind::decoder ? target : source));
          double off = 0;
          for (int64_t i = 0; i < map.rows; ++i) {
            double sum = 0;
            for (int64_t j = 0; j < map.cols; ++j) {
              const float x = map.weights[static_cast<std::size_t>(i * map.cols + j)];
              sum += static_cast<double>(x);
              if (kind == AttentionKind::decoder && j > i && x != 0) off = INFINITY;
            }
            off = std::max(off, std::abs(sum - 1));
          }
          CHECK(off < 1e-6);
        }
  }
  for (const int64_t max_tokens : {1, 50, 300}) {
    const auto others = traced(*model, choice, p, max_tokens);
    REQUIRE(others.size() == together.size());
    double off = 0;
    for (std::size_t s = 0; s < others.size(); ++s)
      for (std::size_t m = 0; m < others[s].weights.size(); ++m)
        for (std::size_t i = 0; i < others[s].weights[m].size(); ++i)
          off = std::max(off, static_cast<double>(std::abs(others[s].weights[m][i] - together[s].weights[m][i])));
    CHECK(off < 1e-5);  // products of other shapes may round in another way
  }
}

TEST_CASE("some kinds, layers and heads are the same maps as among all") {
  const auto model = small_model();
  const Pairs p(9);
  const auto all = traced(*model, all_attention(*model), p, 100);
  auto choice = all_attention(*model);
  narrow_kinds(choice, "cross,encoder", "m");
  narrow_layers(choice, "2-3", "m");
  narrow_heads(choice, "3,1", "m");
  const auto some = traced(*model, choice, p, 100);
  for (std::size_t s = 0; s < some.size(); ++s) {
    // Encoder layers 2 and 3; of the decoder's layers there are two.
    REQUIRE(some[s].weights.size() == 6);
    const std::size_t places[] = {3, 5, 6, 8, 15 + 3, 15 + 5};
    for (std::size_t m = 0; m < 6; ++m) CHECK(some[s].weights[m] == all[s].weights[places[m]]);
  }
}

TEST_CASE("layers and heads that are not there are refused with their range") {
  const auto model = small_model();
  const auto with = [&](auto narrow, const std::string& text) {
    return error_of([&] {
      auto choice = all_attention(*model);
      narrow(choice, text, "model.st");
    });
  };
  CHECK(with(narrow_layers, "4") == "--layers: 4 is outside 1 to 3, the layers of model.st");
  CHECK(with(narrow_layers, "0-1") == "--layers: 0 is outside 1 to 3, the layers of model.st");
  CHECK(with(narrow_heads, "2-9") == "--heads: 9 is outside 1 to 3, the heads of model.st");
  for (const std::string bad : {"x", "1,", ",1", "2-1", "1-", "1.5", "--", "99999999999999999999", "1 2"}) {
    INFO(bad);
    CHECK(with(narrow_layers, bad).find("is no number and no range") != std::string::npos);
  }
  CHECK(with(narrow_layers, "-1") == "--layers: -1 is outside 1 to 3, the layers of model.st");
  CHECK(with(narrow_kinds, "cross,self") == "--kinds: 'self' is none of encoder, decoder, cross, pooling");
  CHECK(with(narrow_kinds, "") == "");
}

TEST_CASE("a model without attention has none to choose from") {
  const test::ToyModel toy(10, 1);
  CHECK(all_attention(toy).parts.empty());
}

TEST_CASE("weights that are no numbers are an error, not a picture") {
  const auto model = small_model();
  const Pairs p(3);
  model->parameters().view("encoder.1.self.qkv.weight")[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { traced(*model, all_attention(*model), p, 100); }).find("are not numbers") != std::string::npos);
}

TEST_CASE("a sentence whose maps exceed the machine's memory is refused before any is taken") {
  const auto model = small_model();
  const Ids huge(400'000, 5);
  AttentionTracer trace(*model, {}, small_vocabulary(), small_vocabulary(), all_attention(*model), 1024);
  const SentencePair pair{huge, huge};
  CHECK(error_of([&] {
          trace(std::span(&pair, 1), 7, [](const AttentionMaps&) {});
        }).find("sentence 7: the maps of its") == 0);
}

namespace {

// The stream of some sentences, with a document after each `every`.
std::string stream_of(const AttentionChoice& choice, const std::vector<Kept>& sentences, std::size_t every) {
  const ScratchText file("");
  Output output(file.path);
  AttentionWriter writer(output, choice, "attn-dump -m model.st");
  for (std::size_t s = 0; s < sentences.size(); ++s) {
    writer.add(sentences[s].maps);
    if (every > 0 && s % every == every - 1) writer.flush();
  }
  writer.finish();
  output.commit();
  return read_file(file.path);
}

}  // namespace

TEST_CASE("the attention stream holds every weight, piece and id, in as many documents as it was flushed") {
  const auto model = small_model();
  const Pairs p(20);
  auto choice = all_attention(*model);
  narrow_heads(choice, "1,3", "m");
  const auto sentences = traced(*model, choice, p, 64);
  for (const std::size_t every : {0, 7}) {
    const ScratchText file(stream_of(choice, sentences, every));
    MappedStream stream(file.path);
    std::size_t at = 0;
    int documents = 0;
    while (const auto d = stream.next()) {
      if (documents++ == 0) {
        CHECK(d->kind() == "attention");
        CHECK(d->meta("storm.version") == "1");
        CHECK(d->meta("storm.command") == "attn-dump -m model.st");
        CHECK(d->meta("attention.values") == "probabilities");
        CHECK(d->meta("attention.kinds") == "encoder,decoder,cross");
        CHECK(d->meta("attention.encoder.layers") == "1,2,3");
        CHECK(d->meta("attention.cross.layers") == "1,2");
        CHECK(d->meta("attention.cross.heads") == "1,3");
      } else {
        CHECK(d->metadata.empty());
      }
      const auto offsets = d->values<int64_t>("src.offsets");
      for (std::size_t s = 0; s + 1 < offsets.size(); ++s, ++at) {
        const auto& m = sentences[at].maps;
        for (const auto& [name, ids, pieces] :
             {std::tuple("src", m.source_ids, m.source), {"tgt", m.target_ids, m.target}}) {
          const std::string side(name);
          const auto rows = d->values<int64_t>(side + ".offsets"), ends = d->values<int64_t>(side + ".pieces.offsets");
          const auto begin = static_cast<std::size_t>(rows[s]);
          REQUIRE(rows[s + 1] - rows[s] == static_cast<int64_t>(ids.size()));
          for (std::size_t i = 0; i < ids.size(); ++i) {
            CHECK(d->values<int32_t>(side + ".ids")[begin + i] == ids[i]);
            const auto bytes = d->values<char>(side + ".pieces.bytes");
            CHECK(std::string(bytes.begin() + ends[begin + i], bytes.begin() + ends[begin + i + 1]) == pieces[i]);
          }
        }
        std::size_t map = 0;
        for (const auto kind : {AttentionKind::encoder, AttentionKind::decoder, AttentionKind::cross}) {
          const auto name = std::string(attention_kind_name(kind));
          const auto ends = d->values<int64_t>(name + ".offsets");
          const auto weights = d->values<float>(name + ".weights");
          auto next = static_cast<std::size_t>(ends[s]);
          for (; map < m.maps.size() && m.maps[map].kind == kind; ++map)
            for (const float x : m.maps[map].weights) REQUIRE(weights[next++] == x);
          CHECK(next == static_cast<std::size_t>(ends[s + 1]));
        }
        CHECK(map == m.maps.size());
      }
    }
    CHECK(at == sentences.size());
    CHECK(documents == (every > 0 ? 3 : 1));
  }
}

TEST_CASE("no sentences are a stream that says what it is; a writer that fails leaves one that its reader refuses") {
  const auto choice = all_attention(*small_model());
  const ScratchText empty(stream_of(choice, {}, 0));
  const auto d = read_document(empty.path, "attention");
  CHECK(d.values<int64_t>("src.offsets").size() == 1);
  CHECK(d.values<float>("cross.weights").empty());

  const Pairs p(2);
  const auto sentences = traced(*small_model(), choice, p, 64);
  const ScratchText broken("");
  {
    Output output(broken.path);
    {
      AttentionWriter writer(output, choice, "");
      writer.add(sentences[0].maps);
      writer.flush();
      writer.add(sentences[1].maps);
    }
    output.commit();
  }
  MappedStream stream(broken.path);
  CHECK(stream.next().has_value());
  CHECK_THROWS_AS(stream.next(), Error);
}

TEST_CASE("a document ends at 16 MiB of weights") {
  const auto model = small_model();
  auto choice = all_attention(*model);
  const Ids ids(200, 7);
  std::vector<SentencePair> pairs(16, {ids, ids});  // 21 maps of 201 x 201: 3.4 MB each
  const ScratchText file("");
  Output output(file.path);
  AttentionWriter writer(output, choice, "");
  AttentionTracer trace(*model, {}, small_vocabulary(), small_vocabulary(), choice, 1024);
  trace(pairs, 1, [&](const AttentionMaps& maps) { writer.add(maps); });
  writer.finish();
  output.commit();
  MappedStream stream(file.path);
  std::vector<std::size_t> sentences;
  while (const auto d = stream.next()) sentences.push_back(d->values<int64_t>("src.offsets").size() - 1);
  CHECK(sentences == std::vector<std::size_t>{5, 5, 5, 1});
}

TEST_CASE("a summary's numbers are the means that its header says") {
  // Two sentences of one head each kind; rows of the second count once, as those of the first.
  const std::vector<float> encoder{.5f, .5f, 1, 0}, decoder{1, 0, 0, .25f, .75f, 0, .2f, .3f, .5f},
      cross{.1f, .9f, .8f, .2f, 0, 1}, one{1};
  const auto maps_of = [&](const std::vector<float>& e, const std::vector<float>& d, const std::vector<float>& c) {
    const auto n = static_cast<int64_t>(std::sqrt(e.size())), m = static_cast<int64_t>(std::sqrt(d.size()));
    AttentionMaps maps;
    maps.maps = {{AttentionKind::encoder, 0, 0, n, n, e},
                 {AttentionKind::decoder, 0, 0, m, m, d},
                 {AttentionKind::cross, 0, 0, m, n, c}};
    return maps;
  };
  AttentionSummary summary;
  summary.add(maps_of(encoder, decoder, cross));
  summary.add(maps_of(one, one, one));
  const auto& h = summary.heads();
  REQUIRE(h.size() == 3);
  const auto is = [](double got, double want) { return std::abs(got - want) < 1e-6; };
  CHECK(h[0].rows == 3);
  CHECK(is(h[0].entropy, std::log(2)));
  CHECK(is(h[0].uniform, 2 * std::log(2)));
  CHECK(is(h[0].distance, .5 + 1));
  CHECK(is(h[0].previous, 1));
  CHECK(is(h[0].same, .5 + 0 + 1));
  CHECK(is(h[0].next, .5));
  CHECK(is(h[0].first, .5 + 1 + 1));
  CHECK(is(h[0].end, .5 + 0 + 1));
  CHECK(h[1].rows == 4);
  CHECK(is(h[1].previous, .25 + .3));
  CHECK(is(h[1].same, 1 + .75 + .5 + 1));
  CHECK(h[1].next == 0);
  CHECK(is(h[1].distance, .25 + .4 + .3));
  CHECK(is(h[1].first, 1 + .25 + .2 + 1));
  CHECK(h[1].end == 0);
  CHECK(is(h[1].uniform, std::log(2) + std::log(3)));  // row i sees i + 1 keys
  CHECK(h[2].rows == 4);
  CHECK(is(h[2].same, .1 + .2 + 0 + 1));  // the third row stands beyond the source
  CHECK(is(h[2].previous, .8 + 1));
  CHECK(is(h[2].next, .9));
  CHECK(is(h[2].distance, .9 + .8 + 1));
  CHECK(is(h[2].end, .9 + .2 + 1 + 1));
  CHECK(summary.table().substr(0, 78) ==
        "kind\tlayer\thead\trows\tentropy\tdistance\tprevious\tsame\tnext\tfirst\tend\tuniform\nenc");
  CHECK(summary.table().find("\ndecoder\t1\t1\t4\t0.3980\t0.2375\t0.1375\t0.8125\t0.0000\t0.6125\t0.0000\t0.4479\n") !=
        std::string::npos);
}
