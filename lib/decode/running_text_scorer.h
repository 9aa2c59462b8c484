// How likely a model finds texts that are read as one: each ends in EOS, and the next goes on from there. A model whose
// longest text is bounded reads in windows of that length, each `stride` tokens on from the one before, and of each
// window those tokens count that none before has told: so each is told with at least (longest - stride) tokens before
// it, but in the first window (the way WikiText perplexities of GPT-2 are reported). A model that carries its state
// reads on from stretch to stretch, and stride is then how many tokens a stretch has.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "models/language_model.h"

namespace storm {

class RunningTextScorer {
 public:
  // Borrows the model. stride: tokens, at most what the model takes. max_tokens: of the windows that are run at once,
  // one at least. device: one that has twins of the model's parameters, or null for the CPU.
  RunningTextScorer(const LanguageModel& model, int32_t eos, int64_t stride, int64_t max_tokens,
                    Device* device = nullptr);

  // The log-probabilities, EOS included, of texts that are told in full by now: of those of add() before, in their
  // order. What is not yet told stays until more comes, or finish().
  std::vector<double> add(std::span<const std::span<const int32_t>> texts);
  std::vector<double> finish();

 private:
  void run(int64_t windows);
  void run_windows(int64_t windows);
  void run_stretch();
  std::vector<double> told();
  int64_t untold() const { return static_cast<int64_t>(labels_.size()) - done_; }
  void tell(double log_prob);  // of the token that is next

  const LanguageModel& model_;
  int32_t eos_;
  int64_t stride_, window_, at_once_;
  Workspace workspace_;
  std::vector<float> carried_;   // of a model that carries state; else none
  std::vector<int32_t> labels_;  // tokens that are told, from the first that a window still sees, and the next
  int32_t before_;               // the token before labels_[0]
  int64_t done_ = 0;             // of labels_, those that are told
  bool begun_ = false;
  struct Text {
    int64_t left;  // tokens that are not told
    double log_prob = 0;
  };
  std::deque<Text> texts_;
  std::size_t told_ = 0;  // so many of them, the first, are told in full
};

}  // namespace storm
