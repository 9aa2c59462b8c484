// A word's character n-grams, which share a table of vectors by their hashes (Bojanowski, Grave, Joulin, Mikolov,
// "Enriching word vectors with subword information", TACL 2017, section 3.2), in the rows that fastText puts them in.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace storm {

struct Subwords {
  int64_t least = 0, most = 0;  // characters of an n-gram, < and > included, which stand for a word's ends
  int64_t buckets = 0;          // rows of the table; 0: words have no n-grams
};

// The buckets of a word's n-grams, those that come twice twice, in the order of where they begin and how long they are.
// A character is a code point. The word's ends alone, < and >, are no n-gram. The hash is FNV-1a of 32 bits over the
// bytes, each extended by its sign as fastText does (https://github.com/facebookresearch/fastText, dictionary.cc).
void subword_buckets(std::string_view word, const Subwords& subwords, std::vector<int32_t>& buckets);

}  // namespace storm
