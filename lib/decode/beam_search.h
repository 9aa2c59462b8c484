// Beam search over one batch (Graves 2012, §3.2; Sutskever et al. 2014, §3.2). At each step the 2 beam likeliest
// continuations of a sentence are looked at. Of the first `beam` of these, those that end in EOS are finished
// hypotheses and make room for the next ones that do not; the best `beam` of these are kept. A sentence is done when it
// has so many, those that finish together all counting; without early stopping, when what is open would not be among
// them. At the maximum length whatever is still open is finished (DecodeOptions::forced_eos).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "decode/answer_end.h"
#include "decode/logits_processor.h"
#include "decode/sorted_batches.h"

namespace storm {

class BeamSearch {
 public:
  // All are borrowed.
  BeamSearch(const Generator& model, const SpecialIds& special, const DecodeOptions& options, Workspace& workspace);

  // The n-best lists of the batch's sentences.
  std::vector<Hypotheses> operator()(const DecodingBatch& batch);

 private:
  struct Candidate {
    double log_prob;  // of all ids up to this one
    int32_t row, id;  // id follows what row holds
  };
  // A sentence that is still searched.
  struct Open {
    std::size_t sentence;  // in the batch
    int32_t rows;          // of this step
    int32_t finished = 0;  // so many of its places in finished_ are taken
  };
  struct Finished {
    double log_prob, score;
    int32_t length;  // in ids
    int32_t row;     // what the last of them, or EOS, follows
    int32_t last;    // the id that completes a stop string or fills the maximum; -1: EOS follows the row's ids
  };
  struct Step {
    int32_t k = 0;                     // candidates a row
    const float* log_probs = nullptr;  // [rows, k]
    const int32_t* ids = nullptr;      // [rows, k]; -1: no more can follow
    const float* forced = nullptr;     // [rows]: log-probability of what a row is made to go on with
  };

  Step run_step(Decoder& decoder);
  // What the rows of a sentence are made to go on with; none: they are searched.
  std::optional<int32_t> forced(const Open& open) const;
  bool eos_is_banned(const Open& open) const;
  bool is_banned(const Open& open, int32_t id) const;
  // Whether a sentence is searched no more. first_row: of those that it has next.
  bool is_done(const Open& open, std::size_t first_row);
  // The likeliest of each row after the logits processors. logits: [rows, vocabulary].
  void process(const float* logits, std::size_t vocabulary, Step& step);
  // The ids that a row of step said.size() has said.
  void read(int32_t row, std::span<int32_t> said) const;
  // What the rows of one sentence become; `row` is its first.
  void force(const Open& open, const Step& step, int32_t row);
  void close(Open& open, const Step& step, int32_t row);
  void search(Open& open, const Step& step, int32_t row);
  // Whether a candidate ends its hypothesis.
  bool ends(const Open& open, const Candidate& candidate);
  void finish(Open& open, const Candidate& candidate);
  // Its finished hypotheses, best first, of equal ones the one that was finished first.
  Finished* finished(const Open& open) {
    return finished_.data() + open.sentence * static_cast<std::size_t>(options_.beam);
  }
  void go_on(const Candidate& candidate);
  Hypotheses best(const Open& open);

  const Generator& model_;
  const SpecialIds special_;
  const DecodeOptions& options_;
  Workspace& workspace_;
  const LogitsProcessors processors_;
  const DecodingBatch* batch_ = nullptr;
  std::optional<AnswerEnd> answer_end_;

  int32_t step_ = 0;
  std::vector<Open> open_;
  // The rows of the step that comes next: what they go on from, what they are fed, the log-probability of all that.
  std::vector<int32_t> parents_, tokens_;
  std::vector<double> log_probs_, past_log_probs_;
  std::vector<int32_t> forced_;  // what rows are made to go on with: of a prefix, EOS at the maximum length; else 0
  std::vector<std::size_t> sentence_of_row_;
  std::vector<float> processed_log_probs_;  // [rows, k], as Step has them
  std::vector<int32_t> processed_ids_;
  std::vector<Candidate> candidates_;
  std::vector<int32_t> ids_;        // of a candidate
  std::vector<Finished> finished_;  // [sentences, beam]
  // All rows of all steps, to walk back along when a hypothesis is read.
  struct Link {
    int32_t parent, token;
  };
  std::vector<Link> links_;
  std::vector<std::size_t> links_of_step_;
};

}  // namespace storm
