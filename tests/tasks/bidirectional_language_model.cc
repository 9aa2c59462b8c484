// How language modelling in two directions lays its rows out.
#include "tasks/bidirectional_language_model.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "tensor/plan.h"
#include "tensor/workspace.h"
#include "tests/catch.h"

using namespace storm;

namespace {

std::unique_ptr<Model> small_model() {
  const std::vector<std::pair<std::string, std::string>> flags{{"d-model", "8"}};
  auto model = make_model(make_config(architecture("elmo"), "elmo-tiny", flags, {20}));
  model->parameters().initialize(1);
  model->parameters().allocate_gradients();
  return model;
}

}  // namespace

TEST_CASE("a row of running text is inputs, forward labels but its first id, backward labels but its last") {
  const auto model = small_model();
  const BidirectionalLanguageModeling task(*model, 3);
  const Rows rows{.ids = {3, 5, 6, 7, 8, 9, 3}, .offsets = {0, 4, 7}};
  const Batch batch = task.batch(rows, 0, 2);
  CHECK(batch.inputs[0].ids == rows.ids);
  CHECK(batch.inputs[0].offsets == std::vector<int32_t>{0, 4, 7});
  CHECK(batch.labels[0] == std::vector<int32_t>{5, 6, 7, 9, 3});
  CHECK(batch.labels[1] == std::vector<int32_t>{3, 5, 6, 8, 9});
  CHECK(task.losses() == std::vector<std::string>{"forward", "backward"});
  CHECK(task.counts(batch) == std::vector<int64_t>{5, 5});
  CHECK(tokens_on(task.sides()[0], std::vector<int64_t>{4}) == 4);
}

TEST_CASE("a planned batch in two directions has just so many tokens, and labels for all but one of each row") {
  const auto model = small_model();
  const BidirectionalLanguageModeling task(*model, 3);
  for (const auto& [tokens, labels] : {std::pair<int64_t, int64_t>{50, 46}, {16, 15}, {1, 0}}) {
    const Batch planned = task.batch_of_size(tokens, std::vector<int64_t>{16});
    CHECK(planned.inputs[0].tokens() == tokens);
    CHECK(task.counts(planned) == std::vector<int64_t>{labels, labels});
    Graph graph(true);
    task.record(graph, planned, 0, std::vector{1.0f, 1.0f});
    CHECK(make_plan(graph).bytes > 0);
  }
}

TEST_CASE("the losses are those of each label given the state of the direction that has not read it") {
  const auto model = small_model();
  for (float& x : model->parameters().values()) x *= 10;  // far from uniform
  const BidirectionalLanguageModeling task(*model, 3);
  const Rows rows{.ids = {3, 5, 6, 7, 3, 8, 3}, .offsets = {0, 5, 7}};
  const Batch batch = task.batch(rows, 0, 2);
  Workspace workspace;
  Graph& graph = workspace.graph;
  const auto totals = task.record(graph, batch, 0, std::vector{1.0f, 1.0f});
  const auto states = as<BidirectionalLanguageModel>(*model).directions(graph, batch.inputs[0]);
  const auto table = model->parameters().view("embedding.weight"), bias = model->parameters().view("output.bias");
  graph.keep(states.forward);
  graph.keep(states.backward);
  workspace.run();
  const auto log_prob = [&](Value direction, std::size_t row, std::size_t label) {
    const float* state = workspace.data(direction) + row * 8;
    double sum = 0, of_label = 0;
    for (std::size_t v = 0; v < bias.size(); ++v) {
      double logit = static_cast<double>(bias[v]);
      for (std::size_t i = 0; i < 8; ++i)
        logit += static_cast<double>(state[i]) * static_cast<double>(table[v * 8 + i]);
      sum += std::exp(logit);
      if (v == label) of_label = logit;
    }
    return of_label - std::log(sum);
  };
  double forward = 0, backward = 0;
  for (const auto& [begin, end] : {std::pair{0, 5}, {5, 7}})
    for (int row = begin; row + 1 < end; ++row) {
      const auto at = static_cast<std::size_t>(row);
      forward -= log_prob(states.forward, at, static_cast<std::size_t>(rows.ids[at + 1]));
      backward -= log_prob(states.backward, at + 1, static_cast<std::size_t>(rows.ids[at]));
    }
  CHECK(workspace.data<double>(totals[0])[1] == Approx(forward).epsilon(1e-5));
  CHECK(workspace.data<double>(totals[1])[1] == Approx(backward).epsilon(1e-5));
  CHECK(std::abs(forward - backward) > 1e-3);
}
