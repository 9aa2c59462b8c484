// BERT's encoder, pooler and masked language model, from and to transformers' BertModel, BertForMaskedLM and
// BertForPreTraining; and sentence-transformers folders, whose encoder it is.
#pragma once

#include "exchange/family.h"

namespace storm {

const Family& bert_family();

}  // namespace storm
