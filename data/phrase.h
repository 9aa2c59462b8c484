// A piece of a sentence pair: both texts in morphs, with links between morphs that mean the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace storm::corpus {

constexpr int kNoLink = -1;

struct Morph {
  std::string text;
  int link = kNoLink;  // source and target morphs with the same link translate each other
  bool glued = false;  // no space before it: it belongs to the word of the morph before
};

struct Phrase {
  std::vector<Morph> source, target;
  int links = 0;  // how many link numbers are taken: 0 .. links-1

  // Appends another phrase's morphs to one side; its links begin at base here.
  static void append(std::vector<Morph>& side, const std::vector<Morph>& morphs, int base) {
    for (Morph m : morphs) {
      if (m.link != kNoLink) m.link += base;
      side.push_back(std::move(m));
    }
  }
};

std::string text_of(const std::vector<Morph>& side);

// Word alignment in Pharaoh format, "0-0 1-2": indices of space-separated words, source-target. A word is linked when
// one of its morphs is: every word of "two hundred and one" to the one word "zweihunderteins".
std::string word_alignment(const Phrase& phrase);

// The same links between stretches of characters, "0-6:8-15": code points [begin, end) of the source line, then of the
// target line. Whatever the pieces of a vocabulary are, their alignment follows from it.
std::string span_alignment(const Phrase& phrase);

}  // namespace storm::corpus
