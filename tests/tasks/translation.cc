// How translation lays its rows out, and what it measures.
#include "tasks/translation.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "tasks/text_measures.h"
#include "tensor/execution.h"
#include "tests/catch.h"

using namespace storm;

namespace {

std::unique_ptr<Model> small_model() {
  auto model = make_model(make_config(architecture("transformer"), "tiny",
                                      std::vector<std::pair<std::string, std::string>>{
                                          {"layers", "1"}, {"d-model", "8"}, {"d-ff", "8"}, {"heads", "2"}},
                                      {20, 20}));
  model->parameters().initialize(1);
  model->parameters().allocate_gradients();
  return model;
}

Rows some_rows() {
  Rows rows{
      .columns = 2, .ids = {5, 6, 7, 8, 9, 10, 11}, .offsets = {0, 2, 3, 3, 7}};  // 5 6 | 7 and nothing | 8 9 10 11
  return rows;
}

}  // namespace

TEST_CASE("a row of translation is a source with EOS, and a target behind BOS that is to be said with EOS") {
  const auto model = small_model();
  const Translation task(*model, {.bos = 2, .eos = 3});
  const Batch batch = task.batch(some_rows(), 0, 2);
  CHECK(batch.inputs[0].ids == std::vector<int32_t>{5, 6, 3, 3});
  CHECK(batch.inputs[0].offsets == std::vector<int32_t>{0, 3, 4});
  CHECK(batch.inputs[1].ids == std::vector<int32_t>{2, 7, 2, 8, 9, 10, 11});
  CHECK(batch.labels[0] == std::vector<int32_t>{7, 3, 8, 9, 10, 11, 3});
  CHECK(task.counts(batch) == std::vector<int64_t>{7});
  CHECK(task.batch(some_rows(), 1, 2).inputs[1].ids == std::vector<int32_t>{2, 8, 9, 10, 11});
}

TEST_CASE("what a row takes of a batch is what its batch holds, on every side") {
  const auto model = small_model();
  const Translation task(*model, {});
  const Rows rows = some_rows();
  const auto sides = task.sides();
  for (int64_t row = 0; row < rows.size(); ++row) {
    const std::vector<int64_t> lengths{static_cast<int64_t>(rows(row, 0).size()),
                                       static_cast<int64_t>(rows(row, 1).size())};
    const Batch batch = task.batch(rows, row, row + 1);
    for (std::size_t side = 0; side < 2; ++side) CHECK(tokens_on(sides[side], lengths) == batch.inputs[side].tokens());
  }
}

TEST_CASE("a batch made up for the planner has just its tokens on each side, in rows that are not longer") {
  const auto model = small_model();
  const Translation task(*model, {});
  for (const auto& [tokens, source, target] :
       {std::tuple<int64_t, int64_t, int64_t>{100, 7, 9}, {64, 64, 1}, {5, 1, 1}, {10, 3, 10}}) {
    const Batch batch = task.batch_of_size(tokens, std::vector<int64_t>{source, target});
    CHECK(batch.inputs[0].tokens() == tokens);
    CHECK(batch.inputs[1].tokens() == tokens);
    CHECK(batch.inputs[0].sentences() == batch.inputs[1].sentences());
    CHECK(batch.inputs[0].longest <= source);
    CHECK(batch.inputs[1].longest <= target);
    Graph graph(true);
    task.record(graph, batch, 0.1f, std::vector{1.0f});
    CHECK(make_plan(graph).bytes > 0);
  }
}

TEST_CASE("losses of several batches add up, each by its own count") {
  Losses sum;
  add(sum, {{1, 2, 3}, {10, 20, 4}});
  add(sum, {{5, 6, 1}, {30, 40, 4}});
  CHECK(sum[0].count == 4);
  CHECK(mean_loss(sum) == 6.0 / 4 + 40.0 / 8);
  CHECK(mean_nll(sum) == 8.0 / 4 + 60.0 / 8);
}

TEST_CASE("measures of text are named, and score what is equal highest") {
  const std::vector<std::string> references{"the cat sat on the mat today", "a dog barks at the moon"};
  for (const auto& measure : text_measures()) {
    INFO(measure.name);
    const auto score = measure.against(references);
    CHECK(score(references) == Approx(100).epsilon(1e-12));
    CHECK(score({references[1], references[0]}) < 50);
    CHECK(&text_measure(measure.name) == &measure);
  }
  CHECK_THROWS_AS(text_measure("ter"), UsageError);
}

TEST_CASE("a model that cannot translate is refused in words, and so is a task that there is not") {
  class Lookup : public Model {
   public:
    explicit Lookup(ParameterList list) : Model(list, {{"arch", "lookup"}}, {}) {}
  };
  const Lookup lookup{ParameterList()};
  try {
    const Translation task(lookup, {});
    FAIL("it was taken");
  } catch (const UsageError& e) {
    CHECK(std::string(e.what()) == "a model of the architecture lookup does not turn a source into a target");
  }
  CHECK_THROWS_AS(task_kind("summarising"), UsageError);
}
