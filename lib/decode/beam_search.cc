#include "decode/beam_search.h"

#include <algorithm>

#include "decode/diverged.h"
#include "ops/top_k.h"

namespace storm {

BeamSearch::BeamSearch(const Generator& model, const SpecialIds& special, const DecodeOptions& options,
                       Workspace& workspace)
    : model_(model),
      special_(special),
      options_(options),
      workspace_(workspace),
      slots_(2 * options.beam),
      candidates_(static_cast<std::size_t>(2 * options.beam)) {}

std::vector<Hypotheses> BeamSearch::operator()(const DecodingBatch& batch) {
  batch_ = &batch;
  const auto decoder = model_.start(workspace_, batch.contexts);
  const std::size_t n = batch.size();
  std::vector<Hypotheses> answers(n);
  finished_.resize(n * static_cast<std::size_t>(slots_));
  open_.clear();
  links_.clear();
  links_of_step_.clear();
  parents_.clear();
  for (std::size_t s = 0; s < n; ++s) {
    open_.push_back({.sentence = s, .rows = 1});
    parents_.push_back(static_cast<int32_t>(s));
  }
  tokens_ = batch.first;
  log_probs_.assign(n, 0.0);

  for (step_ = 0; !open_.empty(); ++step_) {
    const Step step = run_step(*decoder);
    past_log_probs_.swap(log_probs_);
    parents_.clear();
    tokens_.clear();
    log_probs_.clear();
    links_of_step_.push_back(links_.size());
    int32_t row = 0;
    std::size_t kept = 0;
    for (Open open : open_) {
      const int32_t rows = open.rows;
      const std::size_t rows_before = parents_.size();
      if (!forced(open))
        search(open, step, row);
      else if (static_cast<std::size_t>(step_) < batch.prefixes[open.sentence].size())
        force(open, step, row);
      else
        close(open, step, row);
      row += rows;
      open.rows = static_cast<int32_t>(parents_.size() - rows_before);
      if (open.finished >= options_.beam || open.rows == 0) {
        parents_.resize(rows_before);
        tokens_.resize(rows_before);
        log_probs_.resize(rows_before);
        answers[open.sentence] = best(open);
      } else {
        open_[kept++] = open;
      }
    }
    open_.resize(kept);
    for (std::size_t r = 0; r < parents_.size(); ++r) links_.push_back({parents_[r], tokens_[r]});
  }
  return answers;
}

std::optional<int32_t> BeamSearch::forced(const Open& open) const {
  const auto& prefix = batch_->prefixes[open.sentence];
  if (static_cast<std::size_t>(step_) < prefix.size()) return prefix[static_cast<std::size_t>(step_)];
  if (step_ >= batch_->most[open.sentence]) return special_.eos;
  return {};
}

bool BeamSearch::too_short_to_end(const Open& open) const { return step_ < batch_->least[open.sentence]; }

BeamSearch::Step BeamSearch::run_step(Decoder& decoder) {
  bool rows_are_searched = false, rows_are_forced = false, eos_is_banned = false;
  forced_.clear();
  for (const Open& open : open_) {
    const auto id = forced(open);
    rows_are_forced = rows_are_forced || id;
    rows_are_searched = rows_are_searched || !id;
    eos_is_banned = eos_is_banned || too_short_to_end(open);
    forced_.insert(forced_.end(), static_cast<std::size_t>(open.rows), id.value_or(0));
  }
  Graph& graph = workspace_.graph;
  graph.clear();
  const Value logits = decoder.step(graph, parents_, tokens_);
  TopK likeliest;
  Value forced_log_probs;
  if (rows_are_searched) likeliest = top_k(graph, logits, 2 * options_.beam + (eos_is_banned ? 1 : 0));
  if (rows_are_forced) {
    const Value ids = graph.constant({static_cast<int64_t>(forced_.size()), 1}, forced_.data());
    forced_log_probs = pick(graph, log_softmax(graph, logits), ids);
  }
  for (const Value v : {likeliest.log_probs, likeliest.ids, forced_log_probs})
    if (v) graph.keep(v);
  workspace_.run();
  Step step;
  if (rows_are_searched) {
    step.k = static_cast<int32_t>(graph.shape(likeliest.ids).cols);
    step.log_probs = workspace_.data(likeliest.log_probs);
    step.ids = workspace_.data<int32_t>(likeliest.ids);
  }
  if (rows_are_forced) step.forced = workspace_.data(forced_log_probs);
  const float* first = rows_are_searched ? step.log_probs : step.forced;
  const int64_t stride = rows_are_searched ? step.k : 1;
  for (std::size_t r = 0; r < parents_.size(); ++r)
    require_number(static_cast<double>(first[static_cast<int64_t>(r) * stride]));
  return step;
}

void BeamSearch::force(const Open& open, const Step& step, int32_t row) {
  const int32_t id = batch_->prefixes[open.sentence][static_cast<std::size_t>(step_)];
  const float log_prob = step.forced[row];
  go_on({past_log_probs_[static_cast<std::size_t>(row)] + static_cast<double>(log_prob), row, id});
}

void BeamSearch::close(Open& open, const Step& step, int32_t row) {
  for (int32_t r = row; r < row + open.rows; ++r) {
    const float log_prob = step.forced[r];
    finish(open, {past_log_probs_[static_cast<std::size_t>(r)] + static_cast<double>(log_prob), r, special_.eos});
  }
}

void BeamSearch::search(Open& open, const Step& step, int32_t row) {
  const bool eos_is_banned = too_short_to_end(open);
  const std::size_t limit = candidates_.size();
  std::size_t n = 0;
  for (int32_t r = row; r < row + open.rows; ++r) {
    const double past = past_log_probs_[static_cast<std::size_t>(r)];
    const float* log_probs = step.log_probs + static_cast<int64_t>(r) * step.k;
    const int32_t* ids = step.ids + static_cast<int64_t>(r) * step.k;
    for (int32_t j = 0; j < step.k; ++j) {
      if (eos_is_banned && ids[j] == special_.eos) continue;
      const double log_prob = past + static_cast<double>(log_probs[j]);
      if (n == limit && !(log_prob > candidates_[n - 1].log_prob)) break;  // nor will the rest of this row
      std::size_t at = n < limit ? n++ : n - 1;
      for (; at > 0 && log_prob > candidates_[at - 1].log_prob; --at) candidates_[at] = candidates_[at - 1];
      candidates_[at] = {log_prob, r, ids[j]};
    }
  }
  std::size_t next = static_cast<std::size_t>(options_.beam);
  for (std::size_t c = 0; c < std::min(n, static_cast<std::size_t>(options_.beam)); ++c) {
    if (candidates_[c].id != special_.eos) {
      go_on(candidates_[c]);
      continue;
    }
    finish(open, candidates_[c]);
    while (next < n && candidates_[next].id == special_.eos) ++next;
    if (next < n) go_on(candidates_[next++]);
  }
}

void BeamSearch::finish(Open& open, const Candidate& candidate) {
  finished_[open.sentence * static_cast<std::size_t>(slots_) + static_cast<std::size_t>(open.finished++)] = {
      candidate.log_prob, normalized_score(candidate.log_prob, step_, options_), step_, candidate.row};
}

void BeamSearch::go_on(const Candidate& candidate) {
  parents_.push_back(candidate.row);
  tokens_.push_back(candidate.id);
  log_probs_.push_back(candidate.log_prob);
}

Hypotheses BeamSearch::best(const Open& open) {
  const auto first = finished_.begin() + static_cast<std::ptrdiff_t>(open.sentence) * slots_;
  std::stable_sort(first, first + open.finished,
                   [](const Finished& a, const Finished& b) { return a.score > b.score; });
  Hypotheses best;
  for (auto f = first; f != first + std::min(open.finished, options_.nbest); ++f) {
    Hypothesis h{std::vector<int32_t>(static_cast<std::size_t>(f->length)), static_cast<float>(f->score),
                 static_cast<float>(f->log_prob)};
    auto row = static_cast<std::size_t>(f->row);
    for (auto s = h.ids.size(); s-- > 0;) {
      const Link& link = links_[links_of_step_[s] + row];
      h.ids[s] = link.token;
      row = static_cast<std::size_t>(link.parent);
    }
    best.push_back(std::move(h));
  }
  return best;
}

}  // namespace storm
