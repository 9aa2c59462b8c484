// The tokenisers that sacreBLEU gives BLEU. Each is one pass that cuts a segment where sacreBLEU's chain of
// substitutions would have put a space; the tests hold them to sacreBLEU's own output.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/mecab.h"
#include "text/vocabulary.h"

namespace storm {

enum class Tokenization {
  none,
  mteval13a,
  character,
  international,
  chinese,
  japanese,
  spm,
  flores101,
  flores200,
  spbleu_1k
};

// "none", "13a", "char", "intl", "zh", "ja-mecab", "spm", "flores101", "flores200" or "spBLEU-1K", the names of
// --tokenize; throws UsageError for any other, with the reason where it is one that sacreBLEU has.
Tokenization tokenization_from_name(std::string_view name);

inline bool needs_vocabulary(Tokenization t) { return t >= Tokenization::spm; }
// Where sacreBLEU keeps its SentencePiece model: $SACREBLEU/models or ~/.sacrebleu/models.
std::string vocabulary_path(Tokenization t);

struct TokenizerOptions {
  Tokenization tokenize = Tokenization::mteval13a;
  bool lowercase = false;
  std::optional<Vocabulary> vocabulary = {};  // for the tokenisations that need one
  std::shared_ptr<const Mecab> mecab = {};    // for japanese
};
std::string tokenizer_signature(const TokenizerOptions& options);  // spm is flores101 there, MeCab has its version

class Tokenizer {
 public:
  explicit Tokenizer(const TokenizerOptions& options);  // throws Error without a vocabulary or MeCab that is needed

  // The tokens of one segment (valid UTF-8), valid until the next call or the segment's end, whichever is first.
  std::span<const std::string_view> operator()(std::string_view segment);

 private:
  void cut_spaces(std::string_view text);
  void cut_characters(std::string_view text);
  void cut_international(std::string_view text);

  TokenizerOptions options_;
  std::optional<Mecab::Tagger> tagger_;
  std::string lowered_, unescaped_, pieces_;
  std::vector<std::string_view> tokens_;
  std::vector<std::size_t> marks_;  // where each mark of a run of punctuation begins
};

}  // namespace storm
