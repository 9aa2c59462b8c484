#include "tests/models/fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "stream/stream.h"
#include "tests/ops/once.h"

namespace storm::test {

namespace {

Document read(const char* name) {
  const char* root = std::getenv("STORM_ROOT");
  return read_document(std::string(root ? root : ".") + "/tests/models/" + name);
}

}  // namespace

const Document& fixture() {
  static const Document document = read("fixture.safetensors");
  return document;
}

const Document& rnn_fixture() {
  static const Document document = read("rnn.safetensors");
  return document;
}

Batch fixture_batch() {
  const Document& f = fixture();
  const auto source = f.values<int32_t>("src.ids"), target = f.values<int32_t>("tgt_out.ids");
  const auto source_offsets = f.values<int64_t>("src.offsets"), target_offsets = f.values<int64_t>("tgt.offsets");
  std::vector<SentencePair> pairs;  // without the EOS that ends each
  for (std::size_t i = 0; i + 1 < source_offsets.size(); ++i) {
    const auto cut = [i](std::span<const int32_t> ids, std::span<const int64_t> offsets) {
      const auto from = static_cast<std::size_t>(offsets[i]), to = static_cast<std::size_t>(offsets[i + 1]);
      return ids.subspan(from, to - from - 1);
    };
    pairs.push_back({cut(source, source_offsets), cut(target, target_offsets)});
  }
  return make_batch(pairs, {.bos = 2, .eos = 3});
}

std::unique_ptr<Model> fixture_model(const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings) {
  return fixture_model(fixture(), which, settings);
}

std::unique_ptr<Model> fixture_model(const Document& f, const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings) {
  auto config = nlohmann::json::parse(f.meta(which + ".config"));
  config["source_vocab_size"] = config["target_vocab_size"] = 37;
  config["dropout"] = 0;
  for (const auto& [key, value] : settings) config[key] = value;
  auto model = make_model(config);
  for (const auto& spec : model->parameters().specs())
    if (f.find(which + "." + spec.name)) {
      const auto values = f.values<float>(which + "." + spec.name);
      require(values.size() == static_cast<std::size_t>(spec.shape.size()), spec.name, ": not the fixture's size");
      std::copy(values.begin(), values.end(), model->parameters().view(spec.name).begin());
    }
  model->parameters().allocate_gradients();
  return model;
}

namespace {

struct Result {
  double loss, nll;
  std::vector<float> token_nll;
};

Result run(Model& model, const Batch& batch) {
  const auto tokens = static_cast<double>(batch.inputs[1].tokens());
  Graph graph(true);
  const auto loss = storm::loss(as<EncoderDecoder>(model), graph, batch, 0.1f, static_cast<float>(1 / tokens));
  const Once once(graph);
  once.forward();
  once.backward();
  const double* totals = once.run.data<double>(loss.totals);
  const float* nll = once.run.data(loss.token_nll);
  return {totals[0] / tokens, totals[1] / tokens, {nll, nll + batch.inputs[1].tokens()}};
}

}  // namespace

double error_of(const Document& f, const std::string& which, Model& model, const Batch& batch) {
  const Result result = run(model, batch);
  double worst = std::abs(result.loss / static_cast<double>(f.values<float>(which + ".loss")[0]) - 1);
  worst = std::max(worst, std::abs(result.nll / static_cast<double>(f.values<float>(which + ".nll")[0]) - 1));

  const auto logits = f.values<float>(which + ".logits");
  const auto vocabulary = static_cast<std::size_t>(model.description().vocabularies[1]);
  std::vector<float> want;
  for (std::size_t t = 0; t < batch.labels[0].size(); ++t) {
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<double>(logits[t * vocabulary + v]));
    want.push_back(static_cast<float>(
        std::log(sum) - static_cast<double>(logits[t * vocabulary + static_cast<std::size_t>(batch.labels[0][t])])));
  }
  worst = std::max(worst, relative_error(result.token_nll, want));
  for (const auto& spec : model.parameters().specs()) {
    const auto* tensor = f.find(which + ".grad." + spec.name);
    if (!tensor) return INFINITY;
    worst = std::max(worst, relative_error(model.parameters().gradient_view(spec.name),
                                           f.values<float>(which + ".grad." + spec.name)));
  }
  return worst;
}

double decoding_error_of(const Document& f, const std::string& which, const Model& model, const Batch& batch) {
  Workspace workspace;
  const auto decoder = as<EncoderDecoder>(model).start(workspace, batch.inputs[0]);
  const auto logits = f.values<float>(which + ".logits");
  const auto width = static_cast<std::size_t>(model.description().vocabularies[1]);
  double worst = 0;
  std::vector<int32_t> alive;
  for (int32_t s = 0; s < batch.inputs[1].sentences(); ++s) alive.push_back(s);
  std::vector<int32_t> parents = alive;
  for (int32_t step = 0; !alive.empty(); ++step) {
    std::vector<int32_t> tokens;
    for (const int32_t s : alive)
      tokens.push_back(
          batch.inputs[1].ids[static_cast<std::size_t>(batch.inputs[1].offsets[static_cast<std::size_t>(s)] + step)]);
    workspace.graph.clear();
    const Value out = decoder->step(workspace.graph, parents, tokens);
    workspace.graph.keep(out);
    workspace.run();
    std::vector<int32_t> left;
    parents.clear();
    for (std::size_t r = 0; r < alive.size(); ++r) {
      const auto s = static_cast<std::size_t>(alive[r]);
      const auto row = static_cast<std::size_t>(batch.inputs[1].offsets[s] + step);
      worst =
          std::max(worst, relative_error({workspace.data(out) + r * width, width}, logits.subspan(row * width, width)));
      if (batch.inputs[1].offsets[s + 1] - batch.inputs[1].offsets[s] > step + 1) {
        left.push_back(alive[r]);
        parents.push_back(static_cast<int32_t>(r));
      }
    }
    alive = left;
  }
  return worst;
}

}  // namespace storm::test
