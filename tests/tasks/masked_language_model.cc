#include "tasks/masked_language_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/output.h"
#include "models/architecture.h"
#include "tensor/execution.h"
#include "tensor/plan.h"
#include "tests/catch.h"
#include "tests/data/streams.h"
#include "tests/errors.h"
#include "text/learn_pieces.h"

using namespace storm;
using test::refused;

namespace {

using Given = std::vector<std::pair<std::string, std::string>>;

Vocabulary vocabulary() {
  const std::vector<std::string> lines{"a dog runs", "the dogs run and run"};
  auto line = lines.begin();
  LearnPiecesOptions options;
  options.vocab_size = 34;
  return Vocabulary::from_bytes(learn_wordpiece(
      [&](std::string& to) {
        if (line == lines.end()) return false;
        to = *line++;
        return true;
      },
      options));
}

std::unique_ptr<Model> model_of(const Vocabulary& vocabulary, const Given& more = {}) {
  Given flags{{"d-model", "8"}, {"layers", "1"}, {"max-positions", "20"}};
  flags.insert(flags.end(), more.begin(), more.end());
  auto model = make_model(make_config(architecture("bert"), "bert-tiny", flags, {vocabulary.size()}));
  model->parameters().initialize(1);
  model->parameters().allocate_gradients();
  return model;
}

std::unique_ptr<Task> task_of(const Model& model, const Vocabulary& vocabulary) {
  return masked_language_model_task().make(model, std::vector{vocabulary});
}

}  // namespace

TEST_CASE("a pair is fed as [CLS] A [SEP] B [SEP] with its segments, and asked for where it was masked") {
  const auto words = vocabulary();
  const auto model = model_of(words);
  const auto task = task_of(*model, words);
  CHECK(task->losses() == std::vector<std::string>{"masked", "next"});
  // A of 2, B of 1, elsewhere; A of 1, B of 2, next.
  const Rows rows{
      .columns = 3, .ids = {7, 4, 9, -1, 8, -1, 2, 1, 4, 6, 5, 30, -1, 5, 1, 0}, .offsets = {0, 3, 6, 8, 11, 14, 16}};
  const Batch batch = task->batch(rows, 0, 2);
  CHECK(batch.inputs[0].ids == std::vector<int32_t>{2, 7, 4, 3, 9, 3, 2, 4, 3, 6, 5, 3});
  CHECK(batch.inputs[0].segments == std::vector<int32_t>{0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1});
  CHECK(batch.labels[0] == std::vector<int32_t>{-1, -1, 8, -1, -1, -1, -1, 30, -1, -1, 5, -1});
  CHECK(batch.labels[1] == std::vector<int32_t>{1, 0});
  CHECK(task->counts(batch) == std::vector<int64_t>{3, 2});
  CHECK(tokens_on(task->sides()[0], std::vector<int64_t>{3, 3, 2}) == task->batch(rows, 0, 1).inputs[0].tokens());
}

TEST_CASE("without the head of next sentences a row is one text, and there is one loss") {
  const auto words = vocabulary();
  const auto model = model_of(words, {{"next-sentence", "no"}});
  const auto task = task_of(*model, words);
  CHECK(task->losses() == std::vector<std::string>{"masked"});
  const Rows rows{.columns = 2, .ids = {7, 4, 9, -1, 8, -1}, .offsets = {0, 3, 6}};
  const Batch batch = task->batch(rows, 0, 1);
  CHECK(batch.inputs[0].ids == std::vector<int32_t>{2, 7, 4, 9, 3});
  CHECK(batch.inputs[0].segments.empty());
  CHECK(batch.labels == std::vector<std::vector<int32_t>>{{-1, -1, 8, -1, -1}});
  CHECK(tokens_on(task->sides()[0], std::vector<int64_t>{3, 3}) == 5);
}

TEST_CASE("a model with the head of next sentences alone learns these, and fills no masks") {
  const auto words = vocabulary();
  const auto model = model_of(words, {{"masked-lm", "no"}});
  const auto task = task_of(*model, words);
  CHECK(task->losses() == std::vector<std::string>{"next"});
  const std::vector<std::vector<std::span<const int32_t>>> columns(1);
  CHECK(refused([&] { task->answers(columns, {}, nullptr); }, {"does not say what masked tokens were"}));
  const auto none = model_of(words, {{"masked-lm", "no"}, {"next-sentence", "no"}});
  CHECK(refused([&] { task_of(*none, words); }, {"neither of the heads"}));
}

TEST_CASE("masked language modelling plans for batches of a size, of long rows and short ones") {
  const auto words = vocabulary();
  const auto model = model_of(words);
  const auto task = task_of(*model, words);
  for (const int64_t tokens : {1, 2, 7, 100})
    for (const int64_t longest : {1, 4, 20}) {
      const Batch planned = task->batch_of_size(tokens, std::vector{longest});
      CHECK(planned.inputs[0].tokens() == tokens);
      Graph graph(true);
      CHECK(task->record(graph, planned, 0, std::vector{1.0f, 1.0f}).size() == 2);
      CHECK(make_plan(graph).bytes > 0);
    }
}

TEST_CASE("what masked language modelling needs of a vocabulary and of its rows is said") {
  const auto words = vocabulary();
  const auto unmasked = Vocabulary::from_bytes("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\na\nb\n");
  const auto small = model_of(unmasked);
  CHECK(refused([&] { task_of(*small, unmasked); }, {"has no [MASK]"}));
}

TEST_CASE("a batch of nothing that can be asked for has a masked loss of 0, and the gradients of the other") {
  const auto words = vocabulary();
  const auto model = model_of(words);
  const auto task = task_of(*model, words);
  const Rows rows{.columns = 3, .ids = {1, 1, -1, -1, 1, 1}, .offsets = {0, 2, 4, 6}};  // [UNK] [UNK]
  const Batch batch = task->batch(rows, 0, 1);
  CHECK(task->counts(batch) == std::vector<int64_t>{0, 1});
  Graph graph(true);
  const auto totals = task->record(graph, batch, 0, std::vector{0.0f, 1.0f});
  std::ranges::fill(model->parameters().gradients(), 0.0f);
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes);
  const Execution run(graph, plan, arena.data());
  run.forward();
  run.backward();
  CHECK(run.data<double>(totals[0])[0] == 0);
  CHECK(run.data<double>(totals[1])[0] > 0);
  for (const float g : model->parameters().gradient_view("masked_lm.transform.weight")) CHECK(g == 0);
  double sum = 0;
  for (const float g : model->parameters().gradients()) sum += std::abs(static_cast<double>(g));
  CHECK((sum > 0 && std::isfinite(sum)));
}
