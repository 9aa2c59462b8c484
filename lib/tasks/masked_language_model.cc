#include "tasks/masked_language_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/sentence_pairs.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/linear.h"
#include "ops/top_k.h"
#include "tasks/ordinary_ids.h"
#include "tensor/workspace.h"

namespace storm {

namespace {

constexpr std::size_t kIds = 0, kAsked = 1, kPair = 2;  // columns of a row
constexpr const char *kMaskedAccuracy = "masked_accuracy", *kNextAccuracy = "next_accuracy";

// What is asked for, without the places where nothing is.
std::vector<int32_t> asked_ids(std::span<const int32_t> labels) {
  std::vector<int32_t> ids;
  std::ranges::copy_if(labels, std::back_inserter(ids), [](int32_t id) { return id != MaskedRows::kNotAsked; });
  return ids;
}

class Accuracies : public Measures {
 public:
  Accuracies(const MaskedLanguageModeling& task, const RowSource& rows, std::span<const std::string> names)
      : task_(task), source_(rows, task.sides(), std::max<int64_t>(1024, rows.longest()[0] + 3), false) {
    for (const auto& name : names) masked_.push_back(name == kMaskedAccuracy);
  }

  std::vector<double> operator()(Device* device) const override {
    Workspace workspace(device);
    Graph& graph = workspace.graph;
    struct {
      int64_t right = 0, all = 0;
      double percent() const { return all == 0 ? 0 : 100 * static_cast<double>(right) / static_cast<double>(all); }
    } of_masked, of_next;
    Rows rows;
    for (Place place; source_.next(place, rows);) {
      const Batch batch = task_.batch(rows, 0, rows.size());
      graph.clear();
      const auto asked = task_.asked(graph, batch);
      const auto best = [&](Value x, const OutputLayer& output) {
        const Value ids = top_k(graph, linear(graph, x, output.weight, output.bias), 1).ids;
        graph.keep(ids);
        return ids;
      };
      const Value said_masked = asked.masked ? best(asked.masked, task_.masked_head()->output(graph)) : Value{};
      const Value said_next = asked.next ? best(asked.next, task_.next_head()->next_sentence(graph)) : Value{};
      workspace.run();
      const auto judge = [&](Value said, std::span<const int32_t> wanted, auto& figures) {
        const auto* ids = workspace.data<int32_t>(said);
        for (const int32_t id : wanted) figures.right += *ids++ == id ? 1 : 0;
        figures.all += std::ssize(wanted);
      };
      if (said_masked) judge(said_masked, asked_ids(batch.labels.front()), of_masked);
      if (said_next) judge(said_next, batch.labels.back(), of_next);
    }
    std::vector<double> values;
    for (const bool masked : masked_) values.push_back(masked ? of_masked.percent() : of_next.percent());
    return values;
  }

 private:
  const MaskedLanguageModeling& task_;
  BatchSource source_;
  std::vector<bool> masked_;  // which each measure is
};

class PseudoLogLikelihood : public Scorer {
 public:
  PseudoLogLikelihood(const MaskReader& model, const ScoreOptions& options) : model_(model), options_(options) {}
  bool has_ends() const override { return false; }
  std::vector<double> add(RowColumns rows) override {
    const int64_t first = first_;
    first_ += std::ssize(rows[0]);
    return pseudo_log_probs(model_, rows[0], options_.max_tokens, options_.device, first);
  }

 private:
  MaskReader model_;
  ScoreOptions options_;
  int64_t first_ = 1;  // the number of the next row
};

MaskRule mask_rule(const Vocabulary& vocabulary, const nlohmann::json& settings) {
  MaskRule rule{.rate = Settings(settings).real("mask_rate", 0, 1),
                .whole_words = Settings(settings).on("whole_words")};
  for (const char* name : {"[MASK]", "<mask>"})
    if (rule.mask < 0) rule.mask = vocabulary.id_of(name);
  rule.ordinary = ordinary_ids(vocabulary);
  if (rule.mask >= 0) rule.ordinary[static_cast<std::size_t>(rule.mask)] = false;
  for (int32_t id = 0; id < vocabulary.size(); ++id)
    rule.goes_on.push_back(!vocabulary.marked_piece(id).starts_with("\u2581"));
  return rule;
}

}  // namespace

MaskedLanguageModeling::MaskedLanguageModeling(const Model& model, int32_t before, int32_t behind, MaskRule rule)
    : model_(model),
      encoder_(as<TextEncoder>(model)),
      masked_(dynamic_cast<const MaskedLanguageModel*>(&model)),
      next_(dynamic_cast<const NextSentence*>(&model)),
      pooler_(next_ ? &as<TextPooler>(model) : nullptr),
      before_(before),
      behind_(behind),
      rule_(std::move(rule)) {
  if (!masked_ && !next_)
    throw UsageError(str(model.architecture(), " has neither of the heads that are pre-trained; give --masked-lm yes"));
  if (encoder_.ends() != TextEnds::bos_and_eos)
    throw UsageError(str("a model of the architecture ", model.architecture(), " reads no text between BOS and EOS"));
}

std::vector<std::string> MaskedLanguageModeling::losses() const {
  std::vector<std::string> names;
  if (masked_) names.emplace_back("masked");
  if (next_) names.emplace_back("next");
  return names;
}

std::vector<Side> MaskedLanguageModeling::sides() const { return {{{kIds}, next_ ? 3 : 2, encoder_.longest_source()}}; }

std::unique_ptr<RowSource> MaskedLanguageModeling::rows(const TokenFile& file, const TextSettings& text,
                                                        std::optional<uint64_t> seed) const {
  if (text.block == 0) throw UsageError("--rows: masked texts are cut into blocks; leave it out, or give --block N");
  const int64_t ends = sides()[0].added;
  if (text.block < ends + 2)
    throw UsageError(
        str("--block ", text.block, ": ", ends, " of its tokens are [CLS] and [SEP]; give ", ends + 2, " at least"));
  std::unique_ptr<const RowSource> texts;
  if (next_)
    texts = std::make_unique<SentencePairs>(file, text.block - ends, seed);
  else
    texts = std::make_unique<TextBlocks>(RunningText(file, behind_, true), text.block - ends, seed, false);
  return std::make_unique<MaskedRows>(std::move(texts), rule_, seed);
}

Batch MaskedLanguageModeling::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch{.inputs = std::vector<PackedSentences>(1), .labels = {}};
  auto& text = batch.inputs[0];
  std::vector<int32_t> asked, next, ids;
  for (int64_t i = first; i < last; ++i) {
    const auto all = rows(i, kIds), wanted = rows(i, kAsked);
    const auto in_first = next_ ? static_cast<std::size_t>(rows(i, kPair)[0]) : all.size();
    ids.assign(all.begin(), all.end());
    asked.push_back(MaskedRows::kNotAsked);
    asked.insert(asked.end(), wanted.begin(), wanted.end());
    if (next_) {
      ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(in_first), behind_);
      asked.insert(asked.end() - std::ssize(all) + static_cast<std::ptrdiff_t>(in_first), MaskedRows::kNotAsked);
      next.push_back(rows(i, kPair)[1]);
    }
    asked.push_back(MaskedRows::kNotAsked);
    text.add(before_, ids, behind_);
    if (!next_) continue;
    text.segments.resize(text.ids.size() - (all.size() - in_first + 1), 0);
    text.segments.resize(text.ids.size(), 1);
  }
  if (masked_) batch.labels.push_back(std::move(asked));
  if (next_) batch.labels.push_back(std::move(next));
  return batch;
}

Batch MaskedLanguageModeling::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch;
  const int64_t length = std::max(longest[0], sides()[0].added + 1), rows = (tokens + length - 1) / length;
  batch.inputs.push_back(PackedSentences::of_size(tokens, rows, length));
  // The rate is rounded row by row.
  const auto asked = static_cast<int64_t>(std::ceil(rule_.rate * static_cast<double>(tokens))) + rows;
  std::vector<int32_t> labels(static_cast<std::size_t>(tokens), MaskedRows::kNotAsked);
  std::fill_n(labels.begin(), std::min(asked, tokens), 0);
  if (masked_) batch.labels.push_back(std::move(labels));
  if (!next_) return batch;
  batch.inputs[0].segments.assign(static_cast<std::size_t>(tokens), 1);
  batch.labels.emplace_back(static_cast<std::size_t>(batch.inputs[0].sentences()));
  return batch;
}

std::vector<int64_t> MaskedLanguageModeling::counts(const Batch& batch) const {
  std::vector<int64_t> counts;
  if (masked_)
    counts.push_back(std::ssize(batch.labels[0]) - std::ranges::count(batch.labels[0], MaskedRows::kNotAsked));
  if (next_) counts.push_back(batch.inputs[0].sentences());
  return counts;
}

MaskedLanguageModeling::Asked MaskedLanguageModeling::asked(Graph& graph, const Batch& batch) const {
  const auto& text = batch.inputs[0];
  const Value states = encoder_.encode(graph, text);
  Asked asked;
  if (masked_) {
    std::vector<int32_t> places;
    for (std::size_t t = 0; t < batch.labels[0].size(); ++t)
      if (batch.labels[0][t] != MaskedRows::kNotAsked) places.push_back(static_cast<int32_t>(t));
    asked.masked = masked_->transformed(graph, gather(graph, states, graph.column(std::move(places))));
  }
  if (next_) asked.next = pooler_->pooled(graph, states, graph.column({text.offsets.begin(), text.offsets.end() - 1}));
  return asked;
}

std::vector<Value> MaskedLanguageModeling::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                                  std::span<const float> gradient_scales) const {
  const Asked asked = this->asked(graph, batch);
  std::vector<Value> totals;
  const auto lose = [&](Value x, const OutputLayer& output, std::vector<int32_t> labels) {
    const float scale = gradient_scales[totals.size()];
    totals.push_back(
        cross_entropy(graph, x, output.weight, output.bias, graph.column(std::move(labels)), options, scale).totals);
  };
  if (masked_) lose(asked.masked, masked_->output(graph), asked_ids(batch.labels[0]));
  if (next_) lose(asked.next, next_->next_sentence(graph), batch.labels.back());
  return totals;
}

MaskReader MaskedLanguageModeling::reader() const {
  return {encoder_, as<MaskedLanguageModel>(model_), before_, behind_, rule_.mask};
}

std::vector<Hypotheses> MaskedLanguageModeling::answers(RowColumns rows, const DecodeOptions& options,
                                                        std::vector<Workspace>* kept) const {
  return fill_masks(reader(), rows[0], options, kept);
}

std::unique_ptr<Scorer> MaskedLanguageModeling::scorer(const ScoreOptions& options) const {
  if (options.stride > 0) throw UsageError("--stride has no meaning for masked language models: each row is a text");
  return std::make_unique<PseudoLogLikelihood>(reader(), options);
}

std::unique_ptr<Measures> MaskedLanguageModeling::row_measures(const RowSource& rows, const TokenFile&,
                                                               std::span<const std::string> names,
                                                               const DecodeOptions&) const {
  for (const auto& name : names)
    if ((name == kMaskedAccuracy && !masked_) || (name == kNextAccuracy && !next_))
      throw UsageError(str("--measure ", name, ": the model has no head for it; leave it out"));
  return std::make_unique<Accuracies>(*this, rows, names);
}

const TaskKind& masked_language_model_task() {
  static const TaskKind kind{
      .name = "masked-language-model",
      .columns = {"text"},
      .rows = "texts",
      .measures = {kMaskedAccuracy, kNextAccuracy},
      .make = [](const Model& model, std::span<const Vocabulary> vocabularies) -> std::unique_ptr<Task> {
        const Vocabulary& vocabulary = vocabularies[0];
        const auto rule = mask_rule(vocabulary, task_settings(masked_language_model_task(), model.config()));
        require(vocabulary.bos_id() >= 0 && vocabulary.eos_id() >= 0,
                "the vocabulary has no [CLS] and [SEP] (BOS and EOS), which texts stand between");
        require(
            rule.mask >= 0,
            "the vocabulary has no [MASK]; tokenize --learn --type wordpiece makes one, or give --symbols '[MASK]'");
        return std::make_unique<MaskedLanguageModeling>(model, vocabulary.bos_id(), vocabulary.eos_id(), rule);
      },
      .running_text = true,
      .settings = {{"mask-rate", "RATE", "0.15", "share of a text's pieces that is asked for, each epoch other ones"},
                   {"whole-words", "[yes|no]", "no", "pieces of one word are masked together"}},
      .training = {{"label_smoothing", 0}, {"block", 128}, {"clip_norm", 1}, {"weight_decay", 0.01}},
      .searches = false};
  return kind;
}

}  // namespace storm
