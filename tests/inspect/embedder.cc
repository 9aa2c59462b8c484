// Vectors of lines, words and pieces against PyTorch's (scripts/torch-states), whatever passes together.
#include "inspect/embedder.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "models/architecture.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "text/learn.h"

using namespace storm;
using test::refused;

namespace {

// How tools call a source in errors: "line N", the first of them `first`.
std::function<std::string(std::size_t)> line_from(std::size_t first) {
  return [first](std::size_t i) { return "line " + std::to_string(first + i); };
}

Document committed(const std::string& name) {
  const char* root = std::getenv("STORM_ROOT");
  return read_document(std::string(root ? root : ".") + "/tests/models/" + name);
}

std::unique_ptr<Model> fixture_model(const Document& fixture, const std::string& which) {
  auto config = nlohmann::json::parse(fixture.meta(which + ".config"));
  config["source_vocab_size"] = config["target_vocab_size"] = 37;
  auto model = make_model(config);
  for (const auto& spec : model->parameters().specs())
    std::ranges::copy(fixture.values<float>(which + "." + spec.name), model->parameters().view(spec.name).begin());
  return model;
}

// Any vocabulary that has words for the fixture's ids.
Vocabulary some_vocabulary() {
  static const Vocabulary vocabulary = [] {
    int line = 0;
    LearnOptions options;
    options.vocab_size = 60;
    options.byte_fallback = false;
    const auto next = [&](std::string& text) {
      text = "the cat sat on the mat and the dog ran to the red house " + std::to_string(line * line);
      return line++ < 50;
    };
    return Vocabulary::from_bytes(learn_vocabulary(next, options));
  }();
  return vocabulary;
}

std::vector<std::span<const int32_t>> sources_of(const Document& fixture) {
  const auto ids = fixture.values<int32_t>("src.ids");
  const auto offsets = fixture.values<int64_t>("src.offsets");
  std::vector<std::span<const int32_t>> all;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
    all.push_back(
        ids.subspan(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(offsets[i + 1] - offsets[i] - 1)));
  return all;
}

const std::vector<std::vector<std::size_t>> kTogether{{2, 0, 3}}, kAlone{{0}, {3}, {2}};  // sources[1] is empty

double difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return worst;
}

}  // namespace

TEST_CASE("pooled vectors equal PyTorch's; an empty line has zeros") {
  const auto fixture = committed("fixture.safetensors"), states = committed("states.safetensors");
  for (const std::string which : {"post", "pre"}) {
    const auto model = fixture_model(fixture, which);
    for (const auto& [name, how] : {std::pair("mean", Pool::mean), {"max", Pool::max}, {"first", Pool::first}}) {
      INFO(which << " " << name);
      Embedder embedder(*model, some_vocabulary(), {.layer = 2, .level = Level::line, .pool = how});
      const auto want = states.values<float>(which + "." + name);
      for (const auto& batches : {kTogether, kAlone})
        CHECK(difference(embedder(sources_of(fixture), batches, line_from(1)).vectors, want) < 1e-5);
    }
  }
}

TEST_CASE("each layer's pieces equal PyTorch's, without the EOS that the pass had, whatever passes together") {
  const auto fixture = committed("fixture.safetensors"), states = committed("states.safetensors");
  const auto sources = sources_of(fixture);
  for (const std::string which : {"post", "pre"})
    for (int64_t layer = 0; layer <= 2; ++layer) {
      INFO(which << " layer " << layer);
      const auto model = fixture_model(fixture, which);
      Embedder embedder(*model, some_vocabulary(), {.layer = layer});
      const auto all = states.values<float>(which + ".states." + std::to_string(layer));
      std::vector<float> want;
      std::size_t at = 0;
      for (const auto& s : sources) {
        const auto rows = all.subspan(at, s.size() * 16);
        want.insert(want.end(), rows.begin(), rows.end());
        at += (s.size() + 1) * 16;
      }
      for (const auto& batches : {kTogether, kAlone}) {
        const auto got = embedder(sources, batches, line_from(1));
        CHECK(difference(got.vectors, want) < 1e-5);
        CHECK(got.offsets == std::vector<std::size_t>{0, 4, 4, 10, 12});
      }
    }
}

// The states of one source alone, EOS's left out: [pieces, width].
std::pair<std::vector<float>, int64_t> states_of(const Model& model, std::span<const int32_t> source, int64_t layer) {
  PackedSentences packed;
  packed.add(-1, source, 3);
  Workspace workspace;
  Trace trace;
  trace.states = true;
  as<TextEncoder>(model).encode(workspace.graph, packed, &trace);
  workspace.run();
  const Value states = trace.encoder_states[static_cast<std::size_t>(layer)];
  const auto shape = workspace.graph.shape(states);
  REQUIRE(shape.rows == static_cast<int64_t>(source.size()) + 1);
  const float* x = workspace.data(states);
  return {{x, x + static_cast<int64_t>(source.size()) * shape.cols}, shape.cols};
}

TEST_CASE("vectors of every architecture, layer and pooling are those of the line alone, plainly computed") {
  using Flags = std::vector<std::pair<std::string, std::string>>;
  const auto fixture = committed("fixture.safetensors");
  const auto sources = sources_of(fixture);
  const Flags narrow{{"d-model", "8"}};
  const std::vector<std::pair<std::string, Flags>> models{
      {"tiny", {{"d-model", "8"}, {"heads", "2"}, {"layers", "2"}}},
      {"rnn-tiny", narrow},
      {"rnn-attn-tiny", narrow},
      {"rnn-attn-tiny", {{"d-model", "8"}, {"cell", "gru"}, {"layers", "1"}}},
      {"convs2s-tiny", {{"d-model", "8"}, {"conv", "8x3*2,16x3"}}}};
  for (const auto& [preset, flags] : models) {
    const Architecture& architecture = architecture_of_preset(preset);
    const auto model = make_model(make_config(architecture, preset, flags, {37, 37}));
    model->parameters().initialize(7);
    for (int64_t layer = 0; layer <= encoder_layers(*model); ++layer)
      for (const auto how : {Pool::mean, Pool::max, Pool::first}) {
        std::vector<float> pieces, lines;
        int64_t width = 0;
        for (const auto& source : sources) {
          if (source.empty()) {
            lines.resize(lines.size() + static_cast<std::size_t>(width));
            continue;
          }
          const auto [states, w] = states_of(*model, source, layer);
          width = w;
          pieces.insert(pieces.end(), states.begin(), states.end());
          for (int64_t j = 0; j < width; ++j) {
            float most = -INFINITY, sum = 0;
            for (std::size_t i = static_cast<std::size_t>(j); i < states.size(); i += static_cast<std::size_t>(width)) {
              most = std::max(most, states[i]);
              sum += states[i];
            }
            lines.push_back(how == Pool::mean  ? sum / static_cast<float>(source.size())
                            : how == Pool::max ? most
                                               : states[static_cast<std::size_t>(j)]);
          }
        }
        INFO(preset << ", layer " << layer << ", pooling " << static_cast<int>(how));
        for (const auto& batches : {kTogether, kAlone}) {
          Embedder each(*model, some_vocabulary(), {.layer = layer});
          CHECK(difference(each(sources, batches, line_from(1)).vectors, pieces) < 1e-6);
          Embedder pooled(*model, some_vocabulary(), {.layer = layer, .level = Level::line, .pool = how});
          CHECK(difference(pooled(sources, batches, line_from(1)).vectors, lines) < 1e-6);
        }
      }
  }
}

TEST_CASE("static vectors are the table's rows as they are, pooled like others") {
  const auto fixture = committed("fixture.safetensors");
  const auto model = fixture_model(fixture, "pre");
  const auto table = fixture.values<float>("pre.source_embedding.weight");
  const std::vector<int32_t> ids{9, 30};
  const std::vector<std::span<const int32_t>> lines{ids};
  const std::vector<std::vector<std::size_t>> one{{0}};
  const auto pieces = Embedder(*model, some_vocabulary(), {})(lines, one, line_from(1));
  CHECK(difference(pieces.row(0), table.subspan(9 * 16, 16)) == 0);
  CHECK(difference(pieces.row(1), table.subspan(30 * 16, 16)) == 0);
  const auto mean = Embedder(*model, some_vocabulary(), {.level = Level::line})(lines, one, line_from(1));
  for (std::size_t j = 0; j < 16; ++j)
    CHECK(mean.vectors[j] == Approx((table[9 * 16 + j] + table[30 * 16 + j]) / 2).margin(1e-7));
}

TEST_CASE("words begin at the marks of spaces, and carry their text and the mean or first of their pieces") {
  const auto fixture = committed("fixture.safetensors");
  auto config = nlohmann::json::parse(fixture.meta("post.config"));
  const auto vocabulary = some_vocabulary();
  config["source_vocab_size"] = config["target_vocab_size"] = vocabulary.size();
  const auto model = make_model(config);
  model->parameters().initialize(1);
  const std::string text = "the tame cat ran 7";
  const auto ids = vocabulary.encode(text);
  REQUIRE(ids.size() > 5);  // some word has several pieces
  const std::vector<std::span<const int32_t>> lines{ids};
  const std::vector<std::vector<std::size_t>> one{{0}};
  const auto pieces = Embedder(*model, vocabulary, {.layer = 1})(lines, one, line_from(1));
  const auto words = Embedder(*model, vocabulary, {.layer = 1, .level = Level::word})(lines, one, line_from(1));
  const auto firsts =
      Embedder(*model, vocabulary, {.layer = 1, .level = Level::word, .pool = Pool::first})(lines, one, line_from(1));
  CHECK(words.texts == std::vector<std::string>{"the", "tame", "cat", "ran", "7"});
  const auto starts = word_starts(ids, vocabulary);
  REQUIRE(starts.size() == 5);
  for (std::size_t w = 0; w < 5; ++w) {
    const auto end = w + 1 < 5 ? starts[w + 1] : ids.size();
    CHECK(difference(firsts.row(w), pieces.row(starts[w])) == 0);
    for (std::size_t j = 0; j < 16; ++j) {
      double sum = 0;
      for (auto i = starts[w]; i < end; ++i) sum += static_cast<double>(pieces.row(i)[j]);
      CHECK(words.row(w)[j] == Approx(sum / static_cast<double>(end - starts[w])).margin(1e-6));
    }
  }
}

TEST_CASE("each word of a list is a word, unknown ones too") {
  const auto list = Vocabulary::from_bytes("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\na\nb\n");
  CHECK(word_starts(list.encode("b a cow a"), list) == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("normalised rows have length 1; a zero vector cannot be, but an empty line's stays zero") {
  const auto fixture = committed("fixture.safetensors");
  const auto model = fixture_model(fixture, "post");
  const EmbedOptions options{.layer = 2, .level = Level::line, .normalize = true};
  const auto rows = Embedder(*model, some_vocabulary(), options)(sources_of(fixture), kTogether, line_from(1));
  for (const std::size_t i : {0, 1, 2, 3}) {
    double squares = 0;
    for (const float x : rows.row(i)) squares += static_cast<double>(x) * static_cast<double>(x);
    CHECK(squares == Approx(i == 1 ? 0.0 : 1.0).margin(1e-6));
  }
  const auto table = model->parameters().view("embedding.weight");
  std::fill(table.begin(), table.end(), 0.0f);
  Embedder zeros(*model, some_vocabulary(), {.normalize = true});
  CHECK(refused([&] { zeros(sources_of(fixture), kTogether, line_from(11)); }, {"line 11, '", "vector is zero"}));
}

TEST_CASE("a layer that is not there, NaN and too long a line are errors that say where") {
  const auto fixture = committed("fixture.safetensors");
  const auto model = fixture_model(fixture, "pre");
  CHECK(refused([&] { Embedder(*model, some_vocabulary(), {.layer = 3}); }, {"layer 3: the model has layers 0 to 2"}));
  model->parameters().view("source_embedding.weight")[36 * 16 + 4] = std::numeric_limits<float>::quiet_NaN();
  Embedder embedder(*model, some_vocabulary(), {});
  CHECK(refused([&] { embedder(sources_of(fixture), kTogether, line_from(1)); }, {"line 3, '", "number 5", "NaN"}));
  const std::vector<int32_t> ids(12, 5);
  const std::vector<std::span<const int32_t>> lines{ids};
  const std::vector<std::vector<std::size_t>> one{{0}};
  Embedder last(*model, some_vocabulary(), {.layer = 2});
  CHECK(refused([&] { last(lines, one, line_from(4)); }, {"line 4: 13 tokens with EOS, the model takes 12"}));
}
