// The tokenisers that sacreBLEU gives BLEU. Each is one pass that cuts a segment where sacreBLEU's chain of
// substitutions would have put a space; the tests hold them to sacreBLEU's own output.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

enum class Tokenization { none, mteval13a, character, international, chinese };

// "none", "13a", "char", "intl", "zh", the names of --tokenize; throws UsageError for any other.
Tokenization tokenization_from_name(std::string_view name);
std::string_view tokenization_name(Tokenization t);

class Tokenizer {
 public:
  explicit Tokenizer(Tokenization tokenization, bool lowercase = false)
      : tokenization_(tokenization), lowercase_(lowercase) {}

  // The tokens of one segment (valid UTF-8), valid until the next call or the segment's end, whichever is first.
  std::span<const std::string_view> operator()(std::string_view segment);

 private:
  void cut_spaces(std::string_view text);
  void cut_characters(std::string_view text);
  void cut_international(std::string_view text);

  Tokenization tokenization_;
  bool lowercase_;
  std::string lowered_, unescaped_;
  std::vector<std::string_view> tokens_;
  std::vector<std::size_t> marks_;  // where each mark of a run of punctuation begins
};

}  // namespace storm
