// A plain list of words or labels as a vocabulary: UTF-8, LF after every line.
//   storm.words 1     words: the entries <pad>, <unk>, <s> and </s> (ids 0 to 3) come first
//   storm.labels 1    labels: none of these; what is not in the list is an error
// is the first line, and then comes an entry a line, in the order of ids from 0. No entry comes twice, is empty, or has
// a space, TAB or CR in it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary_kind.h"

namespace storm {

enum class ListKind : uint8_t { words, labels };

// The special entries of a list of words, by id. `<unk>` in a text is the unknown word. The other three name nothing in
// a text: there they are unknown words like any other that the list does not have.
constexpr std::array<std::string_view, 4> kSpecialWords{"<pad>", "<unk>", "<s>", "</s>"};

// The bytes of a list of these entries (of words: the special ones not among them), which nobody checks here.
std::string list_bytes(ListKind kind, const std::vector<std::string_view>& entries);

inline bool separates_words(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Calls take(word) for each word of a line, as it is: what stands between spaces, TABs and CRs.
template <class Take>
void each_word(std::string_view line, Take&& take) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::size_t begin = i;
    while (i < line.size() && !separates_words(line[i])) ++i;
    if (i > begin) take(line.substr(begin, i - begin));
  }
}

// Recognises bytes that begin with "storm.words " or "storm.labels ".
extern const VocabularyMaker kListMaker;

}  // namespace storm
