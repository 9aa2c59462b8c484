// What is shown of texts that BERT reads: [CLS] and [SEP] are tokens like the others. The vectors are Hugging Face's
// (scripts/torch-fixture-bert).
#include <cstdlib>

#include "inspect/attention_tracer.h"
#include "inspect/embedder.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/relative_error.h"

using namespace storm;
using test::refused;

namespace {

constexpr double kTolerance = 1e-5;
constexpr std::size_t kWidth = 24;

std::string path_of(const char* name) {
  const char* root = std::getenv("STORM_ROOT");
  return std::string(root ? root : ".") + "/tests/models/" + name;
}

// The first two of the fixture's texts without the ends that the fixture has: [CLS] and [SEP] stand around a text of
// four pieces, and around none. They have one segment.
struct Texts {
  Document fixture = read_document(path_of("bert.safetensors"));
  LoadedModel loaded = load_model(path_of("bert.st"));
  Vocabulary vocabulary = Vocabulary::from_bytes(loaded.vocabulary("text"));
  std::vector<int32_t> ids = [this] {
    const auto all = fixture.values<int32_t>("text.ids").subspan(1, 4);
    return std::vector<int32_t>(all.begin(), all.end());
  }();
  std::vector<std::span<const int32_t>> sources{ids, {}};

  TextVectors embed(EmbedOptions options, std::span<const PlacedWords> placed = {}) const {
    Embedder embedder(*loaded.model, vocabulary, options);
    const std::vector<std::vector<std::size_t>> together{{0, 1}};
    return embedder(
        sources, together, [](std::size_t i) { return "line " + std::to_string(i + 1); }, placed);
  }
  // The fixture's vectors of tokens [from, to): [CLS], four pieces, [SEP], then [CLS] and [SEP] of the empty text.
  std::vector<float> mean_of(std::size_t from, std::size_t to) const {
    const auto states = fixture.values<float>("tied.states.2");
    std::vector<float> mean(kWidth);
    for (std::size_t j = 0; j < kWidth; ++j) {
      double sum = 0;
      for (std::size_t t = from; t < to; ++t) sum += static_cast<double>(states[t * kWidth + j]);
      mean[j] = static_cast<float>(sum / static_cast<double>(to - from));
    }
    return mean;
  }
};

const Texts& texts() {
  static const Texts all;
  return all;
}

}  // namespace

TEST_CASE("BERT's pieces are Hugging Face's tokens, [CLS] and [SEP] among them, in every layer") {
  for (int64_t layer = 0; layer <= 2; ++layer) {
    const auto got = texts().embed({.layer = layer});
    CHECK(got.offsets == std::vector<std::size_t>{0, 6, 8});
    CHECK(got.texts[0] == "[CLS]");
    CHECK(got.texts[1] == texts().vocabulary.piece(texts().ids[0]));
    CHECK(got.texts[5] == "[SEP]");
    CHECK(got.texts[6] == "[CLS]");
    CHECK(got.texts[7] == "[SEP]");
    const auto want = texts().fixture.values<float>("tied.states." + std::to_string(layer)).first(8 * kWidth);
    REQUIRE(got.vectors.size() == want.size());
    CHECK(test::relative_error(got.vectors, want) < kTolerance);
  }
}

TEST_CASE("lines of BERT are pooled over all tokens, or by the pooler; an empty line has a vector, too") {
  const auto pooled = texts().embed({.layer = 2, .level = Level::line, .pool = Pool::pooler});
  CHECK(test::relative_error(pooled.vectors, texts().fixture.values<float>("tied.pooled").first(2 * kWidth)) <
        kTolerance);
  const auto is = [](const TextVectors& got, std::size_t row, std::size_t from, std::size_t to) {
    return test::relative_error(got.row(row), texts().mean_of(from, to)) < kTolerance;
  };
  const auto mean = texts().embed({.layer = 2, .level = Level::line});
  CHECK(mean.offsets == std::vector<std::size_t>{0, 1, 2});
  CHECK(mean.texts[1].empty());
  CHECK(is(mean, 0, 0, 6));
  CHECK(is(mean, 1, 6, 8));
  const auto first = texts().embed({.layer = 2, .level = Level::line, .pool = Pool::first});
  CHECK(is(first, 0, 0, 1));
  CHECK(is(first, 1, 6, 7));
  const auto last = texts().embed({.layer = 2, .level = Level::line, .pool = Pool::last});
  CHECK(is(last, 0, 5, 6));
  const auto unit = texts().embed({.layer = 2, .level = Level::line, .normalize = true});
  for (const std::size_t row : {0, 1}) {
    double squares = 0;
    for (const float x : unit.row(row)) squares += static_cast<double>(x) * static_cast<double>(x);
    CHECK(squares == Approx(1).margin(1e-6));
  }
}

TEST_CASE("[CLS] and [SEP] are words by themselves, also where the input says where words stand") {
  const std::vector<PlacedWords> placed{{.starts = {0, 3}, .texts = {"one", "two"}}, {}};
  const auto words = texts().embed({.layer = 2, .level = Level::word}, placed);
  CHECK(words.texts == std::vector<std::string>{"[CLS]", "one", "two", "[SEP]", "[CLS]", "[SEP]"});
  const std::size_t bounds[] = {0, 1, 4, 5, 6, 7, 8};
  for (std::size_t w = 0; w < 6; ++w)
    CHECK(test::relative_error(words.row(w), texts().mean_of(bounds[w], bounds[w + 1])) < kTolerance);
  const auto marked = texts().embed({.layer = 2, .level = Level::word});
  CHECK(marked.texts.front() == "[CLS]");
  CHECK(marked.texts.back() == "[SEP]");
  CHECK(marked.texts.size() == 4 + word_starts(texts().ids, texts().vocabulary).size());
}

TEST_CASE("without a pass there are no [CLS] and [SEP]") {
  const auto pieces = texts().embed({});
  CHECK(pieces.offsets == std::vector<std::size_t>{0, 4, 4});
  const auto lines = texts().embed({.level = Level::line});
  for (const float x : lines.row(1)) CHECK(x == 0);
}

TEST_CASE("a vocabulary without BERT's ends, too long a text and a pooler that is not there are errors that say so") {
  const Model& model = *texts().loaded.model;
  CHECK(refused([&] { Embedder(model, Vocabulary::from_bytes("storm.labels 1\na\n"), {}); },
                {"no end of sentence (EOS)"}));
  std::string bytes = texts().vocabulary.bytes();
  for (std::size_t at; (at = bytes.find("[CLS]")) != bytes.npos;) bytes.replace(at, 5, "[XLS]");
  const std::string before = R"({"SpecialToken":{"id":"[XLS]","type_id":0}},)";
  for (std::size_t at; (at = bytes.find(before)) != bytes.npos;) bytes.erase(at, before.size());
  CHECK(refused([&] { Embedder(model, Vocabulary::from_bytes(bytes), {}); },
                {"no beginning of sentence (BOS)", "[CLS]"}));
  const std::vector<int32_t> ids(11, 5);
  const std::vector<std::span<const int32_t>> lines{ids};
  const std::vector<std::vector<std::size_t>> one{{0}};
  Embedder embedder(model, texts().vocabulary, {.layer = 1});
  CHECK(refused([&] { embedder(lines, one, [](std::size_t) { return std::string("line 7"); }); },
                {"line 7: 13 tokens with [CLS] and [SEP], the model takes 12"}));
  CHECK(refused([&] { texts().embed({.layer = 1, .level = Level::line, .pool = Pool::pooler}); }, {"last layer"}));
}

TEST_CASE("BERT's attention is of the source over itself, from [CLS] to [SEP]") {
  const Model& model = *texts().loaded.model;
  AttentionTracer trace(model, {.bos = 2, .eos = 3}, texts().vocabulary, texts().vocabulary, all_attention(model),
                        1024);
  CHECK(trace.has_source());
  CHECK_FALSE(trace.has_target());
  const std::vector<SentencePair> pairs{{texts().ids, {}}, {}};
  int64_t sentence = 0;
  trace(pairs, 1, [&](const AttentionMaps& maps) {
    CHECK(maps.sentence == ++sentence);
    const int64_t tokens = sentence == 1 ? 6 : 2;
    CHECK(maps.source_ids.size() == static_cast<std::size_t>(tokens));
    CHECK(maps.source.front() == "[CLS]");
    CHECK(maps.source.back() == "[SEP]");
    CHECK(maps.target.empty());
    REQUIRE(maps.maps.size() == 2 * 3);
    for (const auto& map : maps.maps) {
      CHECK(map.kind == AttentionKind::encoder);
      CHECK((map.rows == tokens && map.cols == tokens));
      for (std::size_t row = 0; row < static_cast<std::size_t>(tokens); ++row) {
        double sum = 0;
        for (std::size_t key = 0; key < static_cast<std::size_t>(tokens); ++key)
          sum += static_cast<double>(map.weights[row * static_cast<std::size_t>(tokens) + key]);
        CHECK(sum == Approx(1).margin(1e-6));
      }
    }
  });
  CHECK(sentence == 2);
  const std::vector<int32_t> ids(11, 5);
  const std::vector<SentencePair> tall{{ids, {}}};
  CHECK(refused([&] { trace(tall, 4, [](const AttentionMaps&) {}); },
                {"sentence 4: 13 tokens with [CLS] and [SEP] are longer"}));
}
