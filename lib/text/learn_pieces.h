// Learning a WordPiece or a byte-level BPE vocabulary from text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace storm {

struct LearnPiecesOptions {
  int64_t vocab_size = 8000;           // special pieces and symbols included
  std::vector<std::string> symbols{};  // user-defined: always one piece each
  bool uncased = true;                 // of WordPiece: text is lower-cased and loses its accents
  double character_coverage =
      1.0;  // of WordPiece: share of the characters that get a piece; words with others are unknown
};

// Both learn from the lines that next() gives (false: no more) and return a tokenizer.json. The same lines and options
// give the same bytes, whatever the threads do. They throw Error where the text has too few words for the size,
// UsageError for options that cannot be.
//
// WordPiece as tokenizers learns it, by merges of BPE, whose pieces alone are kept. Ids: [PAD] 0, [UNK] 1, [CLS] 2,
// [SEP] 3, [MASK] 4, symbols, characters in their order, those that continue a word, and what is learnt.
std::string learn_wordpiece(const std::function<bool(std::string& line)>& next, const LearnPiecesOptions& options);
// Ids: <|endoftext|> 0, which is BOS and EOS, symbols, the 256 bytes in the order of their names, and what is learnt.
std::string learn_byte_bpe(const std::function<bool(std::string& line)>& next, const LearnPiecesOptions& options);

}  // namespace storm
