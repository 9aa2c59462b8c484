// The text that an n-gram model is counted from: sentences of words, which get numbers in the order in which they first
// come (as KenLM's do, on whose order its discounts depend in one place; see suffix_scan.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/input.h"
#include "text/word_index.h"

namespace storm {

// The first numbers. <unk> in a text is the unknown word, and is counted as such.
constexpr uint32_t kUnknownWord = 0, kSentenceBegin = 1, kSentenceEnd = 2, kFirstWord = 3;

// What a model's words are in the world outside of it.
struct NgramWords {
  std::string vocabulary;    // the bytes of a vocabulary (text/vocabulary.h)
  std::vector<int32_t> ids;  // of each number there
  std::string column;        // of token streams: how it is called; empty: plain text
};

// Words that are their numbers in an index, the first three special: a list vocabulary.
NgramWords listed(const WordIndex& words);

class NgramText {
 public:
  virtual ~NgramText() = default;
  // words become the numbers of the next sentence, which may have none; false at the end of the text. Throws Error with
  // the line for <s>, </s> and <pad>, and for words that are no UTF-8.
  virtual bool next(std::vector<uint32_t>& words) = 0;
  virtual uint32_t size() const = 0;  // numbers that were given so far, and the first three
  // When all was read. Throws Error for a text without a word.
  virtual NgramWords words() const = 0;
};

// path: plain text, a sentence a line, words being what stands between spaces, TABs, CRs and NULs; or a token stream,
// whose only column holds the words. "-" is standard input.
std::unique_ptr<NgramText> open_ngram_text(const std::string& path);

// Whether what comes next begins a stream, not plain text.
bool begins_stream(Input& input);
// Throws Error for <s>, </s> or <pad> among the words of plain text. where: "corpus.txt: line 7".
[[noreturn]] void refuse_mark(const std::string& where, std::string_view word);

}  // namespace storm
