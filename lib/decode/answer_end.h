// Where an answer ends but for EOS: at a stop string, or at its maximum length if it gets no EOS there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/sorted_batches.h"

namespace storm {

class AnswerEnd {
 public:
  // All are borrowed.
  AnswerEnd(const DecodeOptions& options, const DecodingBatch& batch)
      : stop_(options.stop), at_most_(options.forced_eos == ForcedEos::none), batch_(batch) {}

  bool possible() const { return stop_ || at_most_; }
  // Whether the last of an answer's ids, which is new and no prefix's, ends it. ids: with the prefix.
  bool operator()(std::size_t sentence, std::span<const int32_t> ids) const;
  // Leaves what is before a stop string in answer.ids, and the rest in answer.stopped.
  void cut(std::size_t sentence, Hypothesis& answer) const;

 private:
  std::vector<int32_t> before(std::size_t sentence) const;  // what stands before what is new

  const StopStrings* stop_;
  bool at_most_;
  const DecodingBatch& batch_;
};

}  // namespace storm
