// BERT: the encoder of a Transformer alone, which reads a text from both ends (Devlin et al. 2018): post-norm, learned
// positions, a table of segments, and heads: a pooler of the first token with what says whether a second sentence is
// the next, and the masked language model.
#pragma once

#include "models/architecture.h"
#include "nn/transformer_block.h"

namespace storm {

struct BertConfig {
  int64_t layers;
  BlockShape block;
  int64_t max_positions;  // tokens that a text may have, [CLS] and [SEP] included
  int64_t segments;       // that a text's tokens may be of
  int64_t vocabulary;
  bool pooler, masked_lm, next_sentence;  // which heads there are
  bool share_embeddings;                  // the masked language model's output table is the embeddings'

  static BertConfig from(const nlohmann::json& config);  // throws UsageError
};

const Architecture& bert_architecture();

}  // namespace storm
