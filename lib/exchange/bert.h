// BERT's encoder, pooler and heads of pre-training, from and to transformers' BertModel, BertForMaskedLM,
// BertForPreTraining and BertForNextSentencePrediction; and sentence-transformers folders, whose encoder it is.
#pragma once

#include "exchange/family.h"

namespace storm {

const Family& bert_family();

}  // namespace storm
