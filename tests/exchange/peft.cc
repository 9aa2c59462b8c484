// LoRA against PEFT's (scripts/peft-fixtures): the loss and every gradient of A and B, on GPT-2's fused matrix and on
// BERT's three. And the way back.
#include "exchange/peft.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/adapted_model.h"
#include "models/architecture.h"
#include "models/language_model.h"
#include "models/masked_language_model.h"
#include "models/text_encoder.h"
#include "ops/cross_entropy.h"
#include "stream/stream.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/exchange/folders.h"
#include "tests/relative_error.h"

using namespace storm;
using test::imported;
using test::ScratchFolder;

namespace {

constexpr double kTolerance = 1e-5;

const std::vector<std::pair<std::string, std::string>> kAdapters{
    {"gpt2", "gpt2"}, {"gpt2-all", "gpt2"}, {"bert", "bert-masked-lm"}, {"bert-some", "bert-masked-lm"}};

std::string adapter_folder(const std::string& name) { return test::fixture_folder("../peft/" + name); }

std::string imported_adapter(const std::string& folder, const std::string& base, const ScratchFolder& scratch,
                             const std::string& name) {
  Output output(scratch / name);
  import_peft(folder, base, "test", output);
  output.commit();
  return scratch / name;
}

// The loss of the fixture's batch; its gradients are added to the model's.
double loss_of(Model& model, const Document& expected) {
  const auto ids = expected.values<int32_t>("ids"), offsets = expected.values<int32_t>("offsets"),
             labels = expected.values<int32_t>("labels");
  PackedSentences text;
  for (std::size_t i = 1; i < offsets.size(); ++i)
    text.add(
        -1,
        ids.subspan(static_cast<std::size_t>(offsets[i - 1]), static_cast<std::size_t>(offsets[i] - offsets[i - 1])),
        -1);
  Graph graph(true);
  const auto* masked = dynamic_cast<const MaskedLanguageModel*>(&model);
  const Value states = masked ? masked->transformed(graph, as<TextEncoder>(model).encode(graph, text))
                              : as<LanguageModel>(model).states(graph, text, nullptr, nullptr);
  const auto [weight, bias] = masked ? masked->output(graph) : as<LanguageModel>(model).output(graph);
  const auto loss = cross_entropy(graph, states, weight, bias, graph.column({labels.begin(), labels.end()}), 0,
                                  1 / static_cast<float>(labels.size()));
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes);
  const Execution run(graph, plan, arena.data());
  run.forward();
  run.backward();
  return run.data<double>(loss.totals)[0] / static_cast<double>(labels.size());
}

// The model of a base and an adapter with its dropouts off, and its gradients allocated.
std::unique_ptr<Model> quiet(const LoadedModel& base, const std::string& adapter) {
  auto document = read_document(adapter);
  auto config = config_of(document, adapter);
  for (const char* key : {"dropout", "attention_dropout"}) config[key] = 0;
  if (config["adaptation"].contains("lora_dropout")) config["adaptation"]["lora_dropout"] = 0;
  document.metadata[kConfigKey] = config.dump();
  auto model = adapted_model(base, document, adapter);
  model->parameters().allocate_gradients();
  return model;
}

// PEFT's gradients as an adapter of its own, under our names.
std::unique_ptr<Model> their_gradients(const std::string& name, const LoadedModel& base, const ScratchFolder& scratch) {
  const auto folder = scratch / "gradients";
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(adapter_folder(name) + "/adapter_config.json", folder + "/adapter_config.json");
  Document gradients;
  const auto expected = read_document(adapter_folder(name) + "/expected.safetensors");
  for (const auto& tensor : expected.tensors())
    if (tensor.name.starts_with("base_model.")) gradients.add(tensor.name, tensor.dtype, tensor.shape, tensor.bytes);
  Output output(folder + "/adapter_model.safetensors");
  write_document(output, gradients);
  output.commit();
  return quiet(base, imported_adapter(folder, base.name, scratch, "gradients.st"));
}

}  // namespace

TEST_CASE("LoRA's loss and gradients are PEFT's, on GPT-2's fused matrix and on BERT's") {
  for (const auto& [name, folder] : kAdapters) {
    INFO(name);
    const ScratchFolder scratch;
    const auto base = load_model(imported(test::fixture_folder(folder), scratch));
    const auto expected = read_document(adapter_folder(name) + "/expected.safetensors");
    const auto model = quiet(base, imported_adapter(adapter_folder(name), base.name, scratch, "a.st"));
    const double want = expected.values<double>("loss")[0];
    CHECK(std::abs(loss_of(*model, expected) - want) <= 1e-6 * want);
    const auto theirs = their_gradients(name, base, scratch);
    int seen = 0;
    for (const auto& spec : model->parameters().specs()) {
      CHECK(spec.trained == is_low_rank(spec));
      if (!is_low_rank(spec)) continue;
      INFO(spec.name);
      CHECK(test::relative_error(model->parameters().gradient_view(spec.name), theirs->parameters().view(spec.name)) <
            kTolerance);
      // Leaving any of it out is found.
      const auto values = model->parameters().view(spec.name);
      const std::vector<float> kept(values.begin(), values.end());
      std::ranges::fill(values, 0.0f);
      CHECK(std::abs(loss_of(*model, expected) - want) > 1e-4 * want);
      std::ranges::copy(kept, values.begin());
      std::ranges::fill(model->parameters().gradients(), 0.0f);
      loss_of(*model, expected);
      ++seen;
    }
    CHECK(seen >= 4);
  }
}

TEST_CASE("a merged model computes what its base and the adapter do") {
  for (const auto& [name, folder] : kAdapters) {
    INFO(name);
    const ScratchFolder scratch;
    const auto base = load_model(imported(test::fixture_folder(folder), scratch));
    const auto expected = read_document(adapter_folder(name) + "/expected.safetensors");
    const auto model = quiet(base, imported_adapter(adapter_folder(name), base.name, scratch, "a.st"));
    const auto merged = load_model(model_document(*model, base.vocabularies, {}), "merged");
    CHECK(!merged.model->config().contains(kAdaptationKey));
    merged.model->parameters().allocate_gradients();
    CHECK(loss_of(*merged.model, expected) == Approx(expected.values<double>("loss")[0]).epsilon(1e-6));
  }
}

TEST_CASE("an adapter that goes out to PEFT's folder and comes back computes the same, whatever its parts are") {
  const std::vector<std::pair<std::string, std::string>> more{{"*.q,*.v", "gpt2"}, {"*.qkv", "bert-masked-lm"}};
  for (const auto& [layers, folder] : more) {
    INFO(layers);
    const ScratchFolder scratch;
    const auto base = load_model(imported(test::fixture_folder(folder), scratch));
    const auto expected = read_document(adapter_folder(folder == "gpt2" ? "gpt2" : "bert") + "/expected.safetensors");
    auto config = base.model->config();
    const Adaptation adaptation{.rank = 2, .alpha = 3, .low_rank_layers = layers, .base = fingerprint_of(*base.model)};
    adaptation.put_into(config);
    auto model = make_model(config);
    model->parameters().initialize(3);
    for (const auto& spec : model->parameters().specs())
      if (spec.name.ends_with("lora_b"))
        for (float& x : model->parameters().view(spec.name))
          x = 0.01f * static_cast<float>(&x - model->parameters().view(spec.name).data());
    Output output(scratch / "one.st");
    write_document(output, trained_document(*model, {}, {}));
    output.commit();
    export_peft(scratch / "one.st", scratch / "peft");
    const auto one = quiet(base, scratch / "one.st"),
               two = quiet(base, imported_adapter(scratch / "peft", base.name, scratch, "two.st"));
    CHECK(loss_of(*two, expected) == Approx(loss_of(*one, expected)).epsilon(1e-6));
  }
  for (const auto& [name, folder] : kAdapters) {  // and of PEFT's own the same bits
    INFO(name);
    const ScratchFolder scratch;
    const auto base = imported(test::fixture_folder(folder), scratch);
    export_peft(imported_adapter(adapter_folder(name), base, scratch, "a.st"), scratch / "peft");
    const auto theirs = read_document(adapter_folder(name) + "/adapter_model.safetensors"),
               ours = read_document(scratch / "peft/adapter_model.safetensors");
    CHECK(ours.tensors().size() == theirs.tensors().size());
    for (const auto& tensor : theirs.tensors()) {
      INFO(tensor.name);
      CHECK(std::ranges::equal(ours.tensor(tensor.name).bytes, tensor.bytes));
    }
  }
}

TEST_CASE("adapters of other kinds, of other models, and with more than low-rank updates are refused by name") {
  const ScratchFolder scratch;
  const auto base = imported(test::fixture_folder("gpt2"), scratch),
             bert = imported(test::fixture_folder("bert"), scratch, "b.st");
  const auto refused = [&](const std::string& from, const std::string& to) {
    const ScratchFolder work;
    std::filesystem::copy(adapter_folder("gpt2"), work / "a", std::filesystem::copy_options::recursive);
    std::ifstream in(work / "a/adapter_config.json", std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    text.replace(text.find(from), from.size(), to);
    std::ofstream(work / "a/adapter_config.json", std::ios::binary) << text;
    return test::error_of([&] { imported_adapter(work / "a", base, work, "out.st"); });
  };
  CHECK(refused("\"use_dora\": false", "\"use_dora\": true").find("use_dora") != std::string::npos);
  CHECK(refused("\"LORA\"", "\"IA3\"").find("peft_type") != std::string::npos);
  CHECK(refused("\"modules_to_save\": null", "\"modules_to_save\": [\"wte\"]").find("modules_to_save") !=
        std::string::npos);
  CHECK(refused("\"r\": 3", "\"r\": 2").find("is [3, 12]") != std::string::npos);
  CHECK(test::error_of([&] {
          imported_adapter(adapter_folder("gpt2"), bert, scratch, "x.st");
        }).find("has no linear layer transformer.h.0.attn.c_attn") != std::string::npos);
  const auto other = load_model(imported(test::fixture_folder("gpt2-shards"), scratch, "o.st"));
  const auto adapter = imported_adapter(adapter_folder("gpt2"), base, scratch, "a.st");
  CHECK(test::error_of([&] { adapted_model(other, read_document(adapter), adapter); }).find("is not the model that") !=
        std::string::npos);
}
