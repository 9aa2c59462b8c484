#include "decode/sampling.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/random.h"
#include "decode/answer_end.h"
#include "decode/banned_ids.h"
#include "decode/diverged.h"
#include "decode/draw_id.h"
#include "decode/logits_processor.h"
#include "ops/draw.h"
#include "ops/top_k.h"

namespace storm {

namespace {

struct Row {
  std::size_t sentence;  // in the batch
  int32_t number;        // which of its samples
  RandomStream random;
  Hypothesis sample;
  double log_prob = 0;
  int32_t next = -1;  // what was drawn last

  void add(int32_t id, float more) {
    next = id;
    log_prob += static_cast<double>(more);
  }
};

// The id that a row must go on with: its prefix's, or EOS at its maximum length; -1: one is drawn.
int32_t forced_id(const DecodingBatch& batch, std::size_t sentence, int32_t step, const SpecialIds& special) {
  const auto& prefix = batch.prefixes[sentence];
  if (static_cast<std::size_t>(step) < prefix.size()) return prefix[static_cast<std::size_t>(step)];
  return step >= batch.most[sentence] ? special.eos : -1;
}

// So many ids a row are still few: only these are sorted out of all, and only these come off a device.
constexpr int32_t kFew = 256;

// One step of all rows.
class DrawingStep {
 public:
  DrawingStep(const SpecialIds& special, const DecodeOptions& options, Workspace& workspace)
      : special_(special), options_(options), workspace_(workspace), processors_(options, special) {}

  // Gives each row its next id.
  void operator()(Decoder& decoder, const DecodingBatch& batch, int32_t step, std::span<Row> rows,
                  std::span<const int32_t> parents, std::span<const int32_t> tokens) {
    prepare(batch, step, rows);
    Graph& graph = workspace_.graph;
    graph.clear();
    logits_ = decoder.step(graph, parents, tokens);
    log_probs_ = left_ = {};
    const auto undrawn = std::ranges::count(undrawn_, true);
    const Choices choices = undrawn > 0 ? record_choices() : Choices{};
    const Value forced = undrawn < std::ssize(rows) ? pick(graph, log_probs(), column(forced_)) : Value{};
    for (const Value v : {choices.drawn.ids, choices.drawn.log_probs, choices.likeliest.log_probs,
                          choices.likeliest.ids, choices.totals, choices.all, choices.logits, forced})
      if (v) graph.keep(v);
    workspace_.run();
    if (forced) take_forced(batch, step, rows, forced);
    if (choices.drawn.ids) take_drawn(rows, choices.drawn);
    if (choices.likeliest.ids) draw_here(rows, choices.likeliest.log_probs, choices.likeliest.ids, choices.totals);
    if (choices.logits) draw_processed(batch, step, rows);
    if (choices.all && std::ranges::count(undrawn_, true) > 0) draw_here(rows, choices.all);
    for (const Row& row : rows) require_number(row.log_prob);
  }

 private:
  // What the rows of a step are drawn from. Of what is there, a row takes the first in which it finds its id.
  struct Choices {
    Draws drawn;     // from all ids, where the graph runs
    TopK likeliest;  // the likeliest few of each row
    Value totals;    // each row's weight of all ids, where the likeliest few may not reach top_p of it
    Value all;       // log-probabilities of all ids, to be sorted
    Value logits;    // of all ids, to be processed
  };

  Choices record_choices() {
    Choices choices;
    const auto bans = static_cast<int32_t>(options_.banned_ids.size());
    const bool cut_by_k = options_.top_k > 0, cut_by_p = options_.top_p < 1;
    if (!processors_.empty()) {
      choices.logits = logits_;
    } else if (!cut_by_k && !cut_by_p) {
      choices.drawn = record_draw();
    } else if (!cut_by_k) {
      choices.likeliest = top_k(workspace_.graph, logits_, kFew + bans);
      choices.totals = record_draw().totals;
      choices.all = left();
    } else if (options_.top_k < kFew) {
      choices.likeliest = top_k(workspace_.graph, logits_, options_.top_k + 1 + bans);  // EOS may be banned
    } else {
      choices.all = left();
    }
    return choices;
  }

  Draws record_draw() {
    return draw(workspace_.graph, left(), column(uniforms_), column(banned_), options_.temperature);
  }

  // The log-probabilities of all ids, recorded when first asked for: after top_k, so that log_softmax may overwrite the
  // logits.
  Value log_probs() {
    if (!log_probs_) log_probs_ = log_softmax(workspace_.graph, logits_);
    return log_probs_;
  }

  // The same, of what may be drawn.
  Value left() {
    if (!left_) left_ = without_banned(workspace_.graph, log_probs(), options_);
    return left_;
  }

  template <class T>
  Value column(const std::vector<T>& x) {
    return workspace_.graph.constant({static_cast<int64_t>(x.size()), 1}, x.data());
  }

  // Notes which rows are drawn, what the others must go on with, and which ids may not come.
  void prepare(const DecodingBatch& batch, int32_t step, std::span<Row> rows) {
    forced_.clear();
    undrawn_.clear();
    banned_.clear();
    uniforms_.clear();
    for (Row& row : rows) {
      const int32_t id = forced_id(batch, row.sentence, step, special_);
      forced_.push_back(std::max(id, 0));
      undrawn_.push_back(id < 0);
      banned_.push_back(step < batch.least[row.sentence] ? special_.eos : -1);
      uniforms_.push_back(id < 0 ? row.random.uniform() : 0);
    }
  }

  void take_forced(const DecodingBatch& batch, int32_t step, std::span<Row> rows, Value log_probs) {
    const float* picked = workspace_.data(log_probs);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (undrawn_[r]) continue;
      const bool free = step >= batch.most[rows[r].sentence] && options_.forced_eos != ForcedEos::scored;
      rows[r].add(forced_[r], free ? 0 : picked[r]);
    }
  }

  void take_drawn(std::span<Row> rows, const Draws& draws) {
    const auto* ids = workspace_.data<int32_t>(draws.ids);
    const float* log_probs = workspace_.data(draws.log_probs);
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (undrawn_[r]) rows[r].add(ids[r], log_probs[r]);
  }

  // Draws on the CPU. log_probs: [rows, width]; ids: of the columns; none: column i is id i. totals: each row's weight
  // of all ids, where its columns may be too few; it then stays undrawn.
  void draw_here(std::span<Row> rows, Value log_probs, Value ids = {}, Value totals = {}) {
    const auto width = static_cast<std::size_t>(workspace_.graph.shape(log_probs).cols);
    const float* all = workspace_.data(log_probs);
    const int32_t* names = ids ? workspace_.data<int32_t>(ids) : nullptr;
    const double* weights = totals ? workspace_.data<double>(totals) : nullptr;
    parallel_ranges(static_cast<int64_t>(rows.size()), 1, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> order, banned;
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        if (!undrawn_[r]) continue;
        const std::span row(all + r * width, width);
        require_number(static_cast<double>(row[0]));
        banned.clear();
        const auto ban = [&](int32_t id) {
          const int32_t* first = names ? names + r * width : nullptr;
          banned.push_back(names ? static_cast<int32_t>(std::find(first, first + width, id) - first) : id);
        };
        for (const int32_t id : options_.banned_ids) ban(id);
        if (banned_[r] >= 0) ban(banned_[r]);
        const int32_t column = draw_column(row, banned, options_, uniforms_[r], order, weights ? weights[r] : 0);
        if (column < 0) continue;
        undrawn_[r] = false;
        const auto at = static_cast<std::size_t>(column);
        rows[r].add(names ? names[r * width + at] : static_cast<int32_t>(at), row[at]);
      }
    });
  }

  // Draws on the CPU from what the logits processors leave.
  void draw_processed(const DecodingBatch& batch, int32_t step, std::span<Row> rows) {
    const auto vocabulary = static_cast<std::size_t>(workspace_.graph.shape(logits_).cols);
    const float* all = workspace_.data(logits_);
    parallel_ranges(static_cast<int64_t>(rows.size()), 1, [&](int64_t begin, int64_t end) {
      std::vector<float> changed;
      std::vector<int32_t> ids;
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        if (!undrawn_[r]) continue;
        const std::span row(all + r * vocabulary, vocabulary);
        const std::size_t sentence = rows[r].sentence;
        ids.assign(batch.said[sentence].begin(), batch.said[sentence].end());
        ids.insert(ids.end(), rows[r].sample.ids.begin(), rows[r].sample.ids.end());
        changed.assign(row.begin(), row.end());
        const double normalizer = processors_({.ids = ids, .length = step, .least = batch.least[sentence]}, changed);
        const int32_t id = draw_logit(changed, uniforms_[r]);
        const float logit = row[static_cast<std::size_t>(id)];
        rows[r].add(id, static_cast<float>(static_cast<double>(logit) - normalizer));
      }
    });
  }

  const SpecialIds special_;
  const DecodeOptions& options_;
  Workspace& workspace_;
  const LogitsProcessors processors_;
  Value logits_, log_probs_, left_;       // of the step's graph
  std::vector<int32_t> forced_, banned_;  // of each row: an id; where there is none, 0 and -1
  std::vector<uint8_t> undrawn_;
  std::vector<double> uniforms_;
};

}  // namespace

std::vector<Hypotheses> sample(const Generator& model, const SpecialIds& special, const DecodeOptions& options,
                               Workspace& workspace, const DecodingBatch& batch) {
  const auto decoder = model.start(workspace, batch.contexts);
  std::vector<Row> rows;
  std::vector<int32_t> parents, tokens;
  for (std::size_t s = 0; s < batch.size(); ++s)
    for (int32_t i = 0; i < options.nbest; ++i) {
      const uint64_t stream = batch.numbers[s] << 20 | static_cast<uint64_t>(i);
      rows.push_back({s, i, RandomStream(options.seed, RandomUse::sampling, stream), {}});
      parents.push_back(static_cast<int32_t>(s));
      tokens.push_back(batch.first[s]);
    }
  std::vector<Hypotheses> answers(batch.size());
  for (auto& a : answers) a.resize(static_cast<std::size_t>(options.nbest));

  const AnswerEnd answer_end(options, batch);
  const auto finish = [&](Row& row, int32_t length, bool eos) -> Hypothesis& {
    row.sample.log_prob = static_cast<float>(row.log_prob);
    row.sample.score = static_cast<float>(normalized_score(row.log_prob, length, eos, options));
    return answers[row.sentence][static_cast<std::size_t>(row.number)] = std::move(row.sample);
  };
  DrawingStep draw_step(special, options, workspace);
  for (int32_t step = 0; !rows.empty(); ++step) {
    draw_step(*decoder, batch, step, rows, parents, tokens);
    parents.clear();
    tokens.clear();
    std::size_t kept = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      Row& row = rows[r];
      const bool is_new = step >= std::ssize(batch.prefixes[row.sentence]);
      if (row.next == special.eos && is_new) {
        finish(row, step, true);
        continue;
      }
      row.sample.ids.push_back(row.next);
      if (is_new && options.streamer) options.streamer(row.next);
      if (is_new && answer_end(row.sentence, row.sample.ids)) {
        answer_end.cut(row.sentence, finish(row, step + 1, false));
        continue;
      }
      parents.push_back(static_cast<int32_t>(r));
      tokens.push_back(row.next);
      if (kept != r) rows[kept] = std::move(row);
      ++kept;
    }
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
  }
  for (auto& a : answers)
    std::stable_sort(a.begin(), a.end(), [](const Hypothesis& x, const Hypothesis& y) { return x.score > y.score; });
  return answers;
}

}  // namespace storm
