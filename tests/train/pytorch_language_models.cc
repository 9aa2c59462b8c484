// Five updates of language models against PyTorch's: loss, gradients, AdamW and which parameters decay together.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tensor/execution.h"
#include "tensor/plan.h"
#include "tests/catch.h"
#include "tests/models/language_model_fixture.cc"  // the reader of the committed fixture, which belongs to another program
#include "train/optimizer.h"

using namespace storm;

namespace {

// The largest distance of any weight from where PyTorch's double precision has it after five updates.
double distance(const std::string& which, double weight_decay, bool decay_vectors = false) {
  const auto model = test::language_model_of(which);
  auto& parameters = model->parameters();
  const auto json = nlohmann::json::parse(test::language_model_fixture().meta("adamw"));
  const PackedSentences texts = test::fixture_texts();
  OptimizerOptions options;
  options.weight_decay = weight_decay;
  options.decay_vectors = decay_vectors;
  for (const char* key : {"beta1", "beta2", "epsilon"}) options.numbers[key] = json.at(key).get<double>();
  Optimizer adam(parameters, options);
  for (int64_t i = 1; i <= json.at("steps").get<int64_t>(); ++i) {
    Graph graph(true);
    test::fixture_loss(graph, *model, which, texts);
    std::ranges::fill(parameters.gradients(), 0.0f);
    const Plan plan = make_plan(graph);
    Buffer arena(plan.bytes);
    const Execution run(graph, plan, arena.data());
    run.forward();
    run.backward();
    adam.update(parameters.values(), parameters.gradients(), i, json.at("lr").get<double>());
  }
  double worst = 0;
  for (const auto& spec : parameters.specs()) {
    const auto got = parameters.view(spec.name);
    const auto want = test::language_model_fixture().values<float>(which + ".stepped." + spec.name);
    // The softmax does not see the keys' bias: its gradient is rounding error, which Adam brings to full size.
    const bool keys = spec.name.ends_with("qkv.bias");
    for (std::size_t k = 0; k < want.size(); ++k)
      if (!keys || k / (want.size() / 3) != 1)
        worst = std::max(worst, std::abs(static_cast<double>(got[k]) - static_cast<double>(want[k])));
  }
  return worst;
}

}  // namespace

TEST_CASE("after five updates every weight of a language model is where PyTorch has it") {
  for (const char* which : {"lstm", "gru", "attentive", "split", "gpt_tanh", "gpt_exact"}) {
    INFO(which);
    CHECK(distance(which, 0.1) < 3e-6);
    CHECK(distance(which, 0) > 3e-5);
    CHECK(distance(which, 0.1, true) > 3e-5);
  }
}
