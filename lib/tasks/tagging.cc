#include "tasks/tagging.h"

#include <algorithm>

#include "base/error.h"
#include "inspect/words.h"
#include "metrics/entities.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "tasks/whole_file.h"

namespace storm {

namespace {

constexpr std::size_t kText = 0, kTags = 1;  // columns of a row
constexpr const char* kAccuracy = "accuracy";
constexpr const char* kEntityF1 = "entity_f1";

// The first piece of each word, by what a placed column says. A word may have no piece: BERT's vocabularies drop
// control characters, and uncased ones marks that combine. It is told by the piece that follows, or by what stands
// behind the text. Throws Error for a line whose end was cut off, which its letters show.
std::vector<std::size_t> first_pieces(std::span<const int32_t> begins, std::span<const int32_t> ends,
                                      std::span<const int32_t> bytes, const std::string& where) {
  const std::string line = line_of(bytes);
  const auto pieces = words_of(line, begins, ends);
  std::vector<std::size_t> first;
  for (std::size_t p = 0; p < pieces.size(); ++p)
    if (pieces[p].count > 0)
      first.resize(std::max(first.size(), static_cast<std::size_t>(pieces[p].first + pieces[p].count)), p);
  const auto words = static_cast<std::size_t>(word_count(line));
  const auto behind = std::string_view(line).substr(ends.empty() ? 0 : static_cast<std::size_t>(ends.back()));
  require(first.size() == words || std::ranges::none_of(behind, [](char c) { return c > ' ' && c < 0x7f; }), where,
          ": has ", words, " words, and pieces of the first ", first.size(),
          ", since tokenize --max-length cut it; make two lines of it");
  first.resize(words, pieces.size());
  return first;
}

std::vector<std::size_t> words_of_row(const Rows& rows, int64_t row, const std::string& where) {
  return first_pieces(rows(row, kTags + 1), rows(row, kTags + 2), rows(row, kTags + 3), where);
}

class TagMeasures : public Measures {
 public:
  TagMeasures(const Tagging& task, const Side& side, const Vocabulary& tags, const TokenFile& file,
              std::span<const std::string> names, const DecodeOptions& options)
      : task_(task), tags_(tags), rows_(file, side), names_(names.begin(), names.end()), options_(options) {
    for (const auto& row : rows_.column(kTags)) gold_.push_back(tags_of(row));
  }
  std::vector<double> operator()(Device* device) const override {
    auto options = options_;
    options.device = device;
    std::vector<std::vector<std::string>> predicted;
    int64_t correct = 0, words = 0;
    for (const auto& answers : task_.answers(rows_.columns(), options, nullptr)) {
      const auto gold = rows_.column(kTags)[predicted.size()];
      const auto& ids = answers[0].ids;
      require(ids.size() == gold.size(), "row ", predicted.size() + 1, ": has ", ids.size(), " words and ", gold.size(),
              " tags");
      for (std::size_t w = 0; w < gold.size(); ++w) correct += ids[w] == gold[w];
      words += std::ssize(gold);
      predicted.push_back(tags_of(ids));
    }
    std::vector<double> found;
    for (const auto& name : names_)
      found.push_back(name == kAccuracy ? words > 0 ? static_cast<double>(correct) / static_cast<double>(words) : 0
                                        : entity_f1(gold_, predicted));
    return found;
  }

 private:
  std::vector<std::string> tags_of(std::span<const int32_t> ids) const {
    std::vector<std::string> tags;
    for (const int32_t id : ids) tags.push_back(tags_.piece(id));
    return tags;
  }

  const Tagging& task_;
  const Vocabulary& tags_;
  WholeFile rows_;
  std::vector<std::string> names_;
  DecodeOptions options_;
  std::vector<std::vector<std::string>> gold_;
};

}  // namespace

Tagging::Tagging(const Model& model, std::span<const Vocabulary> vocabularies)
    : HeadedTask(model, vocabularies[kText], 1), tags_(vocabularies[kTags]) {
  require(tags_.size() == head().outputs(), "the model's head has ", head().outputs(), " outputs, and there are ",
          tags_.size(), " tags");
}

int32_t Tagging::place_of(std::span<const int32_t> text, std::size_t piece, int64_t tokens) const {
  const int64_t place = layout().begin_of_last({&text, 1}) + static_cast<int64_t>(piece);
  return static_cast<int32_t>(std::min(place, tokens - 1));
}

std::unique_ptr<RowSource> Tagging::rows(const TokenFile& file, const TextSettings&, std::optional<uint64_t>) const {
  Rows rows;
  for (int64_t row = 0; row < file.size(); ++row) {
    rows.clear();
    file.append(row, rows);
    const auto where = str(file.name(), ": row ", row + 1);
    const auto words = words_of_row(rows, 0, where).size(), tags = rows(0, kTags).size();
    require(words > 0, where, ": has no words; leave blank lines out (tokenize --empty drop)");
    require(words == tags, where, ": has ", words, " words and ", tags, " tags");
  }
  return nullptr;
}

// labels: the words' tags; then the row of each word's first piece among the batch's tokens.
Batch Tagging::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch = texts_of(rows, first, last);
  batch.labels.resize(2);
  auto& tags = batch.labels[0];
  auto& places = batch.labels[1];
  for (int64_t i = first; i < last; ++i) {
    const auto words = words_of_row(rows, i, str("row ", i + 1));
    const auto row = rows(i, kTags), text = rows(i, kText);
    const auto from = batch.inputs[0].offsets[static_cast<std::size_t>(i - first)];
    const auto length = batch.inputs[0].offsets[static_cast<std::size_t>(i - first) + 1] - from;
    for (const std::size_t word : words) places.push_back(from + place_of(text, word, length));
    tags.insert(tags.end(), row.begin(), row.end());
  }
  return batch;
}

Batch Tagging::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch = HeadedTask::batch_of_size(tokens, longest);  // at most, each token is a word
  batch.labels.resize(2, std::vector<int32_t>(static_cast<std::size_t>(batch.inputs[0].tokens())));
  return batch;
}

std::vector<Value> Tagging::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                   std::span<const float> gradient_scales) const {
  const auto& tags = batch.labels[0];
  const auto& places = batch.labels[1];
  const Shape shape{std::ssize(tags), 1};
  const Value states = head().dropped(graph, head().features(graph, model(), batch.inputs[0]));
  const Value words = gather(graph, states, graph.constant(shape, places.data()));
  const auto [weight, bias] = head().output(graph, model().parameters());
  const Value targets = graph.constant(shape, tags.data());
  return {cross_entropy(graph, words, weight, bias, targets, options, gradient_scales[0]).totals};
}

std::vector<Hypotheses> Tagging::answers(RowColumns rows, const DecodeOptions& options,
                                         std::vector<Workspace>* kept) const {
  if (options.nbest > 1) throw UsageError("--nbest has no meaning for tags, which are told word by word");
  const auto outputs = static_cast<std::size_t>(head().outputs());
  const auto parts = rows.subspan(rows.size() - 3);
  std::vector<Hypotheses> answers(rows[0].size());
  each_logits(rows, options, kept, [&](std::size_t i, std::span<const float> logits) {
    Hypothesis answer;
    double sum = 0;
    const auto tokens = static_cast<int64_t>(logits.size() / outputs);
    const auto where = str("row ", options.first_sentence + i + 1);
    for (const std::size_t word : first_pieces(parts[0][i], parts[1][i], parts[2][i], where)) {
      const auto place = static_cast<std::size_t>(place_of(rows[kText][i], word, tokens));
      const auto own = logits.subspan(place * outputs, outputs);
      const auto best = std::ranges::max_element(own) - own.begin();
      answer.ids.push_back(static_cast<int32_t>(best));
      sum += log_softmax(own)[static_cast<std::size_t>(best)];
    }
    answer.score = answer.log_prob = static_cast<float>(sum);
    answers[i].push_back(std::move(answer));
  });
  return answers;
}

std::unique_ptr<Measures> Tagging::measures(const TokenFile& file, std::span<const std::string> names,
                                            const DecodeOptions& options) const {
  return std::make_unique<TagMeasures>(*this, layout().side(), tags_, file, names, options);
}

const TaskKind& tagging_task() {
  static const TaskKind kind{.name = "tagging",
                             .columns = {"text", "tags"},
                             .rows = "texts",
                             .measures = {kEntityF1, kAccuracy},
                             .answered = kTags,
                             .make = [](const Model& model, auto vocabularies) -> std::unique_ptr<Task> {
                               return std::make_unique<Tagging>(model, vocabularies);
                             },
                             .noised = 1,
                             .settings = head_settings(),
                             .training = headed_training(),
                             .contents = {.numbers = {}, .placed = {kText}},
                             .texts = 1,
                             .epochs = kHeadedEpochs,
                             .searches = false};
  return kind;
}

}  // namespace storm
