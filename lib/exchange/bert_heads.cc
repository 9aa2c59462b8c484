#include "exchange/bert_heads.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/settings.h"
#include "base/split.h"
#include "exchange/config_values.h"
#include "models/text_head.h"
#include "text/list_vocabulary.h"

namespace storm {

namespace {

struct Head {
  std::string_view task, theirs;
  std::string layer;    // of theirs
  std::string columns;  // of texts, by which tokenize reads what the model is asked
  std::string labels;   // the column of labels; "": the head's outputs are no labels
  bool pools, placed;   // the layer is over the pooled vector; tokenize tells where pieces stand
};

// Of the tasks that a class serves, the first is taken where nothing says more.
const Head kHeads[]{
    {"classification", "BertForSequenceClassification", "classifier", "text", "label", true, false},
    {"pair-classification", "BertForSequenceClassification", "classifier", "text,text_b", "label", true, false},
    {"regression", "BertForSequenceClassification", "classifier", "text", "", true, false},
    {"pair-regression", "BertForSequenceClassification", "classifier", "text,text_b", "", true, false},
    {"tagging", "BertForTokenClassification", "classifier", "text", "tags", false, true},
    {"question-answering", "BertForQuestionAnswering", "qa_outputs", "question,context", "", false, true}};

// What decode does with the head's answers, which config.json has no word for.
constexpr const char* kAnswerSettings[]{"window", "overlap", "max_answer", "no_answer"};

std::string class_of(const Folder& folder) {
  const auto names = folder.config().find("architectures");
  if (names == folder.config().end() || !names->is_array() || names->size() != 1) return "";
  return names->front().is_string() ? names->front().get<std::string>() : "";
}

const Head& head_of(const nlohmann::json& config) {
  const auto task = task_of(config);
  const auto head = std::ranges::find(kHeads, task, &Head::task);
  if (head == std::end(kHeads)) throw UsageError(str("no folder has a head for the task ", task));
  const auto outputs = config.at(kHeadOutputsKey);
  require(
      head->pools == config.contains(kPoolKey) && (head->labels.empty() == false || outputs == (head->pools ? 1 : 2)),
      "configuration: its head is not that of the task ", task);
  return *head;
}

// The head of a folder with so many outputs.
const Head& head_of(const Folder& folder, int64_t outputs) {
  auto c = folder.fields();
  const auto problem = c.text("problem_type", "");
  if (problem == "multi_label_classification")
    c.fail_at("problem_type", "a text of several labels at once; STORM's classification has one label of a text");
  if (!problem.empty() && problem != "regression" && problem != "single_label_classification")
    c.fail_at("problem_type", "'", problem, "' is none that is known");
  const auto theirs = class_of(folder);
  const auto first = std::ranges::find(kHeads, theirs, &Head::theirs);
  const bool regression = first->labels == "label" && (problem.empty() ? outputs == 1 : problem == "regression");
  if (regression && outputs != 1) c.fail_at("problem_type", "a regression of ", outputs, " numbers, STORM's has one");
  if (first->task == "question-answering" && outputs != 2)
    c.fail_at("architectures", theirs, " with ", outputs, " outputs, not begin and end");
  const auto is_it = [&](const Head& head, std::string_view task) {
    return head.theirs == theirs && head.labels.empty() == (regression || first->labels.empty()) &&
           (task.empty() || head.task == task);
  };
  const auto wanted = own_settings(folder.config()).value("task", "");
  const auto found = std::ranges::find_if(kHeads, [&](const Head& head) { return is_it(head, wanted); });
  if (found == std::end(kHeads))
    throw UsageError(str(folder.path(), ": its head is for ",
                         std::ranges::find_if(kHeads, [&](const Head& head) { return is_it(head, ""); })->task,
                         ", and not for ", wanted));
  return *found;
}

// The labels in the order of the outputs; as transformers names those that nobody named.
std::vector<std::string> labels_of(const Folder& folder, int64_t outputs) {
  auto c = folder.fields();
  std::vector<std::string> labels;
  for (int64_t i = 0; i < outputs; ++i) labels.push_back(str("LABEL_", i));
  if (!c.has("id2label")) return labels;
  const auto& names = c.any("id2label");
  if (!names.is_object() || std::ssize(names) != outputs)
    c.fail_at("id2label", "no object of the head's ", outputs, " outputs");
  for (const auto& [id, name] : names.items()) {
    const auto place = parse_number<int64_t>(id);
    if (!place || *place < 0 || *place >= outputs || !name.is_string())
      c.fail_at("id2label", "'", id, "' is none of the head's outputs, or has no name");
    const auto label = name.get<std::string>();
    if (label.empty() || label.find_first_of(" \t\r\n") != label.npos)
      c.fail_at("id2label", "the label '", label, "' is empty or has a space; write another one there, of one word");
    labels[static_cast<std::size_t>(*place)] = label;
  }
  return labels;
}

}  // namespace

bool is_bert_head(const Folder& folder) {
  return std::ranges::find(kHeads, class_of(folder), &Head::theirs) != std::end(kHeads);
}

bool has_bert_head(const nlohmann::json& config) {
  const bool has = config.contains(kHeadOutputsKey),
             wanted = std::ranges::count(kHeads, task_of(config), &Head::task) > 0;
  require(has || !wanted, "configuration: it names the task ", task_of(config), ", and no head (\"", kHeadOutputsKey,
          "\")");
  return has;
}

std::string bert_head_class(const nlohmann::json& config) { return std::string(head_of(config).theirs); }

void set_bert_head(nlohmann::json& config, Folder& folder) {
  const auto layer = std::ranges::find(kHeads, class_of(folder), &Head::theirs)->layer;
  const auto& shape = folder.weights().tensor(layer + ".weight").shape;
  require(shape.size() == 2 && shape[0] > 0, folder.weights().where(layer + ".weight"), ": ", layer,
          ".weight is no matrix");
  const Head& head = head_of(folder, shape[0]);
  auto c = folder.fields();
  config["task"] = head.task;
  config[kHeadOutputsKey] = shape[0];
  const bool drops = head.task != "question-answering";
  config["head_dropout"] =
      drops ? number_from(c, "classifier_dropout", config.at("dropout").get<double>()) : nlohmann::json(0);
  if (head.pools) config[kPoolKey] = "pooler";
  config["pooler"] = yes_or_no(head.pools);
  config["masked_lm"] = config["next_sentence"] = "no";
  auto& flags = config[kDefaultsKey]["tokenize"];
  flags["columns"] = head.columns;
  if (head.placed) {  // a context is read in windows, and every word has a tag
    flags["offsets"] = "yes";
    flags.erase("max-length");
  }
  const auto own = own_settings(folder.config());
  for (const char* key : kAnswerSettings)
    if (own.contains(key)) config[key] = own.at(key);
}

Vocabularies with_labels(Vocabulary texts, const Folder& folder, const nlohmann::json& config) {
  const Head& head = head_of(config);
  if (head.labels.empty()) return {{"vocab", std::move(texts)}};
  const auto labels = labels_of(folder, config.at(kHeadOutputsKey).get<int64_t>());
  auto list = Vocabulary::from_bytes(list_bytes(ListKind::labels, {labels.begin(), labels.end()}),
                                     folder.path_of("config.json"));
  Vocabularies all{{"vocab." + head.labels, std::move(list)}};
  for (const auto& column : split_at_commas(head.columns)) all.emplace("vocab." + column, texts);
  return all;
}

void add_head_rows(std::vector<TensorRow>& rows, const nlohmann::json& config) {
  const auto [weight, bias] = add_layer(rows, "head.output", {head_of(config).layer});
  weight->head = bias->head = true;
}

void add_head_files(nlohmann::json& theirs, const nlohmann::json& config, const Vocabularies& vocabularies) {
  const Head& head = head_of(config);
  if (const auto pool = config.value(kPoolKey, ""); head.pools && pool != "pooler")
    throw UsageError(str("--pool: a folder has no room for ", pool, ", ", head.theirs, " has the model's pooler"));
  if (const auto layer = config.value("head_layer", nlohmann::json("last")); layer != "last")
    throw UsageError(str("--head-layer: the head reads layer ", layer.dump(), ", and a folder's reads the last one"));
  const auto outputs = config.at(kHeadOutputsKey).get<int64_t>();
  auto& names = theirs["id2label"] = nlohmann::json::object();
  auto& ids = theirs["label2id"] = nlohmann::json::object();
  for (int32_t i = 0; i < outputs; ++i) {
    const auto name = head.labels.empty() ? str("LABEL_", i) : vocabularies.at("vocab." + head.labels).piece(i);
    names[std::to_string(i)] = name;
    ids[name] = i;
  }
  if (head.pools) theirs["problem_type"] = head.labels.empty() ? "regression" : "single_label_classification";
  if (head.task != "question-answering")
    theirs["classifier_dropout"] = config.at("head_dropout");
  else if (config.at("head_dropout") != 0)
    note("--head-dropout is lost: BertForQuestionAnswering has none");
  nlohmann::json own = nlohmann::json::object();
  if (&head != std::ranges::find(kHeads, head.theirs, &Head::theirs)) own["task"] = head.task;
  for (const char* key : kAnswerSettings)
    if (config.contains(key)) own[key] = config.at(key);
  if (!own.empty()) theirs[kOwnKey] = std::move(own);
}

}  // namespace storm
