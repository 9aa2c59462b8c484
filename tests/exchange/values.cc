// What imported models compute is what transformers computes of the same folders (scripts/exchange-fixtures).
#include <nlohmann/json.hpp>

#include "exchange/export.h"
#include "models/encoder_decoder.h"
#include "models/language_model.h"
#include "models/masked_language_model.h"
#include "models/model_file.h"
#include "models/next_sentence.h"
#include "models/text_pooler.h"
#include "ops/linear.h"
#include "stream/stream.h"
#include "stream/transform.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/exchange/folders.h"
#include "tests/relative_error.h"

using namespace storm;
using test::fixture_folder;
using test::imported;
using test::relative_error;
using test::ScratchFolder;

namespace {

constexpr double kTolerance = 1e-5;

PackedSentences rows_of(const Document& expected, const std::string& ids, const std::string& offsets) {
  PackedSentences packed;
  const auto all = expected.values<int32_t>(ids);
  const auto begins = expected.values<int64_t>(offsets);
  for (std::size_t i = 0; i + 1 < begins.size(); ++i)
    packed.add(
        -1, all.subspan(static_cast<std::size_t>(begins[i]), static_cast<std::size_t>(begins[i + 1] - begins[i])), -1);
  return packed;
}

std::span<const float> found(Workspace& workspace, Value value) {
  return {workspace.data(value), static_cast<std::size_t>(workspace.graph.shape(value).size())};
}

// The worst of all of a folder's tensors that transformers recorded; seen: how many these were.
double worst_error(const std::string& model_path, const std::string& folder, int& seen) {
  const auto loaded = load_model(model_path);
  const auto expected = read_document(folder + "/expected.safetensors");
  auto text = rows_of(expected, "ids", "offsets");
  if (expected.find("segments")) {
    const auto segments = expected.values<int32_t>("segments");
    text.segments.assign(segments.begin(), segments.end());
  }
  const auto target =
      expected.find("target_ids") ? rows_of(expected, "target_ids", "target_offsets") : PackedSentences();
  Workspace workspace;
  Graph& graph = workspace.graph;
  Trace trace;
  trace.states = true;
  std::map<std::string, Value> values;
  const Model& model = *loaded.model;
  if (target.tokens() > 0) {
    const auto& able = as<EncoderDecoder>(model);
    const auto [weight, bias] = able.output(graph);
    values["logits"] = linear(graph, able.states(graph, text, target, &trace), weight, bias);
  } else if (dynamic_cast<const LanguageModel*>(&model)) {
    const auto& able = as<LanguageModel>(model);
    const auto [weight, bias] = able.output(graph);
    values["logits"] = linear(graph, able.states(graph, text, &trace), weight, bias);
  } else if (const TextHead* head = model.head()) {
    const auto [weight, bias] = head->output(graph, model.parameters());
    values["logits"] = linear(graph, head->features(graph, model, text, &trace), weight, bias);
  } else {
    as<TextEncoder>(model).encode(graph, text, &trace);
    const Value last = trace.encoder_states.back();
    if (expected.find("logits")) {
      const auto& able = as<MaskedLanguageModel>(model);
      const auto [weight, bias] = able.output(graph);
      values["logits"] = linear(graph, able.transformed(graph, last), weight, bias);
    }
    const auto pooled = [&] {
      std::vector<int32_t> first(text.offsets.begin(), text.offsets.end() - 1);
      return as<TextPooler>(model).pooled(graph, last, graph.column(std::move(first)));
    };
    if (expected.find("pooled")) values["pooled"] = pooled();
    if (expected.find("next")) {
      const auto [weight, bias] = as<NextSentence>(model).next_sentence(graph);
      values["next"] = linear(graph, pooled(), weight, bias);
    }
  }
  for (std::size_t i = 0; i < trace.encoder_states.size(); ++i)
    values["states." + std::to_string(i)] = trace.encoder_states[i];
  for (const auto& [name, value] : values) graph.keep(value);
  workspace.run();
  double worst = 0;
  for (const auto& tensor : expected.tensors()) {
    if (tensor.dtype != DType::F32) continue;
    ++seen;
    const auto got = found(workspace, values.at(tensor.name)), want = expected.values<float>(tensor.name);
    REQUIRE(got.size() == want.size());
    worst = std::max(worst, relative_error(got, want));
  }
  return worst;
}

const std::vector<std::pair<std::string, int>> kFolders{{"bert-classification", 4},
                                                        {"bert-regression", 4},
                                                        {"bert-tagging", 4},
                                                        {"bert-question-answering", 4},
                                                        {"bert", 4},
                                                        {"bert-masked-lm", 4},
                                                        {"bert-untied", 5},
                                                        {"bert-next", 3},
                                                        {"gpt2", 4},
                                                        {"gpt2-shards", 4},
                                                        {"marian", 4},
                                                        {"marian-apart", 4}};

std::vector<std::byte> bytes_of(const Document& document, const std::string& name) {
  const auto bytes = document.tensor(name).bytes;
  return {bytes.begin(), bytes.end()};
}

void check_same(const std::string& a, const std::string& b) {
  const auto first = read_document(a), second = read_document(b);
  CHECK(first.meta(kConfigKey) == second.meta(kConfigKey));
  REQUIRE(first.tensors().size() == second.tensors().size());
  for (const auto& tensor : first.tensors()) {
    INFO(tensor.name);
    CHECK(bytes_of(first, tensor.name) == bytes_of(second, tensor.name));
  }
}

}  // namespace

TEST_CASE("states of every layer, logits and pooled vectors of imported models are transformers'") {
  const ScratchFolder scratch;
  for (const auto& [name, tensors] : kFolders) {
    INFO(name);
    int seen = 0;
    CHECK(worst_error(imported(fixture_folder(name), scratch, name), fixture_folder(name), seen) < kTolerance);
    CHECK(seen >= tensors);
  }
}

TEST_CASE("every parameter of an imported model counts: without it transformers' values are missed") {
  const ScratchFolder scratch;
  for (const auto& [name, tensors] : kFolders) {
    const auto path = imported(fixture_folder(name), scratch, name);
    const auto document = read_document(path);
    const auto model = made_model(document, path);
    for (const auto& spec : model->parameters().specs()) {
      INFO(name << ": " << spec.name);
      Document damaged;
      damaged.metadata = document.metadata;
      std::vector<float> values(static_cast<std::size_t>(spec.shape.size()));
      for (const auto& t : document.tensors())
        if (t.name == spec.name)
          damaged.add(t.name, DType::F32, t.shape, std::as_bytes(std::span(values)));
        else
          damaged.add_view(t.name, t.dtype, t.shape, t.bytes);
      Output output(scratch / "damaged.st");
      write_document(output, damaged);
      output.commit();
      int seen = 0;
      CHECK(worst_error(scratch / "damaged.st", fixture_folder(name), seen) > kTolerance);
    }
  }
}

TEST_CASE("a model that is exported and imported again has the same bits, configuration and vocabularies") {
  for (const auto& name :
       {"bert-classification", "bert-regression", "bert-tagging", "bert-question-answering", "bert", "bert-masked-lm",
        "bert-untied", "bert-next", "sentences", "gpt2", "gpt2-shards", "marian", "marian-apart"}) {
    INFO(name);
    const ScratchFolder scratch;
    const auto first = imported(fixture_folder(name), scratch, "first.st");
    export_folder(first, scratch / "folder");
    check_same(first, imported(scratch / "folder", scratch, "second.st"));
  }
}

TEST_CASE("weights in F16 and BF16 are read, each as the float that it is") {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    const test::CopiedFolder folder("gpt2");
    const auto before = read_document(folder.path + "/model.safetensors");
    {
      Output output(folder.path + "/half.safetensors");
      write_converted(before, dtype, output);
      output.commit();
    }
    std::filesystem::rename(folder.path + "/half.safetensors", folder.path + "/model.safetensors");
    const auto half = read_document(folder.path + "/model.safetensors"), model = read_document(folder.import());
    const Tensor& theirs = half.tensor("transformer.wpe.weight");
    REQUIRE(theirs.dtype == dtype);
    std::vector<double> want(static_cast<std::size_t>(theirs.elements()));
    read_floats(theirs, 0, std::span(want));
    const auto got = model.values<float>("positions.weight");
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(static_cast<double>(got[i]) == want[i]);
  }
}
