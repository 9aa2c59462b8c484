// The heads of BERT against Hugging Face's (scripts/torch-fixture-heads): logits, losses, all gradients, and every
// weight after five updates. And that the tolerance is tight enough: each parameter left out is found.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "ops/linear.h"
#include "stream/stream.h"
#include "tasks/classification.h"
#include "tasks/question_answering.h"
#include "tasks/regression.h"
#include "tasks/tagging.h"
#include "tests/catch.h"
#include "tests/relative_error.h"
#include "train/optimizer.h"
#include "train/step.h"

using namespace storm;

namespace {

const Document& fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/train/heads.safetensors");
  }();
  return document;
}

std::unique_ptr<Model> fixture_model(const std::string& which) {
  auto model = make_model(nlohmann::json::parse(fixture().meta(which + ".config")));
  for (const auto& spec : model->parameters().specs())
    std::ranges::copy(fixture().values<float>(which + "." + spec.name), model->parameters().view(spec.name).begin());
  model->parameters().allocate_gradients();
  return model;
}

// Pieces, or labels, by number.
Vocabulary vocabulary(int64_t size, bool labels) {
  std::string bytes = labels ? "storm.labels 1\n" : "storm.words 1\n<pad>\n<unk>\n<s>\n</s>\n";
  for (int64_t i = labels ? 0 : 4; i < size; ++i) bytes += str("piece", i, "\n");
  return Vocabulary::from_bytes(bytes);
}

Batch fixture_batch(const std::string& which) {
  Batch batch;
  auto& text = batch.inputs.emplace_back();
  const auto ids = fixture().values<int32_t>(which + ".ids"), offsets = fixture().values<int32_t>(which + ".offsets");
  for (std::size_t s = 1; s < offsets.size(); ++s)
    text.add(
        -1,
        ids.subspan(static_cast<std::size_t>(offsets[s - 1]), static_cast<std::size_t>(offsets[s] - offsets[s - 1])),
        -1);
  const auto add = [&](const char* name, std::vector<int32_t>& to) {
    if (!fixture().find(which + name)) return;
    const auto values = fixture().values<int32_t>(which + name);
    to.assign(values.begin(), values.end());
  };
  add(".segments", text.segments);
  auto& targets = batch.labels.emplace_back();
  if (which == "regression")
    for (const float x : fixture().values<float>(which + ".targets")) targets.push_back(std::bit_cast<int32_t>(x));
  else
    add(".targets", targets);
  if (which == "tagging") add(".places", batch.labels.emplace_back());
  return batch;
}

struct Distances {
  double logits = 0, losses = 0, gradients = 0, weights = 0;
};

// without: a parameter that is set to zero first.
Distances distances(const std::string& which, const std::string& without = "") {
  const auto model = fixture_model(which);
  auto& parameters = model->parameters();
  if (!without.empty()) std::ranges::fill(parameters.view(without), 0.0f);
  const TaskKind& kind = task_kind(which);
  const auto outputs = model->head()->outputs();
  std::vector<Vocabulary> vocabularies(kind.texts, vocabulary(37, false));
  if (kind.outputs == 0) vocabularies.push_back(vocabulary(outputs, true));
  const auto task = kind.make(*model, vocabularies);
  const Batch batch = fixture_batch(which);
  Distances found;

  Workspace workspace;
  const auto [weight, bias] = model->head()->output(workspace.graph, parameters);
  const Value logits =
      linear(workspace.graph, model->head()->features(workspace.graph, *model, batch.inputs[0]), weight, bias);
  workspace.graph.keep(logits);
  workspace.run();
  const auto want = fixture().values<float>(which + ".logits");
  found.logits = test::relative_error({workspace.data(logits), want.size()}, want);

  const auto adam = nlohmann::json::parse(fixture().meta("adam"));
  const auto losses = fixture().values<float>(which + ".losses");
  // What adds the same to all tokens' logits has no gradient but rounding errors, which Adam brings to full size: a
  // softmax over tokens does not see it.
  const auto unseen = [&](const ParameterSpec& spec) {
    return which == "question-answering" && (spec.name == "head.output.bias" || spec.name == "layers.0.ffn.norm.bias");
  };
  TrainingStep step(*model, *task, 0, 1);
  Optimizer optimizer(parameters.values().size(), {});
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const std::vector<float> scales{1 / static_cast<float>(task->counts(batch)[0])};
    const double loss = step.forward_backward(batch, scales, 0)[0].mean_loss();
    found.losses = std::max(found.losses, std::abs(loss - static_cast<double>(losses[i])));
    if (i == 0)
      for (const auto& spec : parameters.specs())
        if (!spec.name.ends_with("qkv.bias") && !unseen(spec))  // the keys' likewise
          found.gradients =
              std::max(found.gradients, test::relative_error(parameters.gradient_view(spec.name),
                                                             fixture().values<float>(which + ".grad." + spec.name)));
    optimizer.update(parameters.values(), parameters.gradients(), static_cast<int64_t>(i) + 1,
                     adam.at("lr").get<double>());
  }
  for (const auto& spec : parameters.specs()) {
    if (unseen(spec)) continue;
    const auto got = parameters.view(spec.name);
    const auto after = fixture().values<float>(which + ".after." + spec.name);
    const std::size_t width = after.size() / 3;
    for (std::size_t k = 0; k < after.size(); ++k)
      if (!spec.name.ends_with("qkv.bias") || k / width != 1)
        found.weights = std::max(found.weights, std::abs(static_cast<double>(got[k]) - static_cast<double>(after[k])));
  }
  return found;
}

}  // namespace

TEST_CASE("the heads' logits, losses, gradients and weights after five updates are Hugging Face's") {
  for (const std::string which : {"classification", "regression", "tagging", "question-answering"}) {
    INFO(which);
    const auto [logits, losses, gradients, weights] = distances(which);
    CHECK(logits < 1e-5);
    CHECK(losses < 1e-5);
    CHECK(gradients < 2e-5);
    CHECK(weights < 1e-5);
  }
}

TEST_CASE("each parameter of a model with a head that is left out is found by its logits") {
  for (const std::string which : {"classification", "regression", "tagging", "question-answering"}) {
    const auto model = fixture_model(which);
    for (const auto& spec : model->parameters().specs()) {
      INFO(which << " without " << spec.name);
      CHECK(distances(which, spec.name).logits > 1e-3);
    }
  }
}
