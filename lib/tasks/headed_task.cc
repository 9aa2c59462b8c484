#include "tasks/headed_task.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "base/split.h"
#include "decode/sorted_batches.h"
#include "ops/linear.h"

namespace storm {

namespace {

const TextEncoder& headed(const Model& model) {
  require(model.head() != nullptr, "the model has no head for its task; train makes one");
  return as<TextEncoder>(model);
}

}  // namespace

HeadedTask::HeadedTask(const Model& model, const Vocabulary& vocabulary, std::size_t texts)
    : model_(model), layout_(headed(model), vocabulary, texts) {}

Batch HeadedTask::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch;
  batch.inputs.push_back(PackedSentences::of_size(tokens, (tokens + longest[0] - 1) / longest[0], longest[0]));
  return batch;
}

Batch HeadedTask::texts_of(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch{.inputs = std::vector<PackedSentences>(1), .labels = {}};
  std::vector<std::span<const int32_t>> texts(layout_.texts());
  for (int64_t i = first; i < last; ++i) {
    for (std::size_t c = 0; c < texts.size(); ++c) texts[c] = rows(i, c);
    layout_.add(batch.inputs[0], texts, i + 1);
  }
  return batch;
}

void HeadedTask::each_logits(std::span<const int64_t> lengths, const DecodeOptions& options,
                             std::vector<Workspace>* kept, const Add& add, const Take& take) const {
  std::vector<Workspace> own;
  std::vector<Workspace>& workspaces = kept ? *kept : own;
  const auto wanted = options.device ? std::size_t{1} : static_cast<std::size_t>(thread_count());
  while (workspaces.size() < wanted) workspaces.emplace_back(options.device);
  const auto batches = sorted_batches(lengths, options.max_tokens, INT32_MAX);
  const auto run = [&](const std::vector<std::size_t>& batch, Workspace& workspace) {
    PackedSentences text;
    for (const std::size_t i : batch) add(i, text);
    Graph& graph = workspace.graph;
    graph.clear();
    const auto [weight, bias] = head().output(graph, model_.parameters());
    const Value logits = linear(graph, head().features(graph, model_, text), weight, bias);
    graph.keep(logits);
    workspace.run();
    const std::span<const float> all(workspace.data(logits), static_cast<std::size_t>(graph.shape(logits).size()));
    const auto outputs = static_cast<std::size_t>(head().outputs());
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const auto begin = head().pools() ? k : static_cast<std::size_t>(text.offsets[k]),
                 end = head().pools() ? k + 1 : static_cast<std::size_t>(text.offsets[k + 1]);
      const auto own_logits = all.subspan(begin * outputs, (end - begin) * outputs);
      for (const float x : own_logits)
        require(std::isfinite(x), "row ", options.first_sentence + batch[k] + 1, ": the model's answer is ",
                std::isnan(x) ? "not a number" : "infinite", "; has its training diverged? take an earlier checkpoint");
      take(batch[k], own_logits);
    }
  };
  if (options.device)
    for (const auto& batch : batches) run(batch, workspaces[0]);
  else
    parallel_items(std::ssize(batches), [&](int64_t b) {
      run(batches[static_cast<std::size_t>(b)], workspaces[static_cast<std::size_t>(thread_number())]);
    });
}

void HeadedTask::each_logits(RowColumns rows, const DecodeOptions& options, std::vector<Workspace>* kept,
                             const Take& take) const {
  const auto texts_of_row = [&](std::size_t i) {
    std::vector<std::span<const int32_t>> texts;
    for (std::size_t c = 0; c < layout_.texts(); ++c) texts.push_back(rows[c][i]);
    return texts;
  };
  std::vector<int64_t> lengths;
  for (std::size_t i = 0; i < rows[0].size(); ++i) lengths.push_back(layout_.tokens(texts_of_row(i)));
  each_logits(
      lengths, options, kept,
      [&](std::size_t i, PackedSentences& to) {
        layout_.add(to, texts_of_row(i), static_cast<int64_t>(options.first_sentence + i) + 1);
      },
      take);
}

Batch TargetTask::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch = texts_of(rows, first, last);
  auto& targets = batch.labels.emplace_back();
  for (int64_t i = first; i < last; ++i) targets.push_back(rows(i, layout().texts())[0]);
  return batch;
}

Batch TargetTask::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch = HeadedTask::batch_of_size(tokens, longest);
  batch.labels.emplace_back(static_cast<std::size_t>(batch.inputs[0].sentences()));
  return batch;
}

std::vector<Setting> head_settings() {
  return {{"head-dropout", "RATE", "0.1", "dropout of what a task's head reads"},
          {"head-layer", "N|last|mix", "last",
           "which layer a task's head reads (0: the embeddings), or a learned mix of all"}};
}

std::vector<Setting> pooled_head_settings() {
  auto settings = head_settings();
  settings.push_back(
      {kPoolKey, "KIND", "auto",
       "how a task's head makes one vector of a text: " + joined(head_pools()) + "; auto: as the architecture has it"});
  return settings;
}

// As BERT's authors fine-tuned it, but for a rate that suits smaller models and a warmup that needs no number of
// updates.
std::map<std::string, double> headed_training() {
  return {{"label_smoothing", 0}, {"lr", 1e-4}, {"warmup", 100}, {"clip_norm", 1}};
}

std::vector<double> log_softmax(std::span<const float> logits) {
  const auto most = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - most);
  std::vector<double> log_probs;
  for (const float x : logits) log_probs.push_back(static_cast<double>(x) - most - std::log(sum));
  return log_probs;
}

}  // namespace storm
