// Models under a task's head, from and to folders: what they are for, what their labels are called, what is refused.
#include <nlohmann/json.hpp>

#include "exchange/export.h"
#include "models/architecture.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/exchange/folders.h"

using namespace storm;
using test::CopiedFolder;
using test::fixture_folder;
using test::imported;
using test::refused;
using test::ScratchFolder;

namespace {

nlohmann::json config_of(const std::string& model) { return load_model(model).model->config(); }

std::string import_for(const std::string& folder, const std::string& task, const ScratchFolder& scratch) {
  Output output(scratch / "for.st");
  import_folder(folder, "test", output, task);
  output.commit();
  return scratch / "for.st";
}

// The model with other entries of its configuration.
std::string changed(const std::string& model, const nlohmann::json& entries, const ScratchFolder& scratch) {
  const auto document = read_document(model);
  Document other;
  other.metadata = document.metadata;
  auto config = config_of(model);
  config.update(entries);
  other.metadata[kConfigKey] = config.dump();
  for (const auto& t : document.tensors()) other.add_view(t.name, t.dtype, t.shape, t.bytes);
  Output output(scratch / "changed.st");
  write_document(output, other);
  output.commit();
  return scratch / "changed.st";
}

nlohmann::json their_config(const std::string& folder) {
  std::ifstream in(folder + "/config.json");
  return nlohmann::json::parse(in);
}

}  // namespace

TEST_CASE("a head that is imported says its task, its outputs, its labels and how its texts are read") {
  struct Case {
    const char *folder, *task, *pool, *columns, *offsets, *labels;
    int64_t outputs;
    double dropout;
  };
  for (const Case& c : {Case{"bert-classification", "classification", "pooler", "text", "", "vocab.label", 3, 0.2},
                        {"bert-regression", "regression", "pooler", "text", "", "", 1, 0.1},
                        {"bert-tagging", "tagging", "", "text", "yes", "vocab.tags", 5, 0.1},
                        {"bert-question-answering", "question-answering", "", "question,context", "yes", "", 2, 0}}) {
    INFO(c.folder);
    const ScratchFolder scratch;
    const auto loaded = load_model(imported(fixture_folder(c.folder), scratch));
    const auto& config = loaded.model->config();
    CHECK(task_of(config) == c.task);
    CHECK(config.value("pool", "") == c.pool);
    CHECK(config.at("head_outputs") == c.outputs);
    CHECK(config.at("head_dropout") == c.dropout);
    const auto flags = flags_of(config, "tokenize");
    CHECK(flags.at("columns") == c.columns);
    CHECK(flags.value("offsets", "") == c.offsets);
    CHECK(flags.contains("max-length") == (c.offsets == std::string()));  // whose rows must not be cut
    CHECK(loaded.vocabularies.contains("vocab") == (c.labels == std::string()));
    if (c.labels != std::string()) CHECK(loaded.vocabularies.contains(c.labels));
  }
  const ScratchFolder scratch;
  CHECK(load_model(imported(fixture_folder("bert-classification"), scratch)).vocabulary("label") ==
        "storm.labels 1\nbad\nso-so\ngood\n");
}

TEST_CASE("labels that nobody named have transformers' names, and an older file's pooler is passed over") {
  const CopiedFolder folder("bert-classification");
  auto config = their_config(folder.path);
  config.erase("id2label");
  folder.write("config.json", config.dump());
  CHECK(load_model(folder.import()).vocabulary("label") == "storm.labels 1\nLABEL_0\nLABEL_1\nLABEL_2\n");
  config["architectures"] = {"BertForTokenClassification"};
  folder.write("config.json", config.dump());
  CHECK(task_of(config_of(folder.import())) == "tagging");
}

TEST_CASE("texts come in pairs where the import is told so, which an export keeps") {
  const ScratchFolder scratch;
  for (const auto& [name, task, columns] : {std::tuple("bert-classification", "pair-classification", "vocab.text_b"),
                                            {"bert-regression", "pair-regression", "vocab"}}) {
    const auto first = import_for(fixture_folder(name), task, scratch);
    CHECK(task_of(config_of(first)) == task);
    CHECK(flags_of(config_of(first), "tokenize").at("columns") == "text,text_b");
    CHECK(load_model(first).vocabularies.contains(columns));
    export_folder(first, scratch / name);
    CHECK(config_of(imported(scratch / name, scratch, "again.st")) == config_of(first));
  }
  CHECK(refused([&] { import_for(fixture_folder("bert-tagging"), "pair-classification", scratch); },
                {"its head is for tagging, and not for pair-classification"}));
  CHECK(refused([&] { import_for(fixture_folder("bert-regression"), "pair-classification", scratch); },
                {"its head is for regression, and not for pair-classification"}));
  for (const char* none : {"bert", "gpt2"})
    CHECK(refused([&] { import_for(fixture_folder(none), "pair-classification", scratch); },
                  {"--task", "no head that is for pair-classification"}));
}

TEST_CASE("a head goes out as its class, with its labels in both directions") {
  const ScratchFolder scratch;
  const auto out = [&](const std::string& name) {
    export_folder(imported(fixture_folder(name), scratch), scratch / name);
    return their_config(scratch / name);
  };
  const auto labels = out("bert-classification");
  CHECK(labels.at("architectures") == nlohmann::json{"BertForSequenceClassification"});
  CHECK(labels.at("id2label") == nlohmann::json{{"0", "bad"}, {"1", "so-so"}, {"2", "good"}});
  CHECK(labels.at("label2id") == nlohmann::json{{"bad", 0}, {"so-so", 1}, {"good", 2}});
  CHECK(labels.at("problem_type") == "single_label_classification");
  CHECK(labels.at("classifier_dropout") == 0.2);
  CHECK(out("bert-regression").at("problem_type") == "regression");
  CHECK(out("bert-tagging").at("architectures") == nlohmann::json{"BertForTokenClassification"});
  CHECK(out("bert-question-answering").at("architectures") == nlohmann::json{"BertForQuestionAnswering"});
  const auto weights = read_document(scratch / "bert-tagging/model.safetensors");
  CHECK(weights.find("classifier.weight"));
  CHECK(weights.find("bert.embeddings.word_embeddings.weight"));
}

TEST_CASE("what train makes of a head goes out, and what transformers has not is refused by its flag") {
  const ScratchFolder scratch;
  const auto model = imported(fixture_folder("bert-classification"), scratch);
  const nlohmann::json as_trained{{"pooler", true}, {"masked_lm", false}, {"next_sentence", false}};
  export_folder(changed(model, as_trained, scratch), scratch / "folder");
  CHECK(their_config(scratch / "folder").at("architectures") == nlohmann::json{"BertForSequenceClassification"});
  CHECK(refused(
      [&] {
        export_folder(changed(model, {{"pool", "mean"}}, scratch), scratch / "none");
      },
      {"--pool", "mean", "pooler"}));
  CHECK_FALSE(std::filesystem::exists(scratch / "none"));
  const auto answers = imported(fixture_folder("bert-question-answering"), scratch);
  export_folder(changed(answers, {{"window", 20}, {"no_answer", "yes"}}, scratch), scratch / "answers");
  const auto again = config_of(imported(scratch / "answers", scratch, "again.st"));
  CHECK(again.at("window") == 20);
  CHECK(again.at("no_answer") == "yes");
}
