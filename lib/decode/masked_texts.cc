#include "decode/masked_texts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "decode/diverged.h"
#include "decode/sorted_batches.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/linear.h"
#include "ops/top_k.h"
#include "tensor/workspace.h"

namespace storm {

namespace {

constexpr int64_t kEnds = 2;

void require_length(const MaskReader& model, std::span<const int32_t> text, int64_t number) {
  const int64_t tokens = std::ssize(text) + kEnds, most = model.encoder.longest_source();
  require(tokens <= most, "text ", number, ": ", tokens, " tokens with both ends, the model takes ", most,
          "; cut it, as tokenize --max-length does");
}

// What the output layer reads of some tokens: [rows, width].
Value asked(Graph& graph, const MaskReader& model, const PackedSentences& texts, std::vector<int32_t> rows) {
  const Value states = model.encoder.encode(graph, texts);
  return model.head.transformed(graph, gather(graph, states, graph.column(std::move(rows))));
}

struct Way {
  double log_prob = 0;
  std::vector<int32_t> pieces = {};
};

// The n best ways to take a piece of each mask. log_probs, ids: [masks, choices], best first.
std::vector<Way> best_ways(const float* log_probs, const int32_t* ids, int64_t masks, int64_t choices, std::size_t n) {
  std::vector<Way> ways(1);
  for (int64_t m = 0; m < masks; ++m) {
    std::vector<Way> longer;
    for (const Way& way : ways)
      for (int64_t c = 0; c < choices; ++c) {
        Way& one = longer.emplace_back(way);
        one.log_prob += static_cast<double>(log_probs[m * choices + c]);
        one.pieces.push_back(ids[m * choices + c]);
      }
    std::ranges::stable_sort(longer, std::greater(), &Way::log_prob);
    longer.resize(std::min(longer.size(), n));
    ways = std::move(longer);
  }
  return ways;
}

// The passes of pieces that are masked in turn, batch by batch.
class InTurn {
 public:
  InTurn(const MaskReader& model, int64_t max_tokens, Device* device, std::span<double> sums)
      : model_(model), max_tokens_(max_tokens), workspace_(device), sums_(sums) {}

  void add(std::size_t text, std::span<const int32_t> ids) {
    std::vector<int32_t> masked(ids.begin(), ids.end());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (texts_.tokens() > 0 && texts_.tokens() + std::ssize(ids) + kEnds > max_tokens_) run();
      rows_.push_back(texts_.offsets.back() + 1 + static_cast<int32_t>(i));
      labels_.push_back(ids[i]);
      of_.push_back(text);
      masked[i] = model_.mask;
      texts_.add(model_.before, masked, model_.behind);
      masked[i] = ids[i];
    }
  }
  void run() {
    if (of_.empty()) return;
    Graph& graph = workspace_.graph;
    graph.clear();
    const Value x = asked(graph, model_, texts_, std::move(rows_));
    const auto [weight, bias] = model_.head.output(graph);
    const Value nll = cross_entropy(graph, x, weight, bias, graph.column(std::move(labels_)), 0, 1).token_nll;
    workspace_.run();
    const float* values = workspace_.data(nll);
    for (const std::size_t text : of_) {
      require_number(-static_cast<double>(*values));
      sums_[text] -= static_cast<double>(*values++);
    }
    texts_ = {};
    rows_.clear();
    labels_.clear();
    of_.clear();
  }

 private:
  const MaskReader& model_;
  int64_t max_tokens_;
  Workspace workspace_;
  std::span<double> sums_;
  PackedSentences texts_;
  std::vector<int32_t> rows_, labels_;  // of the masks
  std::vector<std::size_t> of_;         // each pass' text
};

}  // namespace

std::vector<Hypotheses> fill_masks(const MaskReader& model, std::span<const std::span<const int32_t>> texts,
                                   const DecodeOptions& options, std::vector<Workspace>* kept) {
  std::vector<Hypotheses> answers(texts.size());
  std::vector<std::size_t> places;  // of texts with masks
  std::vector<int64_t> lengths;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    require_length(model, texts[t], static_cast<int64_t>(options.first_sentence + t) + 1);
    if (std::ranges::find(texts[t], model.mask) == texts[t].end()) {
      answers[t].push_back({.ids = {texts[t].begin(), texts[t].end()}});
      continue;
    }
    places.push_back(t);
    lengths.push_back(std::ssize(texts[t]) + kEnds - tokens_with_eos(0));
  }
  std::vector<Workspace> own;
  std::vector<Workspace>& workspaces = kept ? *kept : own;
  if (workspaces.empty()) workspaces.emplace_back(options.device);
  Workspace& workspace = workspaces[0];
  for (const auto& batch : sorted_batches(lengths, options.max_tokens, options.max_tokens)) {
    PackedSentences packed;
    std::vector<int32_t> rows;
    for (const std::size_t b : batch) {
      const auto text = texts[places[b]];
      for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == model.mask) rows.push_back(packed.offsets.back() + 1 + static_cast<int32_t>(i));
      packed.add(model.before, text, model.behind);
    }
    Graph& graph = workspace.graph;
    graph.clear();
    const Value x = asked(graph, model, packed, std::move(rows));
    const auto [weight, bias] = model.head.output(graph);
    const auto [log_probs, ids] = top_k(graph, linear(graph, x, weight, bias), options.nbest);
    const int64_t choices = graph.shape(ids).cols;
    graph.keep(log_probs);
    graph.keep(ids);
    workspace.run();
    const float* values = workspace.data(log_probs);
    const auto* pieces = workspace.data<int32_t>(ids);
    for (const std::size_t b : batch) {
      const auto text = texts[places[b]];
      const auto masks = std::ranges::count(text, model.mask);
      for (const Way& way : best_ways(values, pieces, masks, choices, static_cast<std::size_t>(options.nbest))) {
        require_number(way.log_prob);
        Hypothesis h{.ids = {text.begin(), text.end()}};
        auto piece = way.pieces.begin();
        for (int32_t& id : h.ids)
          if (id == model.mask) id = *piece++;
        h.score = h.log_prob = static_cast<float>(way.log_prob);
        answers[places[b]].push_back(std::move(h));
      }
      values += masks * choices;
      pieces += masks * choices;
    }
  }
  return answers;
}

std::vector<double> pseudo_log_probs(const MaskReader& model, std::span<const std::span<const int32_t>> texts,
                                     int64_t max_tokens, Device* device, int64_t first) {
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const std::size_t t : order) require_length(model, texts[t], first + static_cast<int64_t>(t));
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t t) { return texts[t].size(); });
  std::vector<double> sums(texts.size());
  InTurn passes(model, max_tokens, device, sums);
  for (const std::size_t t : order) passes.add(t, texts[t]);
  passes.run();
  return sums;
}

}  // namespace storm
