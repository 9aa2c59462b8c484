#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/named.h"
#include "tasks/bidirectional_language_model.h"
#include "tasks/classification.h"
#include "tasks/language_model.h"
#include "tasks/masked_language_model.h"
#include "tasks/question_answering.h"
#include "tasks/regression.h"
#include "tasks/tagging.h"
#include "tasks/task.h"
#include "tasks/translation.h"

namespace storm {

namespace {

// A task is added by its line here.
const TaskKind* const kTasks[] = {&translation_task(),
                                  &language_model_task(),
                                  &bidirectional_language_model_task(),
                                  &masked_language_model_task(),
                                  &classification_task(),
                                  &pair_classification_task(),
                                  &regression_task(),
                                  &pair_regression_task(),
                                  &tagging_task(),
                                  &question_answering_task()};

}  // namespace

std::span<const TaskKind* const> task_kinds() { return kTasks; }

const TaskKind& task_kind(std::string_view name) { return named_entry(kTasks, name, "--task:"); }

std::vector<int64_t> vocabulary_sizes(const TaskKind& kind, const Model& model) {
  const auto& own = model.description().vocabularies;
  if (kind.texts == 0) return own;
  std::vector<int64_t> sizes(kind.texts, own[0]);
  if (kind.outputs == 0) sizes.push_back(model.head() ? model.head()->outputs() : 0);
  return sizes;
}

nlohmann::json task_settings(const TaskKind& kind, const nlohmann::json& config) {
  auto settings = nlohmann::json::object();
  for (const Setting& s : kind.settings) {
    const auto key = key_of_flag(s.flag);
    settings[key] = config.contains(key) ? config.at(key) : typed_setting(s.preset);
  }
  return settings;
}

std::unique_ptr<Measures> Task::measures(const TokenFile&, std::span<const std::string>, const DecodeOptions&) const {
  throw UsageError("this task has no measures beside its loss");
}

std::unique_ptr<RowSource> Task::rows(const TokenFile&, const TextSettings&, std::optional<uint64_t>) const {
  return nullptr;
}

std::vector<Hypotheses> Task::answers(RowColumns, const DecodeOptions&, std::vector<Workspace>*) const {
  throw UsageError("this task has no answers to give");
}

std::unique_ptr<Scorer> Task::scorer(const ScoreOptions&) const {
  throw UsageError("this task has no answers whose probability could be told");
}

void add(Losses& to, const Losses& more) {
  if (to.empty()) to.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) {
    to[i].loss += more[i].loss;
    to[i].nll += more[i].nll;
    to[i].count += more[i].count;
  }
}

double mean_loss(const Losses& losses) {
  double sum = 0;
  for (const LossSums& one : losses) sum += one.mean_loss();
  return sum;
}

double perplexity(const Losses& losses) { return std::exp(losses.front().mean_nll()); }

double mean_nll(const Losses& losses) {
  double sum = 0;
  for (const LossSums& one : losses) sum += one.mean_nll();
  return sum;
}

}  // namespace storm
