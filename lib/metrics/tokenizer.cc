#include "metrics/tokenizer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "metrics/token_cuts.h"
#include "metrics/western.h"
#include "text/unicode.h"

namespace storm {

namespace {

constexpr std::string_view kNames[] = {"none",     "13a", "char",      "intl",      "zh",
                                       "ja-mecab", "spm", "flores101", "flores200", "spBLEU-1K"};

// What sacreBLEU's zh tokeniser takes for Chinese, by blocks. That U+2001 to U+2A6D is in it is an escape of five
// digits read as one of four and a digit, which scores have depended on ever since.
constexpr std::pair<char32_t, char32_t> kChinese[] = {
    {0x2001, 0x2A6D}, {0x2E80, 0x2FDF}, {0x2FF0, 0x303F}, {0x3100, 0x312F}, {0x31A0, 0x31EF},
    {0x3200, 0x4DB5}, {0x4E00, 0x9FBB}, {0xF900, 0xFA2D}, {0xFA30, 0xFA6A}, {0xFA70, 0xFAD9},
    {0xFE10, 0xFE1F}, {0xFE30, 0xFE4F}, {0xFF00, 0xFFEF}};
bool is_chinese(char32_t c) {
  const auto range = std::ranges::lower_bound(kChinese, c, {}, [](const auto& r) { return r.second; });
  return range != std::end(kChinese) && c >= range->first;
}

}  // namespace

Tokenization tokenization_from_name(std::string_view name) {
  if (name == "ko-mecab")
    throw UsageError(
        "--tokenize ko-mecab: needs a fork of MeCab that Debian does not have; use char or a SentencePiece model "
        "(spm)");
  std::string all;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Tokenization>(i);
    all += (i ? ", " : "") + std::string(kNames[i]);
  }
  throw UsageError(str("--tokenize: '", name, "' is none of ", all));
}

std::string tokenizer_signature(const TokenizerOptions& o) {
  if (o.mecab) return o.mecab->signature();
  return std::string(
      kNames[static_cast<std::size_t>(o.tokenize == Tokenization::spm ? Tokenization::flores101 : o.tokenize)]);
}

std::string vocabulary_path(Tokenization t) {
  const char *folder = std::getenv("SACREBLEU"), *home = std::getenv("HOME");
  return (folder ? std::string(folder) : std::string(home ? home : ".") + "/.sacrebleu") + "/models/" +
         (t == Tokenization::flores200   ? "flores200sacrebleuspm"
          : t == Tokenization::spbleu_1k ? "spbleu-1k_tokenizer_spm.model"
                                         : "sacrebleu_tokenizer_spm.model");
}

Tokenizer::Tokenizer(const TokenizerOptions& options) : options_(options) {
  const auto name = kNames[static_cast<std::size_t>(options.tokenize)];
  require(!needs_vocabulary(options.tokenize) || options.vocabulary, "tokenisation ", name,
          " needs a SentencePiece model");
  if (options.tokenize != Tokenization::japanese) return;
  require(options.mecab != nullptr, "tokenisation ", name, " needs MeCab");
  tagger_.emplace(options.mecab);
}

std::span<const std::string_view> Tokenizer::operator()(std::string_view segment) {
  if (options_.lowercase) {
    lower_case(segment, lowered_);
    segment = lowered_;
  }
  segment = strip_right(segment);
  tokens_.clear();
  switch (options_.tokenize) {
    case Tokenization::none:
      cut_spaces(segment);
      break;
    case Tokenization::mteval13a:
      cut_western(unescape_xml(segment, true, unescaped_), {}, tokens_);
      break;
    case Tokenization::character:
      cut_characters(segment);
      break;
    case Tokenization::chinese:
      cut_western(strip(segment), {.edge_is_digit = true, .stands_alone = is_chinese}, tokens_);
      break;
    case Tokenization::japanese:
      cut_spaces((*tagger_)(strip(segment)));
      break;
    case Tokenization::spm:
    case Tokenization::flores101:
    case Tokenization::flores200:
    case Tokenization::spbleu_1k:
      pieces_.clear();
      for (const auto& piece : options_.vocabulary->encode_pieces(segment)) (pieces_ += piece) += ' ';
      cut_spaces(pieces_);
      break;
    case Tokenization::international:
      cut_international(segment);
      break;
  }
  return tokens_;
}

void Tokenizer::cut_spaces(std::string_view text) {
  Cutter cutter(text, tokens_);
  for (std::size_t i = 0; i < text.size();) {
    const int space = space_at(text, i);
    if (space) cutter.skip(i, static_cast<std::size_t>(space));
    i += static_cast<std::size_t>(space ? space : utf8_length(text[i]));
  }
  cutter.cut(text.size());
}

void Tokenizer::cut_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto n = static_cast<std::size_t>(utf8_length(text[i]));
    if (!space_at(text, i)) tokens_.push_back(text.substr(i, n));
    i += n;
  }
}

void Tokenizer::cut_international(std::string_view text) {
  Cutter cutter(text, tokens_);
  // Before the first character and behind the last there is nothing to match: an edge acts as a digit does.
  bool digit_before = true;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t at = i;
    const char32_t c = next_code_point(text, i);
    const CharClass cls = char_class(c);
    if (is_space(c)) {
      cutter.skip(at, i - at);
    } else if (cls == CharClass::symbol) {
      cutter.cut(at);
      cutter.cut(i);
    } else if (cls == CharClass::punctuation) {
      marks_.assign(1, at);
      bool digit_behind = true;
      for (std::size_t next = i; next < text.size(); i = next) {
        const CharClass behind = char_class(next_code_point(text, next));
        digit_behind = behind == CharClass::number;
        if (behind != CharClass::punctuation) break;
        digit_behind = true;
        marks_.push_back(i);
      }
      const auto [before, behind] = cuts_around(marks_.size(), digit_before, digit_behind);
      for (std::size_t k = before ? 0 : 1; k < marks_.size(); ++k) cutter.cut(marks_[k]);
      if (behind) cutter.cut(i);
    }
    digit_before = cls == CharClass::number;
  }
  cutter.cut(text.size());
}

}  // namespace storm
