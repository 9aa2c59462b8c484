#include "decode/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "base/random.h"
#include "decode/diverged.h"
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

// What a row is made to go on with, of its prefix, or EOS at its maximum length; -1: an id is drawn.
int32_t forced_id(const SourceBatch& batch, std::size_t sentence, int32_t step, const SpecialIds& special) {
  const auto& prefix = batch.prefixes[sentence];
  if (static_cast<std::size_t>(step) < prefix.size()) return prefix[static_cast<std::size_t>(step)];
  return step >= batch.most[sentence] ? special.eos : -1;
}

// Of few ids a row only these are sorted out of all, and only these come off a device.
constexpr int32_t kFew = 256;

// The column of an id. log_probs: [columns]; banned: a column that may not be drawn, or -1; order: memory that is used
// again. total: of all ids' weights, where the columns are the likeliest few of them; -1 is returned when these do not
// reach top_p of it. 0: the columns are all that there are.
int32_t draw_column(std::span<const float> log_probs, int32_t banned, const DecodeOptions& options, double uniform,
                    std::vector<int32_t>& order, double total = 0) {
  order.resize(log_probs.size());
  std::iota(order.begin(), order.end(), 0);
  if (banned >= 0) order.erase(order.begin() + banned);
  require(!order.empty(), "the vocabulary has no piece but the end of sentence: there is nothing to draw");
  const auto at = [&](int32_t id) { return log_probs[static_cast<std::size_t>(id)]; };
  const auto likelier = [&](int32_t a, int32_t b) { return at(a) > at(b) || (at(a) == at(b) && a < b); };
  const auto k = options.top_k > 0 ? std::min(order.size(), static_cast<std::size_t>(options.top_k)) : order.size();
  if (k < order.size() || options.top_p < 1) {
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), likelier);
    order.resize(k);
  }
  const float largest = at(*std::min_element(order.begin(), order.end(), likelier));
  const auto weight = [&](int32_t id) { return std::exp(static_cast<double>(at(id) - largest) / options.temperature); };
  double all = total;
  if (total == 0)
    for (const int32_t id : order) all += weight(id);
  if (options.top_p < 1) {  // the fewest, from the likeliest on, that together reach top_p
    double sum = 0;
    std::size_t n = 0;
    while (n < order.size() && sum < options.top_p * all) sum += weight(order[n++]);
    if (total > 0 && sum < options.top_p * all) return -1;
    order.resize(std::max<std::size_t>(n, 1));
    all = n > 0 ? sum : weight(order[0]);
  }
  double left = uniform * all;
  for (const int32_t id : order)
    if ((left -= weight(id)) < 0) return id;
  return order.back();  // rounding
}

// One step of all rows.
class DrawingStep {
 public:
  DrawingStep(const SpecialIds& special, const DecodeOptions& options, Workspace& workspace)
      : special_(special), options_(options), workspace_(workspace) {}

  // Draws the rows' next ids.
  void operator()(Decoder& decoder, const SourceBatch& batch, int32_t step, std::span<Row> rows,
                  std::span<const int32_t> parents, std::span<const int32_t> tokens) {
    Graph& graph = workspace_.graph;
    graph.clear();
    const Value logits = decoder.step(graph, parents, tokens);
    look_at(batch, step, rows);
    const bool any_forced = std::ranges::any_of(forced_, [](int32_t id) { return id >= 0; });
    const bool any_drawn = std::ranges::any_of(forced_, [](int32_t id) { return id < 0; });
    const bool free = options_.top_k == 0 && options_.top_p == 1, nucleus = options_.top_k == 0 && !free;
    const bool few = nucleus || (options_.top_k > 0 && options_.top_k < kFew);
    const Shape column{static_cast<int64_t>(rows.size()), 1};
    TopK top;
    Draws draws;
    if (any_drawn && few) top = top_k(graph, logits, nucleus ? kFew : options_.top_k + 1);  // EOS may be banned
    Value all, made;
    if (any_forced || !few || nucleus) all = log_softmax(graph, logits);
    if (any_forced) made = pick(graph, all, graph.constant(column, columns_.data()));
    if (any_drawn && (free || nucleus))
      draws = draw(graph, all, graph.constant(column, uniforms_.data()), graph.constant(column, banned_.data()),
                   options_.temperature);
    if (any_drawn && !free && (!few || nucleus)) graph.keep(all);
    for (const Value v : {top.log_probs, top.ids, draws.ids, draws.log_probs, draws.totals, made})
      if (v) graph.keep(v);
    workspace_.run();
    if (any_forced) take_forced(rows, made);
    if (any_drawn && free) take_drawn(rows, draws);
    if (any_drawn && !free) {
      open_ = forced_;
      if (few) draw_here(rows, top.log_probs, top.ids, draws.totals);
      if (!few || std::ranges::any_of(open_, [](int32_t id) { return id < 0; })) draw_here(rows, all);
    }
    for (const Row& row : rows) require_number(row.log_prob);
  }

 private:
  // What the rows of this step are made to go on with, or may not.
  void look_at(const SourceBatch& batch, int32_t step, std::span<Row> rows) {
    forced_.clear();
    columns_.clear();
    banned_.clear();
    uniforms_.clear();
    for (Row& row : rows) {
      forced_.push_back(forced_id(batch, row.sentence, step, special_));
      columns_.push_back(std::max(forced_.back(), 0));
      banned_.push_back(step < batch.least[row.sentence] ? special_.eos : -1);
      uniforms_.push_back(forced_.back() < 0 ? row.random.uniform() : 0);
    }
  }

  void take_forced(std::span<Row> rows, Value log_probs) {
    const float* all = workspace_.data(log_probs);
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (forced_[r] >= 0) rows[r].add(forced_[r], all[r]);
  }

  void take_drawn(std::span<Row> rows, const Draws& draws) {
    const auto* ids = workspace_.data<int32_t>(draws.ids);
    const float* log_probs = workspace_.data(draws.log_probs);
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (forced_[r] < 0) rows[r].add(ids[r], log_probs[r]);
  }

  // The rows that are open. log_probs: [rows, width]; ids: of the columns; none: column i is id i. totals: of rows
  // whose columns may be too few, which then stay open.
  void draw_here(std::span<Row> rows, Value log_probs, Value ids = {}, Value totals = {}) {
    const auto width = static_cast<std::size_t>(workspace_.graph.shape(log_probs).cols);
    const float* all = workspace_.data(log_probs);
    const int32_t* names = ids ? workspace_.data<int32_t>(ids) : nullptr;
    const double* weights = totals ? workspace_.data<double>(totals) : nullptr;
    parallel_ranges(static_cast<int64_t>(rows.size()), 1, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> order;
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        if (open_[r] >= 0) continue;
        const std::span row(all + r * width, width);
        require_number(static_cast<double>(row[0]));
        int32_t banned = banned_[r];
        if (names && banned >= 0) {
          const int32_t* first = names + r * width;
          const auto at = std::find(first, first + width, banned) - first;
          banned = at < static_cast<std::ptrdiff_t>(width) ? static_cast<int32_t>(at) : -1;
        }
        const int32_t column = draw_column(row, banned, options_, uniforms_[r], order, weights ? weights[r] : 0);
        if (column < 0) continue;
        open_[r] = 0;
        const auto at = static_cast<std::size_t>(column);
        rows[r].add(names ? names[r * width + at] : static_cast<int32_t>(at), row[at]);
      }
    });
  }

  const SpecialIds special_;
  const DecodeOptions& options_;
  Workspace& workspace_;
  std::vector<int32_t> forced_, columns_, banned_;  // of each row; columns_: the forced ids, 0 where there is none
  std::vector<int32_t> open_;                       // -1: nothing was drawn yet
  std::vector<double> uniforms_;
};

}  // namespace

std::vector<Hypotheses> sample(const EncoderDecoder& model, const SpecialIds& special, const DecodeOptions& options,
                               Workspace& workspace, const SourceBatch& batch) {
  const auto decoder = model.start(workspace, pack_sources(batch.sources, special));
  std::vector<Row> rows;
  std::vector<int32_t> parents, tokens;
  for (std::size_t s = 0; s < batch.sources.size(); ++s)
    for (int32_t i = 0; i < options.nbest; ++i) {
      const uint64_t number = options.first_sentence + batch.sentences[s];
      rows.push_back(
          {s, i, RandomStream(options.seed, RandomUse::sampling, number << 20 | static_cast<uint64_t>(i)), {}});
      parents.push_back(static_cast<int32_t>(s));
      tokens.push_back(special.bos);
    }
  std::vector<Hypotheses> answers(batch.sources.size());
  for (auto& a : answers) a.resize(static_cast<std::size_t>(options.nbest));

  DrawingStep draw_step(special, options, workspace);
  for (int32_t step = 0; !rows.empty(); ++step) {
    draw_step(*decoder, batch, step, rows, parents, tokens);
    parents.clear();
    tokens.clear();
    std::size_t kept = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      Row& row = rows[r];
      if (row.next == special.eos && static_cast<std::size_t>(step) >= batch.prefixes[row.sentence].size()) {
        row.sample.log_prob = static_cast<float>(row.log_prob);
        row.sample.score = static_cast<float>(normalized_score(row.log_prob, step, options));
        answers[row.sentence][static_cast<std::size_t>(row.number)] = std::move(row.sample);
        continue;
      }
      row.sample.ids.push_back(row.next);
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
