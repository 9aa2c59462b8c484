#include "tasks/regression.h"

#include <bit>

#include "base/error.h"
#include "base/named.h"
#include "metrics/correlation.h"
#include "ops/linear.h"
#include "ops/squared_error.h"
#include "tasks/whole_file.h"

namespace storm {

namespace {

struct NumberMeasure {
  std::string name;
  double (*of)(std::span<const double> gold, std::span<const double> predicted);
};

// A measure is added by its line here.
std::span<const NumberMeasure> number_measures() {
  static const std::vector<NumberMeasure> measures{{"pearson", pearson}, {"spearman", spearman}};
  return measures;
}

class NumberMeasures : public Measures {
 public:
  NumberMeasures(const Regression& task, const TextLayout& layout, const TokenFile& file,
                 std::span<const std::string> names, const DecodeOptions& options)
      : task_(task), rows_(file, layout.side()), options_(options) {
    for (const auto& name : names) measures_.push_back(&named_entry(number_measures(), name, "--measure:"));
    for (const auto& column : rows_.column(layout.texts())) gold_.push_back(static_cast<double>(number_of(column)));
  }
  std::vector<double> operator()(Device* device) const override {
    auto options = options_;
    options.device = device;
    std::vector<double> predicted, found;
    for (const auto& answers : task_.answers(rows_.columns(), options, nullptr))
      predicted.push_back(static_cast<double>(answers[0].score));
    for (const NumberMeasure* measure : measures_) found.push_back(measure->of(gold_, predicted));
    return found;
  }

 private:
  const Regression& task_;
  WholeFile rows_;
  DecodeOptions options_;
  std::vector<const NumberMeasure*> measures_;
  std::vector<double> gold_;
};

TaskKind kind_of(const char* name, std::size_t texts) {
  auto kind = target_task<Regression>(name, texts, "score");
  kind.recuts = true;
  kind.noised = texts;
  kind.contents.numbers = {texts};
  kind.outputs = 1;
  for (const NumberMeasure& measure : number_measures()) kind.measures.push_back(measure.name);
  return kind;
}

}  // namespace

Regression::Regression(const Model& model, std::span<const Vocabulary> vocabularies, std::size_t texts)
    : TargetTask(model, vocabularies[0], texts) {
  require(head().outputs() == 1, "the model's head has ", head().outputs(), " outputs, and a regression has one");
}

std::vector<Value> Regression::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                      std::span<const float> gradient_scales) const {
  if (options.r_drop > 0)
    throw UsageError("--r-drop holds probabilities together, of which regression has none; leave it out");
  const Value x = head().dropped(graph, head().features(graph, model(), batch.inputs[0]));
  const auto [weight, bias] = head().output(graph, model().parameters());
  std::vector<float> targets;  // of which a batch keeps the bits
  for (const int32_t bits : batch.labels[0]) targets.push_back(std::bit_cast<float>(bits));
  const Shape shape{std::ssize(targets), 1};
  return {squared_error(graph, linear(graph, x, weight, bias), graph.constant(shape, std::move(targets)),
                        gradient_scales[0])};
}

std::vector<Hypotheses> Regression::answers(RowColumns rows, const DecodeOptions& options,
                                            std::vector<Workspace>* kept) const {
  if (options.nbest > 1) throw UsageError("--nbest has no meaning for a regression, which has one answer");
  std::vector<Hypotheses> answers(rows[0].size());
  each_logits(rows, options, kept, [&](std::size_t i, std::span<const float> logits) {
    answers[i].push_back({.ids = {}, .score = logits[0]});
  });
  return answers;
}

std::unique_ptr<Measures> Regression::measures(const TokenFile& file, std::span<const std::string> names,
                                               const DecodeOptions& options) const {
  return std::make_unique<NumberMeasures>(*this, layout(), file, names, options);
}

const TaskKind& regression_task() {
  static const TaskKind kind = kind_of("regression", 1);
  return kind;
}

const TaskKind& pair_regression_task() {
  static const TaskKind kind = kind_of("pair-regression", 2);
  return kind;
}

}  // namespace storm
