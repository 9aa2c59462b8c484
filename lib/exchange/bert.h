// BERT's encoder, pooler and heads of pre-training, from and to transformers' BertModel, BertForMaskedLM,
// BertForPreTraining and BertForNextSentencePrediction, and under a task's head (exchange/bert_heads.h); and
// sentence-transformers folders, whose encoder it is.
#pragma once

#include "exchange/family.h"

namespace storm {

const Family& bert_family();

}  // namespace storm
