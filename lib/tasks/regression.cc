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

TaskKind kind_of(std::string name, std::vector<std::string> columns, decltype(TaskKind::make) make) {
  const std::size_t texts = columns.size() - 1;
  TaskKind kind{.name = std::move(name),
                .columns = std::move(columns),
                .rows = "texts",
                .measures = {},
                .asked = texts,
                .answered = texts,
                .make = make,
                .settings = pooled_head_settings(),
                .training = headed_training(),
                .contents = {.numbers = {texts}, .placed = {}},
                .texts = texts,
                .epochs = kHeadedEpochs,
                .outputs = 1,
                .searches = false};
  for (const NumberMeasure& measure : number_measures()) kind.measures.push_back(measure.name);
  return kind;
}

}  // namespace

Regression::Regression(const Model& model, std::span<const Vocabulary> vocabularies, std::size_t texts)
    : HeadedTask(model, vocabularies[0], texts) {
  require(head().outputs() == 1, "the model's head has ", head().outputs(), " outputs, and a regression has one");
}

// The targets are kept as a batch keeps labels: by their bits.
Batch Regression::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch = texts_of(rows, first, last);
  auto& targets = batch.labels.emplace_back();
  for (int64_t i = first; i < last; ++i) targets.push_back(rows(i, layout().texts())[0]);
  return batch;
}

Batch Regression::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch = HeadedTask::batch_of_size(tokens, longest);
  batch.labels.emplace_back(static_cast<std::size_t>(batch.inputs[0].sentences()));
  return batch;
}

std::vector<Value> Regression::record(Graph& graph, const Batch& batch, float,
                                      std::span<const float> gradient_scales) const {
  const Value x = head().dropped(graph, head().features(graph, model(), batch.inputs[0]));
  const auto [weight, bias] = head().output(graph, model().parameters());
  std::vector<float> targets;
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
  static const TaskKind kind =
      kind_of("regression", {"text", "score"}, [](const Model& model, auto vocabularies) -> std::unique_ptr<Task> {
        return std::make_unique<Regression>(model, vocabularies, 1);
      });
  return kind;
}

const TaskKind& pair_regression_task() {
  static const TaskKind kind = kind_of("pair-regression", {"text", "text_b", "score"},
                                       [](const Model& model, auto vocabularies) -> std::unique_ptr<Task> {
                                         return std::make_unique<Regression>(model, vocabularies, 2);
                                       });
  return kind;
}

}  // namespace storm
