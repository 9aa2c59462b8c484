#include "tasks/classification.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/named.h"
#include "metrics/classification.h"
#include "ops/cross_entropy.h"
#include "tasks/whole_file.h"

namespace storm {

namespace {

struct LabelMeasure {
  std::string name;
  double (*of)(std::span<const MatchCounts> labels);
};

// A measure is added by its line here.
std::span<const LabelMeasure> label_measures() {
  static const std::vector<LabelMeasure> measures{
      {"accuracy", accuracy},
      {"f1", [](std::span<const MatchCounts> labels) { return macro_average(labels).f1; }},
      {"weighted_f1", [](std::span<const MatchCounts> labels) { return weighted_average(labels).f1; }},
      {"matthews", matthews}};
  return measures;
}

class LabelMeasures : public Measures {
 public:
  LabelMeasures(const Classification& task, const TextLayout& layout, int32_t labels, const TokenFile& file,
                std::span<const std::string> names, const DecodeOptions& options)
      : task_(task), labels_(labels), rows_(file, layout.side()), options_(options) {
    for (const auto& name : names) measures_.push_back(&named_entry(label_measures(), name, "--measure:"));
    for (const auto& label : rows_.column(layout.texts())) gold_.push_back(label[0]);
  }
  std::vector<double> operator()(Device* device) const override {
    auto options = options_;
    options.device = device;
    options.nbest = 1;
    std::vector<int32_t> predicted;
    for (const auto& answers : task_.answers(rows_.columns(), options, nullptr))
      predicted.push_back(answers.front().ids.front());
    const auto counts = label_counts(gold_, predicted, labels_);
    std::vector<double> found;
    for (const LabelMeasure* measure : measures_) found.push_back(measure->of(counts));
    return found;
  }

 private:
  const Classification& task_;
  int32_t labels_;
  WholeFile rows_;
  DecodeOptions options_;
  std::vector<const LabelMeasure*> measures_;
  std::vector<int32_t> gold_;
};

}  // namespace

Classification::Classification(const Model& model, std::span<const Vocabulary> vocabularies, std::size_t texts)
    : TargetTask(model, vocabularies[0], texts) {
  require(vocabularies[texts].size() == head().outputs(), "the model's head has ", head().outputs(),
          " outputs, and there are ", vocabularies[texts].size(), " labels");
}

std::unique_ptr<RowSource> Classification::rows(const TokenFile& file, const TextSettings&,
                                                std::optional<uint64_t>) const {
  std::vector<int64_t> lengths(file.longest().size());
  for (int64_t row = 0; row < file.size(); ++row) {
    file.lengths(row, lengths);
    const int64_t labels = lengths[layout().texts()];
    require(labels == 1, file.name(), ": row ", row + 1, ": has ", labels,
            " labels, not one; a list's labels have no spaces");
  }
  return nullptr;
}

std::vector<Value> Classification::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                          std::span<const float> gradient_scales) const {
  const auto& labels = batch.labels[0];
  const Value x = head().dropped(graph, head().features(graph, model(), batch.inputs[0]));
  const auto [weight, bias] = head().output(graph, model().parameters());
  const Value targets = graph.constant({std::ssize(labels), 1}, labels.data());
  return {cross_entropy(graph, x, weight, bias, targets, options, gradient_scales[0]).totals};
}

std::vector<Hypotheses> Classification::answers(RowColumns rows, const DecodeOptions& options,
                                                std::vector<Workspace>* kept) const {
  std::vector<Hypotheses> answers(rows[0].size());
  each_logits(rows, options, kept, [&](std::size_t i, std::span<const float> logits) {
    const auto log_probs = log_softmax(logits);
    std::vector<int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater(), [&](int32_t id) { return logits[static_cast<std::size_t>(id)]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(options.nbest)));
    for (const int32_t id : order) {
      const auto log_prob = static_cast<float>(log_probs[static_cast<std::size_t>(id)]);
      answers[i].push_back({.ids = {id}, .score = log_prob, .log_prob = log_prob});
    }
  });
  return answers;
}

namespace {

class LabelScorer : public Scorer {
 public:
  LabelScorer(const Classification& task, std::size_t texts, const ScoreOptions& options) : task_(task), texts_(texts) {
    options_.max_tokens = options.max_tokens;
    options_.device = options.device;
    options_.nbest = INT32_MAX;  // all labels
  }
  bool has_ends() const override { return false; }
  std::vector<double> add(RowColumns rows) override {
    const auto answers = task_.answers(rows, options_, nullptr);
    std::vector<double> scores;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto& label = rows[texts_][i];
      require(label.size() == 1, "row ", options_.first_sentence + i + 1, ": has ", label.size(), " labels, not one");
      scores.push_back(static_cast<double>(
          std::ranges::find(answers[i], label[0], [](const Hypothesis& h) { return h.ids[0]; })->log_prob));
    }
    options_.first_sentence += answers.size();
    return scores;
  }

 private:
  const Classification& task_;
  std::size_t texts_;
  DecodeOptions options_;
};

TaskKind kind_of(const char* name, std::size_t texts) {
  auto kind = target_task<Classification>(name, texts, "label");
  kind.recuts = true;
  kind.noised = texts;
  for (const LabelMeasure& measure : label_measures()) kind.measures.push_back(measure.name);
  return kind;
}

}  // namespace

std::unique_ptr<Scorer> Classification::scorer(const ScoreOptions& options) const {
  if (options.stride > 0) throw UsageError("--stride has no meaning for classification: each row is its own");
  return std::make_unique<LabelScorer>(*this, layout().texts(), options);
}

std::unique_ptr<Measures> Classification::measures(const TokenFile& file, std::span<const std::string> names,
                                                   const DecodeOptions& options) const {
  return std::make_unique<LabelMeasures>(*this, layout(), static_cast<int32_t>(head().outputs()), file, names, options);
}

const TaskKind& classification_task() {
  static const TaskKind kind = kind_of("classification", 1);
  return kind;
}

const TaskKind& pair_classification_task() {
  static const TaskKind kind = kind_of("pair-classification", 2);
  return kind;
}

}  // namespace storm
