// How texts are laid out as what a model that encodes text is fed: one text with its ends, or a pair as one sequence.
#pragma once

#include <cstdint>
#include <span>

#include "data/batches.h"
#include "inspect/text_frame.h"

namespace storm {

// A pair is a text, the token that ends it, and the other text with what stands behind a text: [CLS] a [SEP] b [SEP] of
// BERT, whose second text is of segment 1; a EOS b EOS; or EOS a EOS b of a model that reads EOS first.
class TextLayout {
 public:
  // model, and what errors call its vocabulary: as TextFrame::of has them.
  TextLayout(const TextEncoder& model, const Vocabulary& vocabulary, std::size_t texts)
      : frame_(TextFrame::of(model, vocabulary, "the model")), texts_(texts), longest_(model.longest_source()) {}

  std::size_t texts() const { return texts_; }  // of a row: 1, or 2
  Side side() const;                            // what a row takes of a batch, of its first columns
  int64_t tokens(std::span<const std::span<const int32_t>> row) const;
  // Where the row's last text begins in what is fed of it.
  int64_t begin_of_last(std::span<const std::span<const int32_t>> row) const;
  // Appends a row's texts. Throws Error for more tokens than the model takes; row: its number in the message.
  void add(PackedSentences& to, std::span<const std::span<const int32_t>> texts, int64_t row) const;

 private:
  int64_t added() const { return (frame_.before >= 0) + (frame_.behind >= 0) + static_cast<int64_t>(texts_) - 1; }

  TextFrame frame_;
  std::size_t texts_;
  int64_t longest_;
};

}  // namespace storm
