// Language models over whole texts: packed batches against one text at a time, causality, what is carried from one
// stretch of a text to the next, and that every parameter matters.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "ops/linear.h"
#include "ops/top_k.h"
#include "tests/catch.h"
#include "tests/models/language_models.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

using test::Floats, test::Ids;

// The mean loss of the texts, each token's label the one that follows, and its gradients in the model's parameters.
double loss_of(Model& model, const std::vector<Ids>& texts, bool backward = false) {
  const PackedSentences text = test::packed(texts);
  Ids labels(text.ids.begin() + 1, text.ids.end());
  labels.push_back(test::kEos);
  Graph graph(true);
  const auto& lm = as<LanguageModel>(model);
  const Value states = lm.states(graph, text);
  const auto [weight, bias] = lm.output(graph);
  const auto tokens = static_cast<float>(text.tokens());
  const Value totals =
      cross_entropy(graph, states, weight, bias, graph.constant({text.tokens(), 1}, labels.data()), 0, 1 / tokens)
          .totals;
  std::ranges::fill(model.parameters().gradients(), 0.0f);
  const test::Once once(graph);
  once.forward();
  if (backward) once.backward();
  return once.run.data<double>(totals)[0] / static_cast<double>(tokens);
}

}  // namespace

TEST_CASE("a packed batch gives each text what it gets alone, and a text without tokens nothing") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto texts = test::random_texts(20);
    const Floats together = test::states_of(*model, texts);
    Floats one_by_one;
    for (const Ids& text : texts) {
      if (text.empty()) continue;
      const Floats alone = test::states_of(*model, {text});
      one_by_one.insert(one_by_one.end(), alone.begin(), alone.end());
    }
    CHECK(test::largest_difference(together, one_by_one) < 1e-5);
  }
}

TEST_CASE("another token changes no state before it, and its own and those behind") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const std::vector<Ids> texts{test::random_ids(9, 5), test::random_ids(6, 6)};
    const Floats before = test::states_of(*model, texts);
    for (std::size_t t = 0; t < texts[0].size(); ++t) {
      auto changed = texts;
      changed[0][t] = (changed[0][t] + 1) % test::kVocabulary;
      const Floats after = test::states_of(*model, changed);
      for (std::size_t row = 0; row < texts[0].size() + texts[1].size(); ++row) {
        const auto from = static_cast<std::ptrdiff_t>(row * test::kWidth),
                   to = from + static_cast<std::ptrdiff_t>(test::kWidth);
        const bool same = std::equal(before.begin() + from, before.begin() + to, after.begin() + from);
        CHECK(same == (row < t || row >= texts[0].size()));
      }
    }
  }
}

TEST_CASE("a text that is read in two stretches, its state carried over, is as read at once") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto& lm = as<LanguageModel>(*model);
    if (lm.carried_width() == 0 || !model->description().attentions.empty()) continue;  // attention begins anew
    const std::vector<Ids> texts{test::random_ids(12, 5), test::random_ids(9, 6), test::random_ids(2, 7)};
    std::vector<Ids> first, second;
    for (const Ids& text : texts) {
      const auto half = text.begin() + static_cast<std::ptrdiff_t>(text.size() / 2);
      first.emplace_back(text.begin(), half);
      second.emplace_back(half, text.end());
    }
    const auto read = [&](const std::vector<Ids>& part, Floats& carried) {
      Workspace workspace;
      Graph& graph = workspace.graph;
      const PackedSentences text = test::packed(part);
      CarriedState state;
      const Shape shape{text.sentences(), lm.carried_width()};
      const Floats before = carried;
      if (!before.empty()) state.before = graph.constant(shape, before.data());
      const Value states = lm.states(graph, text, nullptr, &state);
      const auto [weight, bias] = lm.output(graph);
      const Value log_probs = log_softmax(graph, linear(graph, states, weight, bias));
      for (const Value kept : {states, log_probs, state.after}) graph.keep(kept);
      REQUIRE(graph.shape(state.after) == shape);
      workspace.run();
      carried = test::copy(workspace, state.after);
      Floats all = test::copy(workspace, states), probabilities = test::copy(workspace, log_probs);
      all.insert(all.end(), probabilities.begin(), probabilities.end());
      return std::pair(all, text.offsets);
    };
    Floats at_once, halves, forgotten;
    const auto [whole, offsets] = read(texts, at_once);
    const auto [part1, offsets1] = read(first, halves);
    const auto [part2, offsets2] = read(second, halves);
    const auto [part3, offsets3] = read(second, forgotten);
    CHECK(test::largest_difference(at_once, halves) < 1e-6);
    CHECK(test::largest_difference(at_once, forgotten) > 1e-3);
    const auto row = [&](const Floats& all, const Ids& places, int32_t r, std::size_t width, bool log_probs) {
      const auto begin =
          (log_probs ? places.back() * static_cast<int32_t>(test::kWidth) : 0) + r * static_cast<int32_t>(width);
      return Floats(all.begin() + begin, all.begin() + begin + static_cast<int32_t>(width));
    };
    for (std::size_t s = 0; s < texts.size(); ++s)
      for (int32_t t = 0; t < offsets[s + 1] - offsets[s]; ++t) {
        const int32_t half = offsets1[s + 1] - offsets1[s];
        for (const bool log_probs : {false, true}) {
          const std::size_t width = log_probs ? test::kVocabulary : test::kWidth;
          const Floats got = t < half ? row(part1, offsets1, offsets1[s] + t, width, log_probs)
                                      : row(part2, offsets2, offsets2[s] + t - half, width, log_probs);
          CHECK(test::largest_difference(got, row(whole, offsets, offsets[s] + t, width, log_probs)) < 1e-6);
        }
      }
  }
}

TEST_CASE("a stretch's gradients are those with what is carried into it held fixed") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto& lm = as<LanguageModel>(*model);
    if (lm.carried_width() == 0) continue;
    const PackedSentences text = test::packed({test::random_ids(4, 1), test::random_ids(2, 2)});
    const Floats carried = [&] {
      Floats x;
      RandomStream random(5, RandomUse::corpus);
      while (x.size() < static_cast<std::size_t>(2 * lm.carried_width()))
        x.push_back(static_cast<float>(random.normal()));
      return x;
    }();
    const auto loss = [&](bool backward) {
      Graph graph(true);
      CarriedState state{.before = graph.constant({2, lm.carried_width()}, carried.data())};
      const Value states = lm.states(graph, text, nullptr, &state);
      graph.keep(state.after);
      const auto [weight, bias] = lm.output(graph);
      const Value totals =
          cross_entropy(graph, states, weight, bias, graph.constant({6, 1}, text.ids.data()), 0, 1).totals;
      const test::Once once(graph);
      once.forward();
      if (backward) once.backward();
      return once.run.data<double>(totals)[0];
    };
    std::ranges::fill(model->parameters().gradients(), 0.0f);
    loss(true);
    // Along the gradient of the first layer's recurrent weight, the loss rises as it says.
    const auto weight = model->parameters().view("layers.0.recurrent.weight"),
               gradient = model->parameters().gradient_view("layers.0.recurrent.weight");
    double norm = 0;
    for (const float g : gradient) norm += static_cast<double>(g) * static_cast<double>(g);
    norm = std::sqrt(norm);
    const auto move = [&](double by) {
      for (std::size_t i = 0; i < weight.size(); ++i)
        weight[i] += static_cast<float>(by * static_cast<double>(gradient[i]) / norm);
    };
    move(0.01);
    const double up = loss(false);
    move(-0.02);
    const double down = loss(false);
    CHECK((up - down) / 0.02 == Approx(norm).epsilon(2e-3));
  }
}

TEST_CASE("every parameter of a language model changes the loss and has a gradient") {
  for (const test::Variation& v : test::language_models()) {
    const auto model = test::model_of(v);
    const std::vector<Ids> texts{test::random_ids(9, 5), test::random_ids(30, 6), test::random_ids(1, 7)};
    const double loss = loss_of(*model, texts, true);
    const Floats gradients(model->parameters().gradients().begin(), model->parameters().gradients().end());
    for (const auto& spec : model->parameters().specs()) {
      INFO(v.name << " with another " << spec.name);
      const auto gradient = model->parameters().gradient_view(spec.name);
      CHECK(std::ranges::any_of(gradient, [](float g) { return std::abs(g) > 1e-6f; }));
      const auto view = model->parameters().view(spec.name);
      const Floats kept(view.begin(), view.end());
      RandomStream random(8, RandomUse::corpus);
      for (float& x : view) x += static_cast<float>(random.normal());
      CHECK(std::abs(loss_of(*model, texts) - loss) > 1e-5);
      std::ranges::copy(kept, view.begin());
      loss_of(*model, texts, true);
    }
  }
}

TEST_CASE("each layer's states are left for those who ask, the embeddings first") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    const auto& widths = model->description().state_widths;
    const PackedSentences text = test::packed({test::random_ids(9, 5), test::random_ids(6, 6)});
    Workspace workspace;
    Trace trace;
    trace.states = true;
    as<TextEncoder>(*model).encode(workspace.graph, text, &trace);
    workspace.run();
    REQUIRE(trace.encoder_states.size() == widths.size());
    for (std::size_t i = 0; i < widths.size(); ++i)
      CHECK(workspace.graph.shape(trace.encoder_states[i]) == Shape{15, widths[i]});
    CHECK(test::copy(workspace, trace.encoder_states.back()) ==
          test::states_of(*model, {{test::random_ids(9, 5)}, test::random_ids(6, 6)}));
  }
}

TEST_CASE("a text without tokens leaves no state to carry, and is refused") {
  for (const test::Variation& v : test::language_models()) {
    const auto model = test::model_of(v);
    const auto& lm = as<LanguageModel>(*model);
    if (lm.carried_width() == 0) continue;
    const PackedSentences text = test::packed({{1, 2}, {}});
    Graph graph(false);
    CarriedState state;
    CHECK_THROWS_AS(lm.states(graph, text, nullptr, &state), Error);
  }
}

TEST_CASE("attention over the last states sees these alone, and its weights say how much of each") {
  for (const test::Variation& v : test::language_models()) {
    INFO(v.name);
    const auto model = test::model_of(v);
    if (as<LanguageModel>(*model).carried_width() == 0 || model->description().attentions.empty()) continue;
    const int64_t window = model->config().at("attention_window").get<int64_t>();
    const PackedSentences text = test::packed({test::random_ids(9, 5), {}, test::random_ids(6, 6)});
    for (const AttentionScores scores : {AttentionScores::probabilities, AttentionScores::logits}) {
      Workspace workspace;
      Trace trace;
      trace.wants = [](AttentionKind kind, int64_t layer) { return kind == AttentionKind::decoder && layer == 0; };
      trace.scores = scores;
      as<TextEncoder>(*model).encode(workspace.graph, text, &trace);
      workspace.run();
      REQUIRE(trace.attentions.size() == 1);
      const Floats weights = test::copy(workspace, trace.attentions[0].weights);
      REQUIRE(weights.size() == 9 * 9 + 6 * 6);
      std::size_t at = 0;
      for (const int64_t length : {9, 6})
        for (int64_t i = 0; i < length; ++i) {
          double sum = 0;
          for (int64_t j = 0; j < length; ++j, ++at) {
            const bool seen = j < i && j >= i - window;
            if (scores == AttentionScores::logits)
              CHECK(std::isfinite(weights[at]) == seen);
            else
              CHECK((weights[at] > 0) == seen);
            sum += static_cast<double>(weights[at]);
          }
          if (scores == AttentionScores::probabilities) CHECK(sum == Approx(i > 0 ? 1 : 0).margin(1e-6));
        }
    }
  }
}
