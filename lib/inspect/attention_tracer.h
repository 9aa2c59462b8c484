// The attention maps of sentence pairs, or of texts that a model reads, one after another, in the memory of one batch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "inspect/attention_choice.h"
#include "inspect/attention_maps.h"
#include "inspect/text_frame.h"
#include "models/encoder_decoder.h"
#include "tensor/workspace.h"
#include "text/vocabulary.h"

namespace storm {

class AttentionTracer {
 public:
  // Borrows the model, which turns sources into targets, or continues texts: then pairs have targets alone, the texts;
  // or only reads texts: then pairs have sources alone. A batch has at most max_tokens tokens on its larger side, and
  // kBatchBytes of maps, but at least one pair. device: where the pass runs, which has twins of the model's parameters;
  // null: the CPU.
  AttentionTracer(const Model& model, const SpecialIds& special, Vocabulary source, Vocabulary target,
                  AttentionChoice choice, int64_t max_tokens, Device* device = nullptr);

  // Calls take(maps) for each pair, in their order; first: the number of the first one, from 1. The maps live during
  // the call. Throws Error for a pair that is longer than the model takes or whose maps are larger than this machine's
  // memory, and for a model whose weights are not numbers.
  using Take = std::function<void(const AttentionMaps&)>;
  void operator()(std::span<const SentencePair> pairs, int64_t first, const Take& take);

  const AttentionChoice& choice() const { return choice_; }
  bool has_source() const { return pass_.has_source; }
  bool has_target() const { return pass_.has_target; }
  static constexpr int64_t kBatchBytes = int64_t{32} << 20;

 private:
  int64_t map_bytes(const SentencePair& pair) const;  // as the pass computes them: all heads of the layers wanted
  void run(std::span<const SentencePair> pairs, int64_t first, const Take& take);

  // What is traced: a pass over sources and targets, and how long they may be.
  struct Pass {
    std::function<void(Graph&, const Batch&, Trace&)> record;
    int64_t longest_source, longest_target;
    bool has_source, has_target;
  };
  static Pass pass_of(const Model& model);
  Batch batch_of(std::span<const SentencePair> pairs) const;
  int64_t source_tokens(const SentencePair& pair) const;
  int64_t target_tokens(const SentencePair& pair) const;
  std::string tokens_of(const SentencePair& pair) const;  // how many there are, in errors

  Pass pass_;
  SpecialIds special_;
  TextFrame source_frame_;
  Vocabulary source_, target_;
  AttentionChoice choice_;
  int64_t max_tokens_;
  std::array<int64_t, kAttentionKinds.size()> heads_{};  // that the pass computes of each kind, over the layers wanted
  Workspace workspace_;
};

}  // namespace storm
