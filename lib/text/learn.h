// Learning a SentencePiece model from text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace storm {

struct LearnOptions {
  int64_t vocab_size = 8000;
  std::string type = "bpe";          // bpe, unigram, char or word
  double character_coverage = 1.0;   // share of the characters that get a piece of their own
  bool byte_fallback = true;         // other characters become bytes, so that every text survives
  bool normalize = true;             // NFKC and single spaces, as SentencePiece's nmt_nfkc; false: text as it is
  int64_t sentences = 0;             // learn from a uniform sample of this many lines; 0: from all
  int64_t max_line_bytes = 4192;     // longer lines are left out
  std::vector<std::string> symbols;  // user-defined: always one piece each
  uint64_t seed = 1;                 // of the sample
  bool verbose = false;              // show SentencePiece's own log
};

// Learns from the lines that next() gives (false: no more) and returns the serialized model. Ids: pad 0, unk 1, bos 2,
// eos 3. The same lines and options give the same bytes. too_long: gets how many lines were left out for their length.
// Throws Error when there are too few lines for the size, UsageError for options that cannot be.
std::string learn_vocabulary(const std::function<bool(std::string& line)>& next, const LearnOptions& options,
                             int64_t* too_long = nullptr);

}  // namespace storm
