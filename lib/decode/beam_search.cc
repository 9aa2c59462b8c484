#include "decode/beam_search.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "decode/banned_ids.h"
#include "decode/diverged.h"
#include "ops/top_k.h"

namespace storm {

namespace {

// The k likeliest of a row that can follow, falling, of equal ones the lower id first. Places that are left stay as
// they are.
void likeliest_of(std::span<const float> logits, double normalizer, std::span<float> log_probs,
                  std::span<int32_t> ids) {
  std::size_t found = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const float x = logits[id];
    if (x == kBanned || (found == ids.size() && !(x > log_probs[found - 1]))) continue;
    std::size_t at = found < ids.size() ? found++ : found - 1;
    for (; at > 0 && x > log_probs[at - 1]; --at) log_probs[at] = log_probs[at - 1], ids[at] = ids[at - 1];
    log_probs[at] = x;
    ids[at] = static_cast<int32_t>(id);
  }
  for (float& x : log_probs.first(found)) x = static_cast<float>(static_cast<double>(x) - normalizer);
}

}  // namespace

BeamSearch::BeamSearch(const Generator& model, const SpecialIds& special, const DecodeOptions& options,
                       Workspace& workspace)
    : model_(model),
      special_(special),
      options_(options),
      workspace_(workspace),
      processors_(options, special),
      candidates_(static_cast<std::size_t>(2 * options.beam)) {}

std::vector<Hypotheses> BeamSearch::operator()(const DecodingBatch& batch) {
  batch_ = &batch;
  answer_end_.emplace(options_, batch);
  const auto decoder = model_.start(workspace_, batch.contexts);
  const std::size_t n = batch.size();
  std::vector<Hypotheses> answers(n);
  finished_.resize(n * static_cast<std::size_t>(options_.beam));
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
      if (is_done(open, rows_before)) {
        parents_.resize(rows_before);
        tokens_.resize(rows_before);
        log_probs_.resize(rows_before);
        answers[open.sentence] = best(open);
      } else {
        if (options_.streamer && step_ >= std::ssize(batch.prefixes[open.sentence])) options_.streamer(tokens_.back());
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

// Processors ban it themselves.
bool BeamSearch::eos_is_banned(const Open& open) const {
  return processors_.empty() && step_ < batch_->least[open.sentence];
}

bool BeamSearch::is_banned(const Open& open, int32_t id) const {
  if (id == special_.eos) return eos_is_banned(open);
  return std::ranges::find(options_.banned_ids, id) != options_.banned_ids.end();
}

// Without early stopping, the likeliest row must score no more than the worst of the kept hypotheses, were it to get
// its EOS now. Hugging Face's _check_early_stop_heuristic, so named since longer ones may score more.
bool BeamSearch::is_done(const Open& open, std::size_t first_row) {
  if (open.rows == 0) return true;
  if (open.finished < options_.beam) return false;
  if (options_.early_stopping) return true;
  const double likeliest =
      *std::max_element(log_probs_.begin() + static_cast<std::ptrdiff_t>(first_row), log_probs_.end());
  return !(normalized_score(likeliest, step_, true, options_) > finished(open)[options_.beam - 1].score);
}

BeamSearch::Step BeamSearch::run_step(Decoder& decoder) {
  bool rows_are_searched = false, rows_are_forced = false, one_more = false;
  forced_.clear();
  sentence_of_row_.clear();
  for (const Open& open : open_) {
    const auto id = forced(open);
    rows_are_forced = rows_are_forced || id;
    rows_are_searched = rows_are_searched || !id;
    one_more = one_more || eos_is_banned(open);
    forced_.insert(forced_.end(), static_cast<std::size_t>(open.rows), id.value_or(0));
    sentence_of_row_.insert(sentence_of_row_.end(), static_cast<std::size_t>(open.rows), open.sentence);
  }
  Graph& graph = workspace_.graph;
  graph.clear();
  const Value logits = decoder.step(graph, parents_, tokens_);
  TopK likeliest;
  Value forced_log_probs;
  const bool processed = rows_are_searched && !processors_.empty();
  if (processed) graph.keep(logits);
  if (rows_are_searched && !processed) {
    // Bans that keep their probability are among the likeliest, and left out of these later, as EOS is.
    const bool kept = !options_.renormalize;
    const auto bans = (one_more ? 1 : 0) + (kept ? static_cast<int32_t>(options_.banned_ids.size()) : 0);
    likeliest = top_k(graph, kept ? logits : without_banned(graph, logits, options_), 2 * options_.beam + bans);
  }
  if (rows_are_forced) {
    const Value ids = graph.constant({static_cast<int64_t>(forced_.size()), 1}, forced_.data());
    forced_log_probs = pick(graph, log_softmax(graph, logits), ids);
  }
  for (const Value v : {likeliest.log_probs, likeliest.ids, forced_log_probs})
    if (v) graph.keep(v);
  workspace_.run();
  Step step;
  if (processed) process(workspace_.data(logits), static_cast<std::size_t>(graph.shape(logits).cols), step);
  if (likeliest.ids) {
    step.k = static_cast<int32_t>(graph.shape(likeliest.ids).cols);
    step.log_probs = workspace_.data(likeliest.log_probs);
    step.ids = workspace_.data<int32_t>(likeliest.ids);
  }
  if (rows_are_forced) step.forced = workspace_.data(forced_log_probs);
  if (processed) return step;  // its rows were looked at
  const float* first = rows_are_searched ? step.log_probs : step.forced;
  const int64_t stride = rows_are_searched ? step.k : 1;
  for (std::size_t r = 0; r < parents_.size(); ++r)
    require_number(static_cast<double>(first[static_cast<int64_t>(r) * stride]));
  return step;
}

void BeamSearch::process(const float* logits, std::size_t vocabulary, Step& step) {
  const std::size_t rows = parents_.size(), k = std::min(candidates_.size(), vocabulary);
  processed_log_probs_.resize(rows * k);
  processed_ids_.assign(rows * k, -1);
  step = {.k = static_cast<int32_t>(k), .log_probs = processed_log_probs_.data(), .ids = processed_ids_.data()};
  parallel_ranges(static_cast<int64_t>(rows), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> changed;
    std::vector<int32_t> ids;
    for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
      const std::size_t sentence = sentence_of_row_[r];
      const auto& said = batch_->said[sentence];
      ids.assign(said.begin(), said.end());
      ids.resize(said.size() + static_cast<std::size_t>(step_));
      read(static_cast<int32_t>(r), std::span(ids).subspan(said.size()));
      changed.assign(logits + r * vocabulary, logits + (r + 1) * vocabulary);
      const double normalizer = processors_({.ids = ids, .length = step_, .least = batch_->least[sentence]}, changed);
      likeliest_of(changed, normalizer, std::span(processed_log_probs_).subspan(r * k, k),
                   std::span(processed_ids_).subspan(r * k, k));
    }
  });
}

void BeamSearch::read(int32_t row, std::span<int32_t> said) const {
  for (auto s = said.size(); s-- > 0;) {
    const Link& link = links_[links_of_step_[s] + static_cast<std::size_t>(row)];
    said[s] = link.token;
    row = link.parent;
  }
}

void BeamSearch::force(const Open& open, const Step& step, int32_t row) {
  const int32_t id = batch_->prefixes[open.sentence][static_cast<std::size_t>(step_)];
  const float log_prob = step.forced[row];
  go_on({past_log_probs_[static_cast<std::size_t>(row)] + static_cast<double>(log_prob), row, id});
}

void BeamSearch::close(Open& open, const Step& step, int32_t row) {
  for (int32_t r = row; r < row + open.rows; ++r) {
    const double log_prob = options_.forced_eos == ForcedEos::scored ? static_cast<double>(step.forced[r]) : 0;
    finish(open, {past_log_probs_[static_cast<std::size_t>(r)] + log_prob, r, special_.eos});
  }
}

void BeamSearch::search(Open& open, const Step& step, int32_t row) {
  const std::size_t limit = candidates_.size();
  std::size_t n = 0;
  for (int32_t r = row; r < row + open.rows; ++r) {
    const double past = past_log_probs_[static_cast<std::size_t>(r)];
    const float* log_probs = step.log_probs + static_cast<int64_t>(r) * step.k;
    const int32_t* ids = step.ids + static_cast<int64_t>(r) * step.k;
    for (int32_t j = 0; j < step.k; ++j) {
      if (ids[j] < 0 || log_probs[j] == kBanned) break;
      if (is_banned(open, ids[j])) continue;
      const double log_prob = past + static_cast<double>(log_probs[j]);
      if (n == limit && !(log_prob > candidates_[n - 1].log_prob)) break;  // nor will the rest of this row
      std::size_t at = n < limit ? n++ : n - 1;
      for (; at > 0 && log_prob > candidates_[at - 1].log_prob; --at) candidates_[at] = candidates_[at - 1];
      candidates_[at] = {log_prob, r, ids[j]};
    }
  }
  std::size_t next = static_cast<std::size_t>(options_.beam);
  for (std::size_t c = 0; c < std::min(n, static_cast<std::size_t>(options_.beam)); ++c) {
    if (!ends(open, candidates_[c])) {
      go_on(candidates_[c]);
      continue;
    }
    finish(open, candidates_[c]);
    while (next < n && ends(open, candidates_[next])) ++next;
    if (next < n) go_on(candidates_[next++]);
  }
}

bool BeamSearch::ends(const Open& open, const Candidate& candidate) {
  if (candidate.id == special_.eos) return true;
  if (!answer_end_->possible()) return false;
  ids_.resize(static_cast<std::size_t>(step_));
  read(candidate.row, ids_);
  ids_.push_back(candidate.id);
  return (*answer_end_)(open.sentence, ids_);
}

void BeamSearch::finish(Open& open, const Candidate& candidate) {
  const bool eos = candidate.id == special_.eos;
  const int32_t length = step_ + (eos ? 0 : 1);
  if (!eos && options_.streamer) options_.streamer(candidate.id);
  const double score = normalized_score(candidate.log_prob, length, eos, options_);
  Finished* const first = finished(open);
  if (open.finished == options_.beam && !(score > first[options_.beam - 1].score)) return;
  int32_t at = open.finished < options_.beam ? open.finished++ : options_.beam - 1;
  for (; at > 0 && score > first[at - 1].score; --at) first[at] = first[at - 1];
  first[at] = {candidate.log_prob, score, length, candidate.row, eos ? -1 : candidate.id};
}

void BeamSearch::go_on(const Candidate& candidate) {
  parents_.push_back(candidate.row);
  tokens_.push_back(candidate.id);
  log_probs_.push_back(candidate.log_prob);
}

Hypotheses BeamSearch::best(const Open& open) {
  Hypotheses best;
  for (const Finished& f :
       std::span(finished(open), static_cast<std::size_t>(std::min(open.finished, options_.nbest)))) {
    Hypothesis h{std::vector<int32_t>(static_cast<std::size_t>(f.length)), static_cast<float>(f.score),
                 static_cast<float>(f.log_prob)};
    if (f.last < 0) {
      read(f.row, h.ids);
    } else {
      read(f.row, std::span(h.ids).first(h.ids.size() - 1));
      h.ids.back() = f.last;
      answer_end_->cut(open.sentence, h);
    }
    best.push_back(std::move(h));
  }
  return best;
}

}  // namespace storm
