// Five updates against PyTorch's: loss, gradients and optimizer together.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tasks/translation.h"
#include "tests/catch.h"
#include "tests/models/fixture.cc"  // the reader of the committed fixture, which belongs to another test program
#include "train/gradient_norm.h"
#include "train/optimizer.h"
#include "train/step.h"

using namespace storm;

namespace {

// The largest distance of any weight from where PyTorch's double precision has it after five updates.
double distance(const std::string& which, const OptimizerOptions& options) {
  const auto model = test::fixture_model(which);
  const auto adam_json = nlohmann::json::parse(test::fixture().meta("adam"));
  const Batch batch = test::fixture_batch();
  const Translation task(*model, SpecialIds{});
  TrainingStep step(*model, task, std::stof(test::fixture().meta("label_smoothing")), 1);
  auto& parameters = model->parameters();
  Optimizer adam(parameters.values().size(), options);
  for (int64_t i = 1; i <= adam_json.at("steps").get<int64_t>(); ++i) {
    step.forward_backward(batch, std::vector{1 / static_cast<float>(batch.inputs[1].tokens())}, 0);
    adam.update(parameters.values(), parameters.gradients(), i, adam_json.at("lr").get<double>());
  }
  double worst = 0;
  for (const auto& spec : parameters.specs()) {
    const auto got = parameters.view(spec.name);
    const auto want = test::fixture().values<float>(which + ".after." + spec.name);
    // The softmax does not see the keys' bias: its gradient is rounding error, which Adam brings to full size.
    const bool keys = spec.name.ends_with("kv.bias");
    const std::size_t parts = spec.name.ends_with("qkv.bias") ? 3 : 2, width = want.size() / parts;
    for (std::size_t k = 0; k < want.size(); ++k)
      if (!keys || k / width != parts - 2)
        worst = std::max(worst, std::abs(static_cast<double>(got[k]) - static_cast<double>(want[k])));
  }
  return worst;
}

}  // namespace

TEST_CASE("after five updates every weight is where PyTorch has it") {
  for (const char* which : {"post", "pre"}) {
    CHECK(distance(which, {}) < 3e-6);
    OptimizerOptions mean, variance, decay;
    mean.numbers["beta1"] = 0.95;
    variance.numbers["beta2"] = 0.999;
    decay.weight_decay = 0.1;
    for (const auto& other : {mean, variance, decay}) CHECK(distance(which, other) > 3e-5);
  }
}

namespace {

// The same for a ConvS2S under clipped gradients and Nesterov's momentum: torch.optim.SGD(nesterov=True).
double distance(const std::string& which, double momentum, double clip_norm) {
  const char* root = std::getenv("STORM_ROOT");
  const Document fixture = read_document(std::string(root ? root : ".") + "/tests/models/convs2s.safetensors");
  const auto model = make_model(nlohmann::json::parse(fixture.meta(which + ".config")));
  auto& parameters = model->parameters();
  for (const auto& spec : parameters.specs())
    std::ranges::copy(fixture.values<float>(which + "." + spec.name), parameters.view(spec.name).begin());
  parameters.allocate_gradients();
  const auto json = nlohmann::json::parse(fixture.meta("nesterov"));
  const Batch batch = test::fixture_batch();
  const Translation task(*model, SpecialIds{});
  TrainingStep step(*model, task, std::stof(fixture.meta("label_smoothing")), 1);
  OptimizerOptions options;
  options.name = "nesterov";
  options.numbers["momentum"] = momentum;
  Optimizer nesterov(parameters.values().size(), options);
  for (int64_t i = 1; i <= json.at("steps").get<int64_t>(); ++i) {
    step.forward_backward(batch, std::vector{1 / static_cast<float>(batch.inputs[1].tokens())}, 0);
    nesterov.update(parameters.values(), parameters.gradients(), i, json.at("lr").get<double>(),
                    clip_scale(gradient_norm(parameters.gradients()), clip_norm));
  }
  double worst = 0;
  for (const auto& spec : parameters.specs()) {
    const auto got = parameters.view(spec.name);
    const auto want = fixture.values<float>(which + ".after." + spec.name);
    for (std::size_t k = 0; k < want.size(); ++k)
      worst = std::max(worst, std::abs(static_cast<double>(got[k]) - static_cast<double>(want[k])));
  }
  return worst;
}

}  // namespace

TEST_CASE("after five updates with Nesterov's momentum every weight of a ConvS2S is where PyTorch has it") {
  for (const char* which : {"shared", "apart"}) {
    CHECK(distance(which, 0.99, 0.1) < 3e-6);
    CHECK(distance(which, 0.9, 0.1) > 3e-5);
    CHECK(distance(which, 0.99, 0.2) > 3e-5);
  }
}
