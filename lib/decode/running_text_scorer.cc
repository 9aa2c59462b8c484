#include "decode/running_text_scorer.h"

#include <algorithm>

#include "base/error.h"
#include "decode/diverged.h"

namespace storm {

RunningTextScorer::RunningTextScorer(const LanguageModel& model, int32_t eos, int64_t stride, int64_t max_tokens,
                                     Device* device)
    : model_(model),
      eos_(eos),
      stride_(stride),
      window_(model.longest_source()),
      at_once_(std::max<int64_t>(max_tokens / std::min(window_, max_tokens), 1)),
      workspace_(device),
      carried_(static_cast<std::size_t>(model.carried_width())),
      before_(eos) {
  if (stride > window_)
    throw UsageError(str("--stride ", stride, ": the model takes ", window_, " tokens; give a smaller one"));
  if (carried_.empty() && window_ == INT32_MAX)
    throw UsageError("--stride: this model neither has a longest text nor carries a state");
}

std::vector<double> RunningTextScorer::add(std::span<const std::span<const int32_t>> texts) {
  for (const auto& text : texts) {
    labels_.insert(labels_.end(), text.begin(), text.end());
    labels_.push_back(eos_);
    texts_.push_back({.left = tokens_with_eos(text.size())});
  }
  if (!carried_.empty()) {
    while (untold() >= stride_) run_stretch();
  } else {
    // Full windows alone: the first tells all that it sees, each later one `stride` more.
    while (untold() >= (begun_ ? at_once_ * stride_ : window_ + (at_once_ - 1) * stride_)) run_windows(at_once_);
  }
  return told();
}

std::vector<double> RunningTextScorer::finish() {
  while (untold() > 0) carried_.empty() ? run_windows(at_once_) : run_stretch();
  return told();
}

// The next windows, or as many as there is text for.
void RunningTextScorer::run_windows(int64_t windows) {
  PackedSentences inputs;
  std::vector<int32_t> targets;
  std::vector<int64_t> fresh;  // of each window, how many of its last tokens count
  int64_t done = done_;
  const auto size = static_cast<int64_t>(labels_.size());
  for (int64_t w = 0; w < windows && done < size; ++w) {
    const int64_t end = std::min(done + (begun_ || w > 0 ? stride_ : window_), size);
    const int64_t begin = std::max<int64_t>(end - window_, 0);
    inputs.add(begin == 0 ? before_ : labels_[static_cast<std::size_t>(begin) - 1],
               std::span(labels_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin - 1)),
               -1);
    targets.insert(targets.end(), labels_.begin() + begin, labels_.begin() + end);
    fresh.push_back(end - done);
    done = end;
  }
  begun_ = true;
  Graph& graph = workspace_.graph;
  graph.clear();
  const Value recorded = model_.token_nll(graph, inputs, graph.column(std::move(targets)));
  workspace_.run();
  const float* nll = workspace_.data(recorded);
  for (std::size_t w = 0; w < fresh.size(); ++w)
    for (int64_t t = inputs.offsets[w + 1] - fresh[w]; t < inputs.offsets[w + 1]; ++t)
      tell(-static_cast<double>(nll[t]));
  done_ = done;
  // What a next window still sees stays: the last one of all may begin just behind where this one does.
  const int64_t gone = done_ - window_;
  if (gone <= 0) return;
  before_ = labels_[static_cast<std::size_t>(gone) - 1];
  labels_.erase(labels_.begin(), labels_.begin() + gone);
  done_ -= gone;
}

void RunningTextScorer::run_stretch() {
  const auto n = std::min(stride_, static_cast<int64_t>(labels_.size()));
  PackedSentences inputs;
  inputs.add(before_, std::span(labels_).first(static_cast<std::size_t>(n) - 1), -1);
  Graph& graph = workspace_.graph;
  graph.clear();
  CarriedState carried;
  carried.before = graph.constant({1, static_cast<int64_t>(carried_.size())}, carried_.data());
  const Value targets = graph.column({labels_.begin(), labels_.begin() + n});
  const Value recorded = model_.token_nll(graph, inputs, targets, &carried);
  graph.keep(carried.after);
  workspace_.run();
  const float* nll = workspace_.data(recorded);
  for (int64_t t = 0; t < n; ++t) tell(-static_cast<double>(nll[t]));
  std::copy_n(workspace_.data(carried.after), carried_.size(), carried_.begin());
  before_ = labels_[static_cast<std::size_t>(n) - 1];
  labels_.erase(labels_.begin(), labels_.begin() + n);
}

void RunningTextScorer::tell(double log_prob) {
  require_number(log_prob);
  Text& text = texts_[told_];
  text.log_prob += log_prob;
  if (--text.left == 0) ++told_;
}

std::vector<double> RunningTextScorer::told() {
  std::vector<double> done;
  for (; told_ > 0; --told_, texts_.pop_front()) done.push_back(texts_.front().log_prob);
  return done;
}

}  // namespace storm
