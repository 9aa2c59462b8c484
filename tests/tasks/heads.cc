// How rows of tasks with heads are laid out: pairs of texts, windows of contexts, the pieces that tell words.
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "tasks/answer_windows.h"
#include "tasks/classification.h"
#include "tasks/tagging.h"
#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;

namespace {

const Vocabulary& words() {  // <pad> <unk> <s> </s> and w4 to w19
  static const Vocabulary vocabulary = [] {
    std::string bytes = "storm.words 1\n<pad>\n<unk>\n<s>\n</s>\n";
    for (int i = 4; i < 20; ++i) bytes += str("w", i, "\n");
    return Vocabulary::from_bytes(bytes);
  }();
  return vocabulary;
}

Vocabulary labels(int count) {
  std::string bytes = "storm.labels 1\n";
  for (int i = 0; i < count; ++i) bytes += str("label", i, "\n");
  return Vocabulary::from_bytes(bytes);
}

std::unique_ptr<Model> headed(const std::string& preset, const std::string& pool, int outputs) {
  const auto& arch = architecture_of_preset(preset);
  std::vector<std::pair<std::string, std::string>> small{{"d-model", "8"}};
  if (preset == "bert-tiny") small.insert(small.end(), {{"layers", "1"}, {"heads", "2"}, {"max-positions", "12"}});
  if (preset == "gpt-tiny") small.insert(small.end(), {{"layers", "1"}, {"heads", "2"}});
  auto config = make_config(arch, preset, small, std::vector<int64_t>(arch.vocabularies.size(), 20));
  config["head_outputs"] = outputs;
  config["head_dropout"] = 0;
  if (!pool.empty()) config["pool"] = pool;
  if (arch.encoder_alone) arch.encoder_alone(config);
  auto model = make_model(config);
  model->parameters().initialize(1);
  return model;
}

// What a pair of the texts w5 w6 and w7 is fed as, and its segments.
std::pair<std::vector<int32_t>, std::vector<int32_t>> pair_for(const std::string& preset) {
  const auto model = headed(preset, "first", 3);
  const TextLayout layout(as<TextEncoder>(*model), words(), 2);
  const std::vector<int32_t> a{5, 6}, b{7};
  const std::vector<std::span<const int32_t>> pair{a, b};
  PackedSentences fed;
  layout.add(fed, pair, 1);
  CHECK(layout.tokens(pair) == fed.tokens());
  CHECK(fed.ids[static_cast<std::size_t>(layout.begin_of_last(pair))] == 7);
  const Side side = layout.side();
  CHECK(tokens_on(side, std::vector<int64_t>{2, 1}) == fed.tokens());
  return {fed.ids, fed.segments};
}

}  // namespace

TEST_CASE("a pair of texts is fed as its model reads texts") {
  using Ids = std::vector<int32_t>;
  CHECK(pair_for("bert-tiny") == std::pair(Ids{2, 5, 6, 3, 7, 3}, Ids{0, 0, 0, 0, 1, 1}));
  CHECK(pair_for("rnn-tiny") == std::pair(Ids{5, 6, 3, 7, 3}, Ids{}));
  CHECK(pair_for("gpt-tiny") == std::pair(Ids{3, 5, 6, 3, 7}, Ids{}));
}

TEST_CASE("a text that is longer than the model takes is named by its row") {
  const auto model = headed("bert-tiny", "first", 3);
  const TextLayout layout(as<TextEncoder>(*model), words(), 1);
  const std::vector<int32_t> text(11, 5);
  const std::span<const int32_t> one(text);
  PackedSentences fed;
  CHECK(test::error_of([&] {
          layout.add(fed, {&one, 1}, 17);
        }) ==
        "row 17: 13 tokens with what stands around texts, the model takes 12; cut it with tokenize --max-length, or "
        "make two lines of it");
}

TEST_CASE("a head's outputs are as many as there are labels") {
  const auto model = headed("bert-tiny", "pooler", 3);
  const std::vector<Vocabulary> three{words(), labels(3)}, four{words(), labels(4)};
  CHECK_NOTHROW(Classification(*model, three, 1));
  CHECK(test::error_of([&] { Classification(*model, four, 1); }) ==
        "the model's head has 3 outputs, and there are 4 labels");
}

TEST_CASE("windows of a context overlap, cover it, and are one where it fits") {
  using Windows = std::vector<std::pair<int64_t, int64_t>>;
  const WindowRule rule{.tokens = 0, .overlap = 4};
  CHECK(rule.cut(10, 10) == Windows{{0, 10}});
  CHECK(rule.cut(11, 10) == Windows{{0, 10}, {6, 11}});
  CHECK(rule.cut(0, 10) == Windows{{0, 0}});
  CHECK(rule.cut(7, 3) ==
        Windows{{0, 3}, {1, 4}, {2, 5}, {3, 6}, {4, 7}});  // the overlap is more than there is room for
}

TEST_CASE("the pieces of an answer are those that its bytes touch") {
  // "New York": the pieces New, Yo and rk.
  const std::vector<int32_t> begins{0, 4, 6}, ends{3, 6, 8};
  const auto pieces = [&](int64_t begin, int64_t end) { return answered_pieces(begins, ends, 8, begin, end, "row 3"); };
  CHECK(pieces(0, 3) == std::pair<int64_t, int64_t>{0, 0});
  CHECK(pieces(4, 8) == std::pair<int64_t, int64_t>{1, 2});
  CHECK(pieces(5, 7) == std::pair<int64_t, int64_t>{1, 2});
  CHECK(pieces(0, 8) == std::pair<int64_t, int64_t>{0, 2});
  CHECK(test::error_of([&] { pieces(4, 9); }) ==
        "row 3: the answer at bytes 4 to 9 is not in its context, which has 8");
  CHECK(
      test::error_of([&] { pieces(3, 4); }).starts_with("row 3: no piece of the context stands at the answer's bytes"));
}

TEST_CASE("a word is told by its first piece, and one without pieces by what follows it") {
  const auto model = headed("bert-tiny", "", 3);
  const Tagging task(*model, std::vector<Vocabulary>{words(), labels(3)});
  // "ab \xEF\xB8\x8F cd" with the pieces a, b and cd, and a second row "ab \xEF\xB8\x8F" whose last word has none.
  Rows rows{.columns = 5};
  const auto add = [&](const std::vector<int32_t>& column) {
    rows.ids.insert(rows.ids.end(), column.begin(), column.end());
    rows.offsets.push_back(std::ssize(rows.ids));
  };
  const auto bytes = [](std::string_view text) { return std::vector<int32_t>(text.begin(), text.end()); };
  for (const auto& column :
       {std::vector<int32_t>{5, 6, 7}, {0, 1, 2}, {0, 1, 7}, {1, 2, 9}, bytes("ab \xEF\xB8\x8F cd")})
    add(column);
  for (const auto& column : {std::vector<int32_t>{5, 6}, {0, 1}, {0, 1}, {1, 2}, bytes("ab \xEF\xB8\x8F")}) add(column);
  const Batch batch = task.batch(rows, 0, 2);
  CHECK(batch.inputs[0].ids == std::vector<int32_t>{2, 5, 6, 7, 3, 2, 5, 6, 3});
  CHECK(batch.labels[0] == std::vector<int32_t>{0, 1, 2, 0, 1});
  CHECK(batch.labels[1] == std::vector<int32_t>{1, 3, 3, 6, 8});
  Rows cut{.columns = 5};
  rows = std::move(cut);
  for (const auto& column : {std::vector<int32_t>{5}, {0, 1}, {0}, {2}, bytes("ab cd")}) add(column);
  CHECK(test::error_of([&] { task.batch(rows, 0, 1); }) ==
        "row 1: has 2 words, and pieces of the first 1, since tokenize --max-length cut it; make two lines of it");
}
