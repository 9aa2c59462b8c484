// A SentencePiece model (Kudo and Richardson, "SentencePiece: a simple and language independent subword tokenizer and
// detokenizer for neural text processing", EMNLP 2018) as a vocabulary; its bytes are those of its .model file.
#pragma once

#include "text/vocabulary_kind.h"

namespace storm {

// Recognises protobuf messages that have pieces.
extern const VocabularyMaker kSentencePieceMaker;

}  // namespace storm
