// WordPiece as BERT uses it (Wu et al., "Google's neural machine translation system", 2016; Devlin et al., NAACL 2019):
// each word of the normalised text is cut into the longest pieces from the left. Ids and decoded text are those of
// Hugging Face's tokenizers; the bytes are a tokenizer.json.
#pragma once

#include <memory>
#include <string>

#include "text/bert_normalizer.h"
#include "text/tokenizer_json.h"

namespace storm {

struct WordPieceModel {
  TokenizerPieces pieces;  // unk is what a word becomes that cannot be cut into pieces
  BertNormalizer normalizer;
  std::string prefix = "##";     // of a piece that continues a word
  int64_t max_characters = 100;  // of a word; a longer one is unknown
  bool cleanup = true;           // decoding leaves spaces out before punctuation and in contractions
};

std::string tokenizer_json(const WordPieceModel& model);

std::unique_ptr<const VocabularyKind> make_wordpiece(JsonFields& root, JsonFields& model);

}  // namespace storm
