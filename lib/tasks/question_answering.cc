#include "tasks/question_answering.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "metrics/answers.h"
#include "ops/linear.h"
#include "ops/span_cross_entropy.h"
#include "tasks/whole_file.h"

namespace storm {

namespace {

constexpr std::size_t kQuestion = 0, kContext = 1, kBegin = 2, kEnd = 3, kBegins = 4, kEnds = 5, kLine = 6;
constexpr std::size_t kTarget = 2;  // column of a window
constexpr std::size_t kBest = 20;   // beginnings, and ends, that are combined in a window: as run_squad.py has it

// A stretch of a context's pieces, last included; none: -1, -1.
struct Span {
  int64_t first = -1, last = -1;
  float score = 0;
};

// The places of the largest logits of a column, best first.
std::vector<std::size_t> best_of(std::span<const float> logits, std::size_t column, std::size_t first,
                                 std::size_t last) {
  std::vector<std::size_t> places(last - first);
  std::iota(places.begin(), places.end(), first);
  const auto most = std::min(kBest, places.size());
  std::ranges::partial_sort(places, places.begin() + static_cast<std::ptrdiff_t>(most), std::greater(),
                            [&](std::size_t t) { return logits[2 * t + column]; });
  places.resize(most);
  return places;
}

// The spans of a window. begin: where the context begins in it; first: the window's first piece in the context.
std::vector<Span> spans_of(std::span<const float> logits, std::size_t begin, std::size_t pieces, int64_t first,
                           int64_t max_answer) {
  std::vector<Span> spans;
  for (const std::size_t s : best_of(logits, 0, begin, begin + pieces))
    for (const std::size_t e : best_of(logits, 1, begin, begin + pieces))
      if (s <= e && static_cast<int64_t>(e - s) < max_answer)
        spans.push_back({first + static_cast<int64_t>(s - begin), first + static_cast<int64_t>(e - begin),
                         logits[2 * s] + logits[2 * e + 1]});
  return spans;
}

// Best first, each span once.
void rank(std::vector<Span>& spans) {
  std::ranges::stable_sort(spans, [](const Span& a, const Span& b) {
    return std::tuple(-a.score, a.first, a.last) < std::tuple(-b.score, b.first, b.last);
  });
  std::vector<Span> ranked;
  for (const Span& span : spans)
    if (std::ranges::none_of(ranked, [&](const Span& r) { return r.first == span.first && r.last == span.last; }))
      ranked.push_back(span);
  spans = std::move(ranked);
}

class AnswerMeasures : public Measures {
 public:
  AnswerMeasures(const QuestionAnswering& task, const TokenFile& file, std::span<const std::string> names,
                 const DecodeOptions& options)
      : task_(task), rows_(file, {.columns = {}}), names_(names.begin(), names.end()), options_(options) {
    options_.nbest = 1;
  }
  std::vector<double> operator()(Device* device) const override {
    auto options = options_;
    options.device = device;
    const auto answers = task_.answers(rows_.columns(), options, nullptr);
    std::vector<double> sums(2);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto& best = answers[i].front();
      std::string said;
      if (!best.ids.empty())
        said = bytes(i, rows_.column(kBegins)[i][static_cast<std::size_t>(best.first)],
                     rows_.column(kEnds)[i][static_cast<std::size_t>(best.first) + best.ids.size() - 1]);
      const std::string gold = bytes(i, static_cast<int32_t>(number_of(rows_.column(kBegin)[i])),
                                     static_cast<int32_t>(number_of(rows_.column(kEnd)[i])));
      sums[0] += exact_match(said, {&gold, 1});
      sums[1] += squad_f1(said, {&gold, 1});
    }
    std::vector<double> found;
    for (const auto& name : names_)
      found.push_back(sums[name == "exact_match" ? 0 : 1] / static_cast<double>(answers.size()));
    return found;
  }

 private:
  std::string bytes(std::size_t row, int32_t begin, int32_t end) const {
    return line_of(
        rows_.column(kLine)[row].subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  }

  const QuestionAnswering& task_;
  WholeFile rows_;
  std::vector<std::string> names_;
  DecodeOptions options_;
};

}  // namespace

QuestionAnswering::QuestionAnswering(const Model& model, std::span<const Vocabulary> vocabularies)
    : HeadedTask(model, vocabularies[0], 2) {
  require(head().outputs() == 2, "the model's head has ", head().outputs(), " outputs, and question answering has two");
  const auto own = task_settings(question_answering_task(), model.config());
  const Settings settings(own);
  rule_.tokens = std::min(settings.whole("window", 8, 1 << 20), as<TextEncoder>(model).longest_source());
  rule_.overlap = settings.whole("overlap", 0, 1 << 20);
  max_answer_ = settings.whole("max_answer", 1, 1 << 20);
  no_answer_ = settings.on("no_answer");
}

std::unique_ptr<RowSource> QuestionAnswering::rows(const TokenFile& file, const TextSettings&,
                                                   std::optional<uint64_t>) const {
  return std::make_unique<AnswerWindows>(file, layout(), rule_, no_answer_);
}

std::vector<Side> QuestionAnswering::sides() const {
  Side side = layout().side();
  side.longest = rule_.tokens;
  return {side};
}

// labels: the rows, within the window, of the answer's first and last token.
Batch QuestionAnswering::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch = texts_of(rows, first, last);
  auto& targets = batch.labels.emplace_back();
  for (int64_t i = first; i < last; ++i) {
    const std::array texts{rows(i, kQuestion), rows(i, kContext)};
    const auto begin = static_cast<int32_t>(layout().begin_of_last(texts));
    for (const int32_t piece : rows(i, kTarget)) targets.push_back(piece < 0 ? 0 : begin + piece);
  }
  return batch;
}

Batch QuestionAnswering::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch = HeadedTask::batch_of_size(tokens, longest);
  batch.labels.emplace_back(static_cast<std::size_t>(2 * batch.inputs[0].sentences()));
  return batch;
}

std::vector<Value> QuestionAnswering::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                             std::span<const float> gradient_scales) const {
  if (options.r_drop > 0) throw UsageError("--r-drop: question-answering has none; leave it out");
  const auto& text = batch.inputs[0];
  const Value states = head().dropped(graph, head().features(graph, model(), text));
  const auto [weight, bias] = head().output(graph, model().parameters());
  const Value offsets = graph.constant({text.sentences() + 1, 1}, text.offsets.data());
  const Value targets = graph.constant({text.sentences(), 2}, batch.labels[0].data());
  return {span_cross_entropy(graph, linear(graph, states, weight, bias), offsets, targets, gradient_scales[0])};
}

std::vector<Hypotheses> QuestionAnswering::answers(RowColumns rows, const DecodeOptions& options,
                                                   std::vector<Workspace>* kept) const {
  struct Window {
    std::size_t row;
    int64_t first, last;
    std::vector<Span> spans = {};
    float none = 0;
  };
  std::vector<Window> windows;
  std::vector<int64_t> lengths;
  for (std::size_t i = 0; i < rows[0].size(); ++i) {
    const int64_t question = std::ssize(rows[kQuestion][i]), around = layout().side().added;
    const int64_t room = rule_.tokens - around - question;
    require(room > 0, "row ", options.first_sentence + i + 1, ": a question of ", question,
            " tokens leaves no room in the model's windows of ", rule_.tokens);
    for (const auto& [first, last] : rule_.cut(std::ssize(rows[kContext][i]), room)) {
      windows.push_back({i, first, last});
      lengths.push_back(around + question + last - first);
    }
  }
  const auto texts_of_window = [&](const Window& w) {
    const auto context =
        rows[kContext][w.row].subspan(static_cast<std::size_t>(w.first), static_cast<std::size_t>(w.last - w.first));
    return std::array{rows[kQuestion][w.row], context};
  };
  each_logits(
      lengths, options, kept,
      [&](std::size_t i, PackedSentences& to) {
        layout().add(to, texts_of_window(windows[i]),
                     static_cast<int64_t>(options.first_sentence + windows[i].row) + 1);
      },
      [&](std::size_t i, std::span<const float> logits) {
        Window& w = windows[i];
        const auto begin = static_cast<std::size_t>(layout().begin_of_last(texts_of_window(w)));
        w.spans = spans_of(logits, begin, static_cast<std::size_t>(w.last - w.first), w.first, max_answer_);
        w.none = logits[0] + logits[1];
      });
  std::vector<Hypotheses> answers(rows[0].size());
  for (auto w = windows.begin(); w != windows.end();) {
    const std::size_t row = w->row;
    std::vector<Span> spans;
    float none = w->none;
    for (; w != windows.end() && w->row == row; ++w) {
      spans.insert(spans.end(), w->spans.begin(), w->spans.end());
      none = std::min(none, w->none);
    }
    if (no_answer_ || spans.empty()) spans.push_back({.score = none});
    rank(spans);
    for (const Span& span : std::span(spans).first(std::min(spans.size(), static_cast<std::size_t>(options.nbest)))) {
      Hypothesis answer{.ids = {}, .score = span.score, .log_prob = span.score};
      answer.first = span.first;
      if (span.first >= 0)
        answer.ids.assign(rows[kContext][row].begin() + span.first, rows[kContext][row].begin() + span.last + 1);
      answers[row].push_back(std::move(answer));
    }
  }
  return answers;
}

std::unique_ptr<Measures> QuestionAnswering::measures(const TokenFile& file, std::span<const std::string> names,
                                                      const DecodeOptions& options) const {
  return std::make_unique<AnswerMeasures>(*this, file, names, options);
}

const TaskKind& question_answering_task() {
  static const TaskKind kind = [] {
    TaskKind k{.name = "question-answering",
               .columns = {"question", "context", "begin", "end"},
               .rows = "questions",
               .measures = {"exact_match", "squad_f1"},
               .asked = 2,
               .answered = kContext,
               .make = [](const Model& model, auto vocabularies) -> std::unique_ptr<Task> {
                 return std::make_unique<QuestionAnswering>(model, vocabularies);
               },
               .settings = head_settings(),
               .training = headed_training(),
               .contents = {.numbers = {kBegin, kEnd}, .placed = {kContext}},
               .texts = 2,
               .epochs = kHeadedEpochs,
               .outputs = 2,
               .searches = false};
    const std::vector<Setting> own{
        {"window", "N", "384", "tokens of a stretch of a context, with its question, that is read at once"},
        {"overlap", "N", "128", "pieces of a context that a stretch shares with the next"},
        {"max-answer", "N", "30", "pieces that an answer has at most"},
        {"no-answer", "yes|no", "no", "questions may have no answer: rows whose end is their begin"}};
    k.settings.insert(k.settings.end(), own.begin(), own.end());
    return k;
  }();
  return kind;
}

}  // namespace storm
