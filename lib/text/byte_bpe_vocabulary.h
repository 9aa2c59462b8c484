// Byte-level BPE as GPT-2 and RoBERTa use it (Radford et al. 2019; Sennrich, Haddow and Birch, ACL 2016): words are
// their bytes, which merges join, so that every text has pieces. Ids are those of Hugging Face's tokenizers; the bytes
// are a tokenizer.json.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer_json.h"

namespace storm {

struct ByteBpeModel {
  TokenizerPieces pieces;         // named in GPT-2's alphabet (byte_alphabet.h)
  bool add_prefix_space = false;  // a text that begins without a space is read as if it had one
  std::vector<std::pair<std::string, std::string>> merges;  // of pieces' names, the first to go first
};

std::string tokenizer_json(const ByteBpeModel& model);

std::unique_ptr<const VocabularyKind> make_byte_bpe(JsonFields& root, JsonFields& model);

}  // namespace storm
