// The attention that a pass leaves behind, against PyTorch's; and that leaving it changes nothing.
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"

using namespace storm;

namespace {

constexpr double kTolerance = 5e-6;

const std::string kKinds[] = {"encoder", "decoder", "cross"};

// The largest error of all weights against the fixture's; counts them.
double error_of(const std::string& which, const Model& model, AttentionScores scores, std::size_t& found) {
  const Batch batch = test::fixture_batch();
  Workspace workspace;
  Trace trace;
  trace.wants = [](AttentionKind, int64_t) { return true; };
  trace.scores = scores;
  as<EncoderDecoder>(model).states(workspace.graph, batch.inputs[0], batch.inputs[1], &trace);
  workspace.run();
  double worst = 0;
  for (const auto& [kind, layer, weights] : trace.attentions) {
    const auto name = which + (scores == AttentionScores::logits ? ".attention_logits." : ".attention.") +
                      kKinds[static_cast<std::size_t>(kind)] + "." + std::to_string(layer);
    const auto want = test::fixture().values<float>(name);
    const std::span<const float> got{workspace.data(weights),
                                     static_cast<std::size_t>(workspace.graph.shape(weights).size())};
    REQUIRE(got.size() == want.size());
    double largest = 0, off = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      // What a causal row does not see is equal, exactly.
      if (std::isinf(want[i]) || want[i] == 0)
        off = got[i] == want[i] ? off : INFINITY;
      else
        off = std::max(off, std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
      if (!std::isinf(want[i])) largest = std::max(largest, std::abs(static_cast<double>(want[i])));
    }
    worst = std::max(worst, off / largest);
    ++found;
  }
  return worst;
}

}  // namespace

TEST_CASE("every attention weight of two Transformers equals PyTorch's, as a probability and before the softmax") {
  for (const std::string which : {"post", "pre"})
    for (const auto scores : {AttentionScores::probabilities, AttentionScores::logits}) {
      INFO(which);
      std::size_t found = 0;
      CHECK(error_of(which, *test::fixture_model(which), scores, found) < test::allowed(kTolerance));
      CHECK(found == (which == "post" ? 6 : 4));
    }
}

TEST_CASE("other weights in any layer before it are found in the attention") {
  const auto model = test::fixture_model("post");
  for (const std::string name : {"encoder.0.self.qkv.weight", "decoder.0.cross.q.weight", "decoder.0.ffn.up.bias",
                                 "decoder.1.self.norm.weight", "encoder.1.ffn.norm.bias"}) {
    const auto view = model->parameters().view(name);
    const std::vector<float> kept(view.begin(), view.end());
    for (float& x : view) x *= 1.01f;
    std::size_t found = 0;
    INFO(name);
    CHECK(error_of("post", *model, AttentionScores::probabilities, found) > 20 * kTolerance);
    std::copy(kept.begin(), kept.end(), view.begin());
  }
}

TEST_CASE("rows of probabilities sum to 1 and are the softmax of the logits") {
  const auto model = test::fixture_model("pre");
  const Batch batch = test::fixture_batch();
  std::vector<std::vector<float>> all[2];
  Workspace workspace;
  for (const auto scores : {AttentionScores::probabilities, AttentionScores::logits}) {
    workspace.graph.clear();
    Trace trace;
    trace.wants = [](AttentionKind kind, int64_t) { return kind == AttentionKind::encoder; };
    trace.scores = scores;
    as<EncoderDecoder>(*model).states(workspace.graph, batch.inputs[0], batch.inputs[1], &trace);
    workspace.run();
    REQUIRE(trace.attentions.size() == 2);
    for (const auto& [kind, layer, weights] : trace.attentions) {
      const float* x = workspace.data(weights);
      all[static_cast<std::size_t>(scores)].emplace_back(x, x + workspace.graph.shape(weights).size());
    }
  }
  for (std::size_t layer = 0; layer < 2; ++layer) {
    std::size_t at = 0;
    for (std::size_t s = 0; s + 1 < batch.inputs[0].offsets.size(); ++s) {
      const auto n = static_cast<std::size_t>(batch.inputs[0].offsets[s + 1] - batch.inputs[0].offsets[s]);
      for (std::size_t row = 0; row < 2 * n; ++row, at += n) {
        double sum = 0, exp_sum = 0;
        for (std::size_t j = 0; j < n; ++j) {
          sum += static_cast<double>(all[0][layer][at + j]);
          exp_sum += std::exp(static_cast<double>(all[1][layer][at + j]));
        }
        CHECK(sum == Approx(1).epsilon(0).margin(1e-6));
        for (std::size_t j = 0; j < n; ++j)
          CHECK(static_cast<double>(all[0][layer][at + j]) ==
                Approx(std::exp(static_cast<double>(all[1][layer][at + j])) / exp_sum).epsilon(0).margin(1e-6));
      }
    }
    CHECK(at == all[0][layer].size());
  }
}

TEST_CASE("a graph that also traces gives the same loss, bit for bit") {
  const Batch batch = test::fixture_batch();
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    const auto nll = [&](bool traced) {
      Workspace workspace;
      Trace trace;
      trace.wants = [](AttentionKind, int64_t) { return true; };
      trace.states = true;
      if (traced) as<EncoderDecoder>(*model).states(workspace.graph, batch.inputs[0], batch.inputs[1], &trace);
      const auto loss = storm::loss(as<EncoderDecoder>(*model), workspace.graph, batch, 0, 1);
      workspace.run();
      const float* x = workspace.data(loss.token_nll);
      return std::vector<float>(x, x + batch.inputs[1].tokens());
    };
    const auto without = nll(false), with = nll(true);
    CHECK(std::memcmp(without.data(), with.data(), without.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("the pass that is traced is the same, bit for bit, whatever is asked of it") {
  const Batch batch = test::fixture_batch();
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    // The encoder's last states and the decoder's last cross-attention depend on all that comes before.
    const auto last = [&](bool all, bool states) {
      Workspace workspace;
      Trace trace;
      const int64_t layer = which == "post" ? 1 : 0;
      trace.wants = [&](AttentionKind kind, int64_t l) { return all || (kind == AttentionKind::cross && l == layer); };
      trace.states = states;
      as<EncoderDecoder>(*model).states(workspace.graph, batch.inputs[0], batch.inputs[1], &trace);
      workspace.run();
      const Value weights = trace.attentions.back().weights;
      REQUIRE(trace.attentions.back().kind == AttentionKind::cross);
      std::vector<float> x(workspace.data(weights), workspace.data(weights) + workspace.graph.shape(weights).size());
      if (states) {
        const Value v = trace.encoder_states.back();
        x.insert(x.end(), workspace.data(v), workspace.data(v) + workspace.graph.shape(v).size());
      }
      return x;
    };
    CHECK(last(true, true) == last(false, true));
    CHECK(last(true, false) == last(false, false));
  }
}
